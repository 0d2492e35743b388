// Whether the link still carries a voice: what is heard in pieces is better read.

const OVER_MS = 10_000;
const MOST_UNDERRUNS = 4; // in so long
const MOST_MISSING_MS = 1_500;

export class Quality {
  constructor() {
    this._looks = []; // {atMs, underruns, missingMs}, of the last OVER_MS and the one before
  }

  /** Counters as they stand; true when too much of the voice is missing. */
  isPoor(underruns, missingMs, atMs) {
    this._looks.push({ atMs, underruns, missingMs });
    while (this._looks.length > 1 && this._looks[1].atMs <= atMs - OVER_MS) this._looks.shift();
    const before = this._looks[0];
    return underruns - before.underruns >= MOST_UNDERRUNS || missingMs - before.missingMs >= MOST_MISSING_MS;
  }
}
