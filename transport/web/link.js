// What was sent and what has arrived, in both directions of one session, over as many sockets as it takes.
// No socket and no clock here: times are milliseconds of any monotonic clock.

import { FrameError, encodeAcknowledgement, encodeAudio, encodeEvents } from "./frames.js";

// Half a second of PCM: what the network holds can be overtaken by nothing, not even by "stop".
const WINDOW_BYTES = 24 * 1024;
const ACKNOWLEDGE_MS = 50;
const ACKNOWLEDGE_BYTES = 512;
const SMOOTHING = 8; // of the round trip, as in RFC 6298

/** Frames on their way to the service: numbered, kept until acknowledged, replayed on the next socket. */
export class Outbox {
  constructor() {
    this.roundTripMs = null; // smoothed
    this.waitingAudioMs = 0; // of the microphone, not handed to a socket yet
    this.sentBytes = 0;
    this._sequence = 0;
    this._received = 0; // the highest number acknowledged
    this._unacknowledged = []; // {sequence, bytes, sentMs}
    this._underWayBytes = 0;
    this._events = []; // they overtake the microphone
    this._audio = []; // {mediaTime, payload, opus, ms}
    this._said = 0; // samples of the microphone so far
  }

  putEvent(event) {
    this._events.push(JSON.stringify(event));
  }

  /** `samples`: how many of them, at 24 kHz, the payload holds. */
  putAudio(payload, samples, opus) {
    const ms = samples / 24;
    this._audio.push({ mediaTime: this._said, payload, opus, ms });
    this._said += samples;
    this.waitingAudioMs += ms;
  }

  /** The next frame if one may leave now, else null. */
  next(nowMs) {
    if (this._underWayBytes >= WINDOW_BYTES) return null;
    if (this._events.length) {
      const lines = this._events.splice(0);
      return this._sent(encodeEvents(++this._sequence, lines), nowMs);
    }
    const audio = this._audio.shift();
    if (!audio) return null;
    this.waitingAudioMs -= audio.ms;
    return this._sent(encodeAudio(++this._sequence, audio.mediaTime, audio.payload, audio.opus), nowMs);
  }

  acknowledged(received, nowMs) {
    if (received > this._sequence) throw new FrameError(`frame ${received} was acknowledged, but never sent`);
    let newest = null;
    while (this._unacknowledged.length && this._unacknowledged[0].sequence <= received) {
      newest = this._unacknowledged.shift();
      this._underWayBytes -= newest.bytes.byteLength;
    }
    this._received = Math.max(this._received, received);
    if (newest) this._measure(nowMs - newest.sentMs);
  }

  /** What the service lacks, to be sent first on a new socket; it has everything up to `received`. */
  replay(received, nowMs) {
    if (received < this._received) throw new FrameError(`the service lost frames after ${received}`);
    this.acknowledged(received, nowMs);
    this.roundTripMs = null; // of another socket
    for (const each of this._unacknowledged) each.sentMs = nowMs;
    return this._unacknowledged.map((each) => each.bytes);
  }

  /** Forget the microphone's audio that has not left. */
  dropAudio() {
    for (const each of this._audio) this._said -= each.ms * 24;
    this._audio = [];
    this.waitingAudioMs = 0;
  }

  _sent(bytes, nowMs) {
    this._unacknowledged.push({ sequence: this._sequence, bytes, sentMs: nowMs });
    this._underWayBytes += bytes.byteLength;
    this.sentBytes += bytes.byteLength;
    return bytes;
  }

  _measure(roundTripMs) {
    const before = this.roundTripMs ?? roundTripMs;
    this.roundTripMs = before + (roundTripMs - before) / SMOOTHING;
  }
}

/** Frames from the service: each taken once, acknowledged every 50 ms or 512 bytes. */
export class Inbox {
  constructor() {
    this.received = 0; // the highest number, without a gap
    this.receivedBytes = 0;
    this._acknowledgedMs = -Infinity;
    this._dueMs = null;
    this._newBytes = 0;
  }

  /** Whether the frame is new; throws FrameError for a hole, which an ordered socket cannot have. */
  take(sequence, bytes, nowMs) {
    if (sequence > this.received + 1) throw new FrameError(`frame ${sequence} came after ${this.received}`);
    const isNew = sequence === this.received + 1;
    if (isNew) this.received = sequence;
    this.receivedBytes += bytes;
    this._newBytes += bytes;
    const dueMs = this._newBytes >= ACKNOWLEDGE_BYTES ? nowMs : this._acknowledgedMs + ACKNOWLEDGE_MS;
    this._dueMs = Math.min(this._dueMs ?? Infinity, Math.max(nowMs, dueMs));
    return isNew;
  }

  /** Milliseconds until `acknowledgement` has something to send, null for nothing. */
  dueMs(nowMs) {
    return this._dueMs === null ? null : Math.max(0, this._dueMs - nowMs);
  }

  acknowledgement(nowMs) {
    if (this._dueMs === null || nowMs < this._dueMs) return null;
    this._dueMs = null;
    this._acknowledgedMs = nowMs;
    this._newBytes = 0;
    return encodeAcknowledgement(this.received);
  }
}
