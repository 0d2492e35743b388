// The service's answers: what sounds, what is read, and how far the listener has come.

import { timingElement } from "./timing.js";
import { hereMs } from "./waterfall.js";

export class Answers {
  /** `after(done)`: once the audio that came so far was handed on. `changed()`: whoever shows the state should look again. `roundTripMs()`: as measured, or null. */
  constructor({ router, conversation, speaker, after, announce, roundTripMs, changed }) {
    this._conversation = conversation;
    this._speaker = speaker;
    this._after = after;
    this._announce = announce;
    this._roundTripMs = roundTripMs;
    this._changed = changed;
    this._waiting = []; // who waits until no response is in progress
    this.forget();
    router.on("response.created", ({ response }) => this._created(response));
    router.on("response.output_item.added", (event) => this._begun(event));
    router.on("liushui.audio.started", (event) => this._sounds(event));
    router.on("liushui.text", (event) => this._reads(event));
    router.on("liushui.turn.timings", (event) => this._timed(event));
    router.on("response.output_audio.done", ({ item_id: item }) =>
      after(() => speaker.do("end", item)),
    );
    router.on("liushui.playback.hold", () => this._hold(true));
    router.on("liushui.playback.resume", () => this._hold(false));
    router.on("liushui.playback.clear", ({ response_id: response }) => this._clear(this._items.get(response)));
    router.on("response.done", ({ response }) => this._done(response));
  }

  /** The next session knows nothing of the last one's answers. */
  forget() {
    for (const item of this._sounding ?? []) this._speaker.do("clear", item);
    this.held = false;
    this._open = null; // the response in progress
    this._written = new Set(); // responses that are read, not heard
    this._items = new Map(); // response -> item
    this._sounding = new Set(); // items that are being heard
    this._closed();
  }

  /** Resolves once no response is in progress: the service takes one at a time. */
  whenClosed() {
    return new Promise((resolve) => {
      this._waiting.push(resolve);
      if (this._open === null) this._closed();
    });
  }

  _closed() {
    for (const resolve of this._waiting.splice(0)) resolve();
  }

  get inProgress() {
    return this._open !== null || this._sounding.size > 0;
  }

  get isHeard() {
    return this._sounding.size > 0;
  }

  /** The turn of a response, undefined when it is not shown. */
  turnOf(response) {
    return this._conversation.get(this._items.get(response));
  }

  /** The listener wants no more: silence now, whenever the service gets to know it. */
  interrupt() {
    for (const item of this._sounding) this._clear(item);
    const item = this._items.get(this._open);
    if (item) this._clear(item);
  }

  /** Call `show` once the listener has come to `ms` of the turn's audio; never, if it is cut before. */
  whenHeard(turn, ms, show) {
    turn.awaited.push({ ms, show });
    this._look(turn);
  }

  /** What waits for the playhead: now, where nothing of the turn sounds. */
  _look(turn) {
    if (turn.caption.cut !== null) turn.awaited = [];
    const reached = ({ ms }) => !turn.spoken || turn.settled || ms <= turn.caption.playedMs;
    const due = turn.awaited.filter(reached);
    turn.awaited = turn.awaited.filter((each) => !due.includes(each));
    for (const { show } of due) this._conversation.keepInView(show);
  }

  audio(mediaTime, samples) {
    this._speaker.do("push", mediaTime, samples);
  }

  /** The loudspeaker's report. */
  played({ item, playedMs, done }) {
    const turn = this._conversation.get(item);
    if (!turn) return;
    if (turn.caption.cut === null) {
      turn.caption.played(playedMs);
      if (done) turn.caption.complete();
      this._show(turn);
      this._look(turn);
    }
    if (playedMs > 0 && turn.firstMs === undefined) {
      turn.firstMs = performance.now() - playedMs;
      this._time(turn);
    }
    if (done) {
      this._sounding.delete(item);
      this._over(turn);
    }
  }

  _created(response) {
    this._open = response.id;
    if (response.output_modalities?.[0] === "text") this._written.add(response.id);
    this._changed();
  }

  _begun({ response_id: response, item }) {
    if (item.type !== "message") return;
    this._items.set(response, item.id);
    const turn = this._conversation.assistant(item.id);
    turn.written = this._written.has(response);
  }

  _sounds({ item_id: item, media_time: mediaTime }) {
    this._sounding.add(item);
    this._conversation.assistant(item).spoken = true;
    this._after(() => this._speaker.do("start", item, mediaTime));
    this._changed();
  }

  _reads({ item_id: item, pieces }) {
    const turn = this._conversation.assistant(item);
    turn.caption.put(pieces);
    if (turn.written && turn.caption.cut === null) {
      turn.caption.complete();
      turn.firstMs ??= performance.now();
      this._time(turn);
    }
    this._show(turn);
  }

  _hold(held) {
    this.held = held;
    this._speaker.do(held ? "hold" : "resume");
    this._changed();
  }

  _clear(item) {
    this.held = false;
    this._speaker.do("clear", item);
    const turn = this._conversation.get(item);
    if (turn && turn.caption.cut === null && !turn.settled) {
      turn.caption.interrupt();
      this._show(turn);
      turn.end("interrupted");
    }
    this._changed();
  }

  _done(response) {
    if (this._open === response.id) {
      this._open = null;
      this._closed();
    }
    const item = this._items.get(response.id);
    const turn = this._conversation.get(item);
    if (turn) this._settle(turn, item, response);
    this._changed();
  }

  _settle(turn, item, { status, status_details: details, output }) {
    if (status === "cancelled") {
      const [part] = output?.find((each) => each.id === item)?.content ?? [];
      turn.caption.interrupt([...(part?.transcript ?? part?.text ?? "")].length);
      turn.end(details?.reason === "turn_detected" ? "interrupted" : "cancelled");
    } else if (!this._sounding.has(item) && turn.caption.cut === null) {
      turn.caption.complete(); // it was read, or no voice came through
    }
    if (status === "failed") turn.end("failed", details?.error?.message ?? "");
    if (status === "incomplete") turn.end("incomplete");
    this._show(turn);
    if (!this._sounding.has(item)) this._over(turn);
  }

  /** Nothing more of the answer will be heard or read. */
  _over(turn) {
    if (turn.settled || this._openTurn() === turn) return;
    turn.settled = true;
    this._look(turn);
    if (turn.timing && !turn.timed) this._append(turn, null);
    this._announce(turn.caption.runs().filter(({ state }) => state !== "unheard").map(({ text }) => text).join(""));
    this._changed();
  }

  _openTurn() {
    return this._open === null ? null : this.turnOf(this._open);
  }

  _timed({ response_id: response, marks }) {
    const turn = this.turnOf(response);
    if (!turn) return;
    turn.timing = { marks, atMs: performance.now() };
    this._time(turn);
  }

  _time(turn) {
    if (!turn.timing || turn.firstMs === undefined || turn.timed) return;
    const { marks, atMs } = turn.timing;
    this._append(turn, hereMs(marks, turn.firstMs - atMs, this._roundTripMs()));
  }

  _append(turn, ms) {
    turn.timed = true;
    this._conversation.keepInView(() => turn.after.prepend(timingElement(turn.timing.marks, ms, turn.spoken)));
  }

  _show(turn) {
    this._conversation.keepInView(() => turn.show());
  }
}
