// The words of one answer, and where the voice stands in them. Places are code points, times milliseconds.

/** Words come in any order, each with its place and, where it is spoken, its time. */
export class Caption {
  constructor() {
    this.heard = 0; // place up to which the answer was heard, or read
    this.now = null; // place of the word that sounds, null for none
    this.cut = null; // place from which it was never heard, null: it was not interrupted
    this._pieces = []; // {offset, end, text, startMs, endMs} in the order of their places
    this._playedMs = 0;
  }

  put(pieces) {
    for (const { offset, text, start_ms: startMs, end_ms: endMs } of pieces) {
      const piece = { offset, end: offset + [...text].length, text, startMs, endMs };
      const at = this._pieces.findIndex((each) => each.offset >= offset);
      if (at < 0) this._pieces.push(piece);
      else this._pieces.splice(at, this._pieces[at].offset === offset ? 1 : 0, piece);
    }
    if (this.cut === null) this.played(this._playedMs);
  }

  /** How much of the answer's audio was heard. */
  get playedMs() {
    return this._playedMs;
  }

  get text() {
    return this._pieces.map((piece) => piece.text).join("");
  }

  /** The voice has come so far. A word without a time goes with the one before it. */
  played(ms) {
    this._playedMs = ms;
    this.now = null;
    this.heard = 0;
    for (const piece of this._pieces) {
      if (piece.endMs !== undefined && piece.endMs > ms) {
        if (piece.startMs <= ms && ms > 0) this.now = piece.offset;
        return;
      }
      if (piece.endMs === undefined && this.heard === 0 && ms === 0) return;
      this.heard = piece.end;
    }
  }

  /** All of it was heard, or it is there to be read. */
  complete() {
    this.now = null;
    this.heard = this._pieces.at(-1)?.end ?? 0;
  }

  /** Only the beginning was heard: up to `place`, or as far as the voice had come. */
  interrupt(place = this.heard) {
    this.now = null;
    this.cut = this.heard = Math.min(place, this._pieces.at(-1)?.end ?? 0);
  }

  /** The answer as [{text, state}], state one of heard, now, ahead, unheard and missing (not here yet). */
  runs() {
    const runs = [];
    let place = 0;
    for (const piece of this._pieces) {
      if (piece.offset > place) add(runs, "…", "missing");
      const inside = this.cut !== null && piece.offset < this.cut && piece.end > this.cut;
      const parts = inside ? split(piece, this.cut) : [piece];
      for (const part of parts) this._add(runs, part);
      place = piece.end;
    }
    return runs;
  }

  _add(runs, piece) {
    const state = this._state(piece);
    const words = state === "now" ? piece.text.trimEnd() : piece.text;
    if (words) add(runs, words, state);
    if (words !== piece.text) add(runs, piece.text.slice(words.length), "ahead"); // spaces do not sound
  }

  _state(piece) {
    if (this.cut !== null) return piece.offset < this.cut ? "heard" : "unheard";
    if (piece.offset === this.now) return "now";
    return piece.end <= this.heard ? "heard" : "ahead";
  }
}

function split({ offset, end, text }, place) {
  const points = [...text];
  const before = points.slice(0, place - offset).join("");
  return [{ offset, end: place, text: before }, { offset: place, end, text: points.slice(place - offset).join("") }];
}

function add(runs, text, state) {
  const last = runs.at(-1);
  if (last?.state === state) last.text += text;
  else runs.push({ text, state });
}

/** What the user says: words that stay, and behind them how the rest reads so far. */
export class Transcript {
  constructor() {
    this.certain = "";
    this.partial = "";
    this.final = false;
  }

  delta(text) {
    this.certain += text;
  }

  reads(text) {
    this.partial = text;
  }

  complete(text) {
    this.certain = text.trim();
    this.partial = "";
    this.final = true;
  }

  /** [certain, uncertain] */
  parts() {
    if (this.final || !this.partial) return [this.certain, ""];
    if (this.partial.startsWith(this.certain.trim())) {
      return [this.certain.trim(), this.partial.slice(this.certain.trim().length)];
    }
    return ["", this.partial]; // digits were settled meanwhile: the newest reading as a whole
  }
}
