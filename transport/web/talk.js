// One conversation as the user sees it: microphone, session, answers; by voice, or in writing.

import { Answers } from "./answers.js";
import { Connection } from "./connection.js";
import { Microphone, NoMicrophone } from "./microphone.js";
import { pictureElement } from "./pictures.js";
import { Quality } from "./quality.js";
import { Sound } from "./sound.js";
import { Speaker } from "./speaker.js";

const REPORT_MS = 100; // between two playback acknowledgements, as docs/protocol.md asks for
const MOST_WAITING_MS = 30_000; // of the microphone, as long as the service waits for who lost the line
const SILENCE_FRAMES = 100; // 2 s behind a microphone that is closed: what was said is a whole turn

export class Talk {
  /**
   * `show`: {state(), notice(key, ...values), level(who, level), figures(), mode(mode)}, told what changes.
   * `wishes`: {mode, domain, pace, voice, language}, as chosen; undefined leaves it to the service.
   * `opus`: the browser has it.
   */
  constructor({ router, access, conversation, announce, show, wishes, opus }) {
    this.wishes = wishes;
    this.figures = { underruns: 0, missingMs: 0, aheadMs: 0 };
    this.opus = opus;
    this.connection = null;
    this.link = "none"; // none, connecting, open, lost
    this.hearing = false; // the user speaks
    this.thinking = false; // the user's turn is over, and nothing of the answer is here yet
    this.access = access;
    this._router = router;
    this._conversation = conversation;
    this._announce = announce;
    this._show = show;
    this._sound = null; // how the connection's travels
    this._quality = new Quality();
    this._mute = false; // the service says that the link carries no voice
    this._reported = { item: null, ms: 0, atMs: 0 };
    this._typed = 0;
    this.speaker = new Speaker((report) => this._played(report));
    this.microphone = new Microphone(
      (samples, level) => this._said(samples, level),
      () => this._withoutMicrophone("lost"),
    );
    this.answers = new Answers({
      router,
      conversation,
      speaker: this.speaker,
      after: (done) => this._sound.after(done),
      announce,
      roundTripMs: () => this.connection?.outbox.roundTripMs ?? null,
      changed: () => this._changed(),
    });
    this._listen();
  }

  get state() {
    if (this.link === "connecting" || this.link === "lost") return this.link;
    if (this.answers.held) return "held";
    if (this.hearing) return "hearing";
    if (this.answers.isHeard) return "speaking";
    if (this.answers.inProgress) return "writing";
    if (this.thinking) return "thinking";
    if (this.microphone.isOpen) return "listening";
    return this.wishes.mode === "text" ? "text" : "rest";
  }

  /** The button: begin to talk, or end it. Call it within a gesture. */
  async toggle() {
    if (this.microphone.isOpen) {
      this._close();
      return;
    }
    this._show.notice(null);
    try {
      await Promise.all([this.microphone.open(), this._openSpeaker()]);
    } catch (error) {
      if (!(error instanceof NoMicrophone)) throw error;
      this._withoutMicrophone(error.why);
      return;
    }
    this._session();
    this._changed();
  }

  /**
   * Send a typed message, with a picture (a data URL) if there is one; an answer in progress gives way to it.
   * A picture alone is shown and read, and waits for a question. Call it within a gesture.
   */
  async write(message, picture = null) {
    this._show.notice(null);
    this.stop();
    if (this.wishes.mode === "audio") await this._openSpeaker();
    const id = `typed_${++this._typed}`;
    const turn = this._conversation.user(id);
    turn.transcript.complete(message);
    turn.show();
    if (picture) turn.element.append(pictureElement(picture));
    this._changed();
    await this.answers.whenClosed();
    const session = this._session();
    const content = picture ? [{ type: "input_image", image_url: picture }] : [];
    if (message) content.push({ type: "input_text", text: message });
    session.send({ type: "conversation.item.create", item: { id, type: "message", role: "user", content } });
    if (message) {
      session.send({ type: "response.create" });
      this.thinking = true;
    }
    this._changed();
  }

  /** The turn of a message of the user's, undefined for one that is not shown. */
  userTurn(item) {
    return this._conversation.get(item);
  }

  /** Be silent; the dialogue keeps what was heard. */
  stop() {
    if (!this.answers.inProgress && !this.thinking) return;
    this.thinking = false;
    this.answers.interrupt();
    this.connection?.send({ type: "output_audio_buffer.clear" });
  }

  /** Take over what was chosen, from here on. `afresh`: it begins another conversation. */
  choose(wishes, { afresh = false } = {}) {
    Object.assign(this.wishes, wishes);
    if (wishes.mode === "text") this._close();
    if (wishes.mode) this._show.mode(wishes.mode);
    if (afresh) this.leave();
    else this.connection?.send(this._update());
    this._changed();
  }

  /** End the session. */
  leave() {
    const wasListening = this.microphone.isOpen;
    this.microphone.close();
    this.connection?.close();
    this.connection = null;
    this._ended();
    this._conversation.separate();
    if (wasListening) this.toggle();
  }

