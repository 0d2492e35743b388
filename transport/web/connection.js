// One session over as many sockets as it takes: liushui.v1 in binary frames, resumed where a socket broke.

import { decode, linesOf } from "./frames.js";
import { Inbox, Outbox } from "./link.js";

const NORMAL = 1000;
const LEFT = new Set([NORMAL, 1001, 1008, 1012, 1013]); // the service meant it: the session is over
const PROTOCOL = "liushui.v1";
const KEY_PROTOCOL = "openai-insecure-api-key."; // a browser cannot set headers on a WebSocket
const FIRST_RETRY_MS = 250;
const MOST_RETRY_MS = 2_000;
const CONNECT_MS = 8_000; // a socket that takes longer is given up for another
const REFUSALS = 2; // of a resumption, with a service that is well, and the session is no more

/**
 * Tells `listener` what happens:
 *   state(name, detail)   "connecting", "open", "lost" (trying to come back), "over" (with the reason)
 *   event(event)          one of the service's
 *   audio(mediaTime, payload, opus)
 */
export class Connection {
  /** `address(query)`: the URL; `secret()`: a promise of the key to send, "" for none. */
  constructor({ address, secret, listener, query }) {
    this.outbox = new Outbox();
    this.inbox = new Inbox();
    this.reconnections = 0;
    this._address = address;
    this._secret = secret;
    this._listener = listener;
    this._query = query;
    this._socket = null; // the one that carries frames, null while there is none
    this._over = false;
    this._token = null;
    this._withinMs = 0;
    this._lostMs = null; // since when there is no socket
    this._refusals = 0;
    this._retryMs = FIRST_RETRY_MS;
    this._timer = null; // of the next acknowledgement
    this._retry = null;
    this._online = () => this._lostMs !== null && this._again(0);
    globalThis.addEventListener?.("online", this._online);
  }

  open() {
    this._listener.state("connecting");
    this._connect();
  }

  send(event) {
    this.outbox.putEvent(event);
    this._pump();
  }

  sendAudio(payload, samples, opus = false) {
    this.outbox.putAudio(payload, samples, opus);
    this._pump();
  }

  /** Leave: nobody comes back to this session. */
  close() {
    this._end(null);
  }

  async _connect() {
    const resuming = this._token !== null;
    const query = { ...this._query };
    if (resuming) query.resume = `${this._token}.${this.inbox.received}`;
    let secret;
    try {
      secret = await this._secret();
    } catch (error) {
      this._failed(resuming, error.message);
      return;
    }
    if (this._over) return;
    const protocols = secret ? [PROTOCOL, KEY_PROTOCOL + secret] : [PROTOCOL];
    const socket = new WebSocket(this._address(query), protocols);
    socket.binaryType = "arraybuffer";
    const giveUp = setTimeout(() => socket.close(), CONNECT_MS);
    let begun = false;
    socket.onopen = () => {
      clearTimeout(giveUp);
      if (!resuming) this._began(socket);
      begun = !resuming;
    };
    socket.onmessage = ({ data }) => {
      try {
        const message = new Uint8Array(data);
        if (begun) this._take(message);
        else {
          this._replay(socket, message);
          begun = true;
        }
      } catch (error) {
        socket.close(NORMAL);
        this._end(error.message);
      }
    };
    socket.onclose = ({ code, reason }) => {
      clearTimeout(giveUp);
      if (this._over) return;
      if (begun && socket === this._socket) this._closed(code, reason);
      else if (!begun) this._failed(resuming, reason);
    };
  }

  _began(socket) {
    this._socket = socket;
    this._retryMs = FIRST_RETRY_MS;
    this._refusals = 0;
    this._lostMs = null;
    this._listener.state("open");
    this._pump();
  }

  /** A resumed socket begins with what the service has; it gets the rest first. */
  _replay(socket, message) {
    const greeting = decode(message);
    for (const bytes of this.outbox.replay(greeting.received, performance.now())) socket.send(bytes);
    this.reconnections += 1;
    this._began(socket);
  }

  _take(message) {
    const nowMs = performance.now();
    const frame = decode(message);
    if (frame.kind === "acknowledgement") {
      this.outbox.acknowledged(frame.received, nowMs);
    } else if (this.inbox.take(frame.sequence, message.byteLength, nowMs)) {
      if (frame.kind === "audio") this._listener.audio(frame.mediaTime, frame.payload, frame.opus);
      else for (const line of linesOf(frame.payload)) this._tell(JSON.parse(line));
    }
    this._pump();
  }

  _tell(event) {
    if (event.type === "liushui.session.resumable") {
      this._token = event.token;
      this._withinMs = event.within_s * 1000;
    }
    this._listener.event(event);
  }

  _pump() {
    const socket = this._socket;
    if (socket === null || socket.readyState !== WebSocket.OPEN) return;
    const nowMs = performance.now();
    this._acknowledge(socket, nowMs);
    for (let frame; (frame = this.outbox.next(nowMs)) !== null; ) socket.send(frame);
  }

  _acknowledge(socket, nowMs) {
    const bytes = this.inbox.acknowledgement(nowMs);
    if (bytes) socket.send(bytes);
    const dueMs = this.inbox.dueMs(nowMs);
    if (dueMs === null || this._timer !== null) return;
    this._timer = setTimeout(() => {
      this._timer = null;
      this._pump();
    }, Math.ceil(dueMs));
  }

  _closed(code, reason) {
    this._socket = null;
    if (LEFT.has(code) || this._token === null) this._end(reason || `code ${code}`);
    else this._lose();
  }

  _lose() {
    this._lostMs = performance.now();
    this._listener.state("lost");
    this._again(0);
  }

  /** A socket could not be had. */
  async _failed(resuming, reason) {
    if (!resuming) {
      this._end(reason || "unreachable");
    } else if (performance.now() - this._lostMs > this._withinMs) {
      this._end("expired");
    } else {
      // A browser does not say why: a service that is well has refused, otherwise the network is down.
      this._refusals = (await isWell(this._address)) ? this._refusals + 1 : 0;
      if (this._refusals >= REFUSALS) this._end("expired");
      else this._again(this._retryMs);
    }
  }

  _again(afterMs) {
    if (this._over) return;
    clearTimeout(this._retry);
    this._retryMs = Math.min(this._retryMs * 2, MOST_RETRY_MS);
    this._retry = setTimeout(() => this._connect(), afterMs);
  }

  _end(reason) {
    if (this._over) return;
    this._over = true;
    clearTimeout(this._timer);
    clearTimeout(this._retry);
    globalThis.removeEventListener?.("online", this._online);
    this._socket?.close(NORMAL);
    this._socket = null;
    this._listener.state("over", reason);
  }
}

async function isWell(address) {
  const url = new URL(address({}));
  url.protocol = url.protocol.replace("ws", "http");
  try {
    return (await fetch(new URL("/healthz", url), { cache: "no-store" })).ok;
  } catch {
    return false; // the network is down
  }
}
