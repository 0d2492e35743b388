// The microphone, with the browser's own echo cancellation.

const WANTED = { echoCancellation: true, noiseSuppression: true, autoGainControl: true, channelCount: 1 };

/** There is no microphone to be had; `why`: "insecure", "denied", "none" or "failed". */
export class NoMicrophone extends Error {
  constructor(why, message) {
    super(message);
    this.why = why;
  }
}

export class Microphone {
  /** `hear(samples, level)`: 20 ms as Int16Array at 24 kHz. `lost()`: it was unplugged or taken away. */
  constructor(hear, lost) {
    this._hear = hear;
    this._lost = lost;
    this._stream = null;
    this._context = null;
  }

  get isOpen() {
    return this._stream !== null;
  }

  /** Throws NoMicrophone. */
  async open() {
    if (!navigator.mediaDevices?.getUserMedia) throw new NoMicrophone("insecure", "no secure context");
    try {
      this._stream = await navigator.mediaDevices.getUserMedia({ audio: WANTED });
    } catch (error) {
      throw new NoMicrophone(reasonOf(error), error.message);
    }
    const [track] = this._stream.getAudioTracks();
    track.onended = () => {
      this.close();
      this._lost();
    };
    this._context = new AudioContext();
    await this._context.audioWorklet.addModule(new URL("capture-worklet.js", import.meta.url));
    if (!this._context) return; // closed meanwhile
    const capture = new AudioWorkletNode(this._context, "capture", { outputChannelCount: [1] });
    capture.port.onmessage = ({ data }) => this.isOpen && this._hear(data, levelOf(data));
    this._context.createMediaStreamSource(this._stream).connect(capture);
    capture.connect(this._context.destination); // silent; what leads nowhere is not run everywhere
    await this._context.resume();
  }

  close() {
    for (const track of this._stream?.getTracks() ?? []) track.stop();
    this._context?.close();
    this._stream = null;
    this._context = null;
  }
}

function reasonOf(error) {
  if (error.name === "NotAllowedError" || error.name === "SecurityError") return "denied";
  return error.name === "NotFoundError" ? "none" : "failed";
}

function levelOf(samples) {
  let power = 0;
  for (const sample of samples) power += sample * sample;
  return Math.sqrt(power / samples.length) / 32768;
}

/** Samples as the wire has them: 16 bit, little-endian whatever this machine is. */
export function toPcm(samples) {
  const view = new DataView(new ArrayBuffer(2 * samples.length));
  samples.forEach((sample, i) => view.setInt16(2 * i, sample, true));
  return new Uint8Array(view.buffer);
}
