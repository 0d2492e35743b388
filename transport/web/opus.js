// Opus by WebCodecs, where a browser has it: a fourteenth of the bytes, so a voice on a link that PCM would choke.

const RATE_HZ = 24_000;
const DECODED = { codec: "opus", sampleRate: 48_000, numberOfChannels: 1 }; // what decoders make of every stream
const ENCODED = {
  codec: "opus",
  sampleRate: RATE_HZ,
  numberOfChannels: 1,
  bitrate: 24_000,
  opus: { frameDuration: 20_000, application: "voip", signal: "voice" },
};
const US = 1e6 / RATE_HZ; // of a sample

/** Whether this browser can both speak and hear it. */
export async function hasOpus() {
  if (!globalThis.AudioDecoder || !globalThis.AudioEncoder) return false;
  try {
    const answers = [AudioDecoder.isConfigSupported(DECODED), AudioEncoder.isConfigSupported(ENCODED)];
    return (await Promise.all(answers)).every(({ supported }) => supported);
  } catch {
    return false; // an older one throws at what it does not know
  }
}

/** Packets become samples at 24 kHz, in order; what is asked for in between happens in its place. */
export class OpusEar {
  /** `heard(mediaTime, samples)`. */
  constructor(heard) {
    this._heard = heard;
    this._line = []; // media times of packets inside the decoder, and functions that wait for those before them
    this._decoder = new AudioDecoder({
      output: (data) => this._take(data),
      error: (error) => console.error(error), // the decoder is closed: silence, and the captions go on
    });
    this._decoder.configure(DECODED);
  }

  take(mediaTime, payload) {
    if (this._decoder.state !== "configured") return;
    this._line.push(mediaTime);
    this._decoder.decode(new EncodedAudioChunk({ type: "key", timestamp: mediaTime * US, data: payload }));
  }

  /** Do something once all packets so far have been heard. */
  after(done) {
    if (this._line.length && this._decoder.state === "configured") this._line.push(done);
    else done();
  }

  close() {
    if (this._decoder.state !== "closed") this._decoder.close();
  }

  _take(data) {
    this._heard(this._line.shift(), samplesOf(data));
    data.close();
    while (typeof this._line[0] === "function") this._line.shift()();
  }
}

function samplesOf(data) {
  const all = new Float32Array(data.numberOfFrames);
  data.copyTo(all, { planeIndex: 0, format: "f32-planar" });
  const step = data.sampleRate / RATE_HZ;
  if (step === 1) return all;
  // The service's sound had 24 kHz: a decoder that gives twice as many samples has put nothing between them.
  return Float32Array.from({ length: Math.floor(all.length / step) }, (_, i) => all[i * step]);
}

/** The microphone's frames become packets of 20 ms. */
export class OpusMouth {
  /** `send(payload, samples)`. */
  constructor(send) {
    this._said = 0;
    this._encoder = new AudioEncoder({
      output: (chunk) => {
        const payload = new Uint8Array(chunk.byteLength);
        chunk.copyTo(payload);
        send(payload, Math.round(chunk.duration / US));
      },
      error: (error) => console.error(error),
    });
    this._encoder.configure(ENCODED);
  }

  /** `samples`: Int16Array at 24 kHz. */
  take(samples) {
    if (this._encoder.state !== "configured") return;
    const data = new AudioData({
      format: "s16",
      sampleRate: RATE_HZ,
      numberOfChannels: 1,
      numberOfFrames: samples.length,
      timestamp: this._said * US,
      data: samples,
    });
    this._said += samples.length;
    this._encoder.encode(data);
    data.close();
  }

  close() {
    if (this._encoder.state !== "closed") this._encoder.close();
  }
}
