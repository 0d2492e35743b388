// A microphone's rate to 24 kHz, sample by sample, by a windowed sinc with one filter for each phase.

const ZERO_CROSSINGS = 12; // on each side: 60 dB down above the new band
const PASSED = 0.92; // of the lower band, so that the filter's slope stays inside it

export class Resampler {
  constructor(fromHz, toHz) {
    const common = gcd(fromHz, toHz);
    this._step = fromHz / common; // of 1/_phases of an input sample, for each output sample
    this._phases = toHz / common;
    this._position = 0; // of the next output sample, in the same unit
    const cutoff = PASSED * Math.min(1, toHz / fromHz);
    this._half = fromHz === toHz ? 0 : Math.ceil(ZERO_CROSSINGS / cutoff);
    this._filters = Array.from({ length: this._phases }, (_, phase) => this._filter(phase, cutoff));
    this._kept = new Float32Array(this._half); // input that later output needs, its beginning in silence
  }

  /** The output samples that `input` completes. */
  push(input) {
    if (!this._half) return input.slice();
    const all = new Float32Array(this._kept.length + input.length);
    all.set(this._kept);
    all.set(input, this._kept.length);
    const output = [];
    let first = Math.floor(this._position / this._phases);
    while (first + 2 * this._half < all.length) {
      const filter = this._filters[this._position % this._phases];
      let sum = 0;
      for (let i = 0; i < filter.length; i++) sum += filter[i] * all[first + i];
      output.push(sum);
      this._position += this._step;
      first = Math.floor(this._position / this._phases);
    }
    const used = Math.min(first, all.length);
    this._kept = all.slice(used);
    this._position -= used * this._phases;
    return Float32Array.from(output);
  }

  _filter(phase, cutoff) {
    const filter = new Float32Array(2 * this._half + 1);
    const centre = this._half + phase / this._phases;
    for (let i = 0; i < filter.length; i++) {
      const x = i - centre;
      const window = 0.5 + 0.5 * Math.cos((Math.PI * x) / (this._half + 1));
      filter[i] = window * cutoff * sinc(cutoff * x);
    }
    return filter;
  }
}

function sinc(x) {
  return x === 0 ? 1 : Math.sin(Math.PI * x) / (Math.PI * x);
}

function gcd(a, b) {
  return b === 0 ? a : gcd(b, a % b);
}
