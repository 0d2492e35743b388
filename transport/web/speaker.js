// The loudspeaker: hands audio to the playout worklet, and hears from it how much was played.

const RATE_HZ = 24_000;

export class Speaker {
  /** `report({item, playedMs, done, level, underruns, missingMs, aheadMs})`: some 20 times a second. */
  constructor(report) {
    this._report = report;
    this._context = null;
    this._node = null;
    this._recent = []; // reports of as long as the system holds sound back
  }

  /** Begin within a gesture of the user: browsers let nothing sound before. */
  async open() {
    if (this._context) {
      await this._context.resume();
      return;
    }
    this._context = new AudioContext({ sampleRate: RATE_HZ, latencyHint: "interactive" });
    await this._context.audioWorklet.addModule(new URL("playout-worklet.js", import.meta.url));
    this._node = new AudioWorkletNode(this._context, "playout", { numberOfInputs: 0, outputChannelCount: [1] });
    this._node.port.onmessage = ({ data }) => this._tell(data);
    this._node.connect(this._context.destination);
    await this._context.resume();
  }

  get isOpen() {
    return this._node !== null;
  }

  /** verb: start(item, mediaTime), push(mediaTime, samples), end(item), hold(), resume(), clear(item). */
  do(verb, ...details) {
    this._node?.port.postMessage([verb, ...details]);
  }

  _tell({ item, played, ...rest }) {
    this._report({ item, playedMs: item ? this._heardMs(item, (played * 1000) / RATE_HZ, rest.done) : 0, ...rest });
  }

  /** What was handed to the system is heard a little later, and then it is heard even if nothing follows. */
  _heardMs(item, playedMs, done) {
    const nowMs = performance.now();
    const lateMs = (this._context.outputLatency || 0) * 1000;
    if (this._recent[0]?.item !== item) this._recent = [];
    this._recent.push({ item, playedMs, atMs: nowMs });
    while (this._recent[1]?.atMs <= nowMs - lateMs) this._recent.shift();
    const [{ playedMs: before, atMs }] = this._recent;
    const certainMs = atMs <= nowMs - lateMs ? before : 0;
    return done ? playedMs : Math.max(certainMs, playedMs - lateMs, 0);
  }
}

/** 16-bit little-endian PCM as floats. */
export function fromPcm(payload) {
  const view = new DataView(payload.buffer, payload.byteOffset, payload.byteLength);
  const samples = new Float32Array(payload.byteLength / 2);
  for (let i = 0; i < samples.length; i++) samples[i] = view.getInt16(2 * i, true) / 32768;
  return samples;
}