  _listen() {
    const user = (event) => this._conversation.user(event.item_id);
    const router = this._router;
    router.on("input_audio_buffer.speech_started", () => this._hears(true));
    router.on("input_audio_buffer.speech_stopped", () => this._hears(false));
    router.on("liushui.transcript.partial", (event) => this._reads(user(event), (it) => it.reads(event.text)));
    router.on("conversation.item.input_audio_transcription.delta", (event) =>
      this._reads(user(event), (it) => it.delta(event.delta)),
    );
    router.on("conversation.item.input_audio_transcription.completed", (event) => this._understood(event));
    router.on("conversation.item.input_audio_transcription.failed", (event) => {
      this._conversation.remove(event.item_id);
      this.thinking = false;
    });
    router.on("response.created", () => (this.thinking = false));
    router.on("liushui.mode", ({ mode, reason }) => {
      if (mode === "audio") this._show.notice("other_voice", reason);
      else this._fallBack("mode_changed", reason);
    });
    router.on("liushui.link", ({ bit_rate: rate }) => {
      if (rate === 0) this._show.notice("link_text");
      else if (this._mute) this._show.notice("link_back");
      this._mute = rate === 0;
      this._quality = new Quality();
    });
    router.on("liushui.draining", () => this._show.notice("draining"));
    router.on("error", ({ error }) => {
      if (error.code === "too_many_sessions") this._show.notice(error.code);
      else this._show.notice("error", error.message);
    });
  }

  _session() {
    if (this.connection) return this.connection;
    const domain = this.wishes.domain;
    this.connection = new Connection({
      address: (query) => addressOf(query),
      secret: () => this.access.secret(),
      query: { audio: this.opus ? "opus,pcm" : "pcm", ...(domain ? { domain } : {}) },
      listener: {
        state: (name, detail) => this._linked(name, detail),
        event: (event) => this._router.dispatch(event),
        audio: (mediaTime, payload, opus) => this._sound.take(mediaTime, payload, opus),
      },
    });
    const { connection } = this;
    this._sound = new Sound(
      this.opus,
      (mediaTime, samples) => this.answers.audio(mediaTime, samples),
      (payload, samples, opus) => connection.sendAudio(payload, samples, opus),
    );
    this.connection.send(this._update());
    this.connection.open();
    return this.connection;
  }

  _update() {
    const { mode, pace, voice, language } = this.wishes;
    const output = { ...(voice ? { voice } : {}), ...(pace === undefined ? {} : { speed: pace }) };
    const input = language ? { transcription: { language } } : {};
    return {
      type: "session.update",
      session: { type: "realtime", output_modalities: [mode], audio: { input, output } },
    };
  }

  _linked(name, detail) {
    this.link = name;
    if (name === "over") {
      this.connection = null;
      this.microphone.close();
      this._ended();
      this._conversation.separate();
      const known = ["expired", "unreachable"].includes(detail);
      if (detail && detail !== "too many sessions") this._show.notice(known ? detail : "over", detail);
    }
    this._changed();
  }

  _ended() {
    this.link = "none";
    this.hearing = this.thinking = false;
    this._mute = false;
    this.answers.forget();
    this._sound?.close();
  }

  async _openSpeaker() {
    try {
      await this.speaker.open();
    } catch (error) {
      console.error(error);
      this._fallBack("no_sound");
    }
  }

  _said(samples, level) {
    this._show.level("user", level);
    const { outbox } = this.connection ?? {};
    if (!outbox) return;
    this._sound.said(samples);
    if (outbox.waitingAudioMs > MOST_WAITING_MS) {
      outbox.dropAudio();
      this._fallBack("poor_link");
    }
  }

  /** Close the microphone; the service hears silence behind the last word, and answers it. */
  _close() {
    if (!this.microphone.isOpen) return;
    this.microphone.close();
    this.stop();
    for (let i = 0; this.connection && i < SILENCE_FRAMES; i++) this._sound.said(new Int16Array(480));
    this._changed();
  }

  _played(report) {
    this._show.level("assistant", report.level);
    const { item, playedMs, done, underruns, missingMs, aheadMs } = report;
    this.figures = { underruns, missingMs, aheadMs };
    this._show.figures();
    if (!item) return;
    this.answers.played(report);
    this._acknowledge(item, Math.round(playedMs), done);
    const judged = this.answers.isHeard && this.link === "open" && !this._mute; // else it is the service's to judge
    if (judged && this._quality.isPoor(underruns, missingMs, performance.now())) {
      this._quality = new Quality();
      this._fallBack("poor_link");
    }
  }

  _acknowledge(item, ms, done) {
    const last = this._reported;
    const nowMs = performance.now();
    if (item === last.item && ms === last.ms) return;
    if (!done && !this.answers.held && nowMs - last.atMs < REPORT_MS) return;
    this._reported = { item, ms, atMs: nowMs };
    this.connection?.send({ type: "liushui.playback.played", item_id: item, audio_end_ms: ms });
  }

  _hears(speaking) {
    this.hearing = speaking;
    this.thinking = !speaking;
    this._changed();
  }

  _reads(turn, change) {
    change(turn.transcript);
    this._conversation.keepInView(() => turn.show());
  }

  _understood({ item_id: item, transcript }) {
    if (!transcript.trim()) {
      this._conversation.remove(item);
      this.thinking = false;
      this._changed();
      return;
    }
    this._reads(this._conversation.user(item), (it) => it.complete(transcript));
    this._announce(transcript);
  }

  _withoutMicrophone(why) {
    this._fallBack(`no_microphone_${why}`);
  }

  _fallBack(key, ...values) {
    this.choose({ mode: "text" });
    this._show.notice(key, ...values);
  }

  _changed() {
    this._show.state();
  }
}

function addressOf(query) {
  const url = new URL("/v1/realtime", location.href);
  url.protocol = url.protocol.replace("http", "ws");
  for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value);
  return url.href;
}
