// What the loudspeaker plays next. Positions are samples at 24 kHz. Runs inside the playout worklet.

const RATE_HZ = 24_000;
const MS = RATE_HZ / 1000;
const FIRST_AHEAD_MS = 60; // to have before an answer begins; the service sends 300 ms ahead
const AHEAD_STEP_MS = 60; // more after every time it ran dry
const MOST_AHEAD_MS = 300;
const FADE_SAMPLES = 120; // 5 ms: what stops at once does not click

/** One answer's audio, in the order of its media time. */
class Answer {
  constructor(item, mediaTime) {
    this.item = item;
    this.begin = mediaTime;
    this.at = 0; // the next sample to play
    this.ended = false; // nothing more comes
    this.playing = false; // enough was ahead once
    this.chunks = []; // {at, samples}
  }

  push(mediaTime, samples) {
    let at = (mediaTime - this.begin) | 0; // media time is counted modulo 2**32
    const before = Math.max(0, this.at - at); // a codec's first samples lie before the answer
    if (before >= samples.length) return;
    at += before;
    this.chunks.push({ at, samples: samples.subarray(before) });
  }

  get ahead() {
    const last = this.chunks.at(-1);
    return last ? last.at + last.samples.length - this.at : 0;
  }
}

export class JitterBuffer {
  constructor() {
    this.underruns = 0; // times that it ran dry in the middle of an answer
    this.missingMs = 0; // silence in place of audio that the service dropped
    this._answers = []; // the first one plays
    this._held = false;
    this._dropping = false; // the first one, as soon as it has faded
    this._gain = 1;
    this._aheadMs = FIRST_AHEAD_MS;
  }

  start(item, mediaTime) {
    this._answers.push(new Answer(item, mediaTime));
  }

  /** Samples of the answer that began last; those of one that was dropped go nowhere. */
  push(mediaTime, samples) {
    this._answers.at(-1)?.push(mediaTime, samples);
  }

  /** Nothing more of the answer comes. */
  end(item) {
    for (const answer of this._answers) if (answer.item === item) answer.ended = true;
  }

  hold() {
    this._held = true;
  }

  resume() {
    this._held = false;
  }

  /** Drop an answer; what is heard of it fades within 5 ms. */
  clear(item) {
    const [first, ...later] = this._answers;
    this._answers = [first, ...later.filter((answer) => answer.item !== item)].filter(Boolean);
    if (first?.item === item) this._dropping = true;
  }

  /** Fill `output`; returns {item, played, done} of the answer that was heard, or null. */
  pull(output) {
    output.fill(0);
    const answer = this._answers[0];
    if (!answer) return this._rest(null);
    const silent = this._held || this._dropping;
    if (this._dropping && (this._gain === 0 || !answer.playing)) return this._drop(answer);
    if (silent && this._gain === 0) return this._heard(answer, false);
    if (!answer.playing) {
      if (silent) this._gain = 0;
      if (silent || (!answer.ended && answer.ahead < this._aheadMs * MS)) return this._heard(answer, false);
      answer.playing = true;
    }
    const done = this._play(answer, output, silent);
    if (done) this._answers.shift();
    if (done && this._dropping) this._rest(null);
    return this._heard(answer, done);
  }

  get aheadMs() {
    return (this._answers[0]?.ahead ?? 0) / MS;
  }

  _drop(answer) {
    this._answers.shift();
    return this._rest(this._heard(answer, true));
  }

  _rest(heard) {
    this._dropping = false;
    this._held = false;
    this._gain = 1;
    return heard;
  }

  _heard(answer, done) {
    return { item: answer.item, played: answer.at, done };
  }

  /** Play from the answer's chunks; true when it has been played to its end. */
  _play(answer, output, silent) {
    let filled = 0;
    while (filled < output.length && !(silent && this._gain === 0)) {
      const chunk = answer.chunks[0];
      if (!chunk) {
        if (answer.ended) return true;
        this.underruns += 1;
        this._aheadMs = Math.min(this._aheadMs + AHEAD_STEP_MS, MOST_AHEAD_MS);
        answer.playing = false;
        return false;
      }
      const room = output.length - filled;
      const gap = Math.min(chunk.at - answer.at, room);
      if (gap > 0) {
        this.missingMs += gap / MS;
        answer.at += gap;
        filled += gap;
        continue;
      }
      const count = Math.min(chunk.samples.length, room);
      const copied = this._copy(chunk.samples.subarray(0, count), output, filled, silent);
      answer.at += copied;
      filled += copied;
      chunk.at += copied;
      chunk.samples = chunk.samples.subarray(copied);
      if (!chunk.samples.length) answer.chunks.shift();
    }
    return answer.ended && !answer.chunks.length;
  }

  /** Copy with the gain on its way to 0 or 1; stops at 0. */
  _copy(samples, output, at, silent) {
    const step = (silent ? -1 : 1) / FADE_SAMPLES;
    for (let i = 0; i < samples.length; i++) {
      this._gain = Math.min(1, Math.max(0, this._gain + step));
      if (silent && this._gain < 1e-9) {
        this._gain = 0;
        return i;
      }
      output[at + i] = samples[i] * this._gain;
    }
    return samples.length;
  }
}
