// The microphone's end: 20 ms of 16-bit samples at 24 kHz at a time.

import { Resampler } from "./resample.js";

const RATE_HZ = 24_000;
const FRAME_SAMPLES = RATE_HZ / 50;

class Capture extends AudioWorkletProcessor {
  constructor() {
    super();
    this._resampler = new Resampler(sampleRate, RATE_HZ);
    this._frame = new Int16Array(FRAME_SAMPLES);
    this._filled = 0;
  }

  process([[channel]]) {
    if (!channel) return true; // the microphone is not connected yet
    for (const sample of this._resampler.push(channel)) {
      this._frame[this._filled++] = Math.max(-1, Math.min(1, sample)) * 32767;
      if (this._filled === FRAME_SAMPLES) this._send();
    }
    return true;
  }

  _send() {
    this.port.postMessage(this._frame, [this._frame.buffer]);
    this._frame = new Int16Array(FRAME_SAMPLES);
    this._filled = 0;
  }
}

registerProcessor("capture", Capture);
