// The loudspeaker's end: plays what the jitter buffer has, and says how much of it was played.

import { JitterBuffer } from "./jitter.js";

const REPORT_SAMPLES = 1024; // 43 ms: captions follow the voice word by word

class Playout extends AudioWorkletProcessor {
  constructor() {
    super();
    this._buffer = new JitterBuffer();
    this._since = 0; // samples since the last report
    this._power = 0;
    this._was = null; // what was reported last
    this.port.onmessage = ({ data: [verb, ...details] }) => {
      this._buffer[verb](...details);
      if (verb === "hold") this._since = REPORT_SAMPLES; // the service decides by what was heard until now
    };
  }

  process(_, [[output]]) {
    const heard = this._buffer.pull(output);
    for (const sample of output) this._power += sample * sample;
    this._since += output.length;
    if (heard?.done || this._since >= REPORT_SAMPLES) this._report(heard);
    return true;
  }

  _report(heard) {
    const level = Math.sqrt(this._power / Math.max(1, this._since));
    this._since = 0;
    this._power = 0;
    if (!heard && !this._was) return; // nothing plays
    this._was = heard;
    const { underruns, missingMs, aheadMs } = this._buffer;
    this.port.postMessage({ ...heard, level, underruns, missingMs, aheadMs });
  }
}

registerProcessor("playout", Playout);
