// The binary frames of liushui.v1, as docs/protocol.md has them and transport/frames.py writes them.

const AUDIO = 1;
const EVENTS = 2;
const ACKNOWLEDGEMENT = 3;
const OPUS = 0x10;
const COMPRESSED = 0x20;
const FLAGS = { [AUDIO]: OPUS, [EVENTS]: COMPRESSED, [ACKNOWLEDGEMENT]: 0 }; // that a kind may have
const HEAD_BYTES = 5;
const AUDIO_HEAD_BYTES = 9;

/** The peer sent what is no frame, or out of order. */
export class FrameError extends Error {}

export function encodeAudio(sequence, mediaTime, payload, opus) {
  const message = begun(AUDIO | (opus ? OPUS : 0), sequence, AUDIO_HEAD_BYTES, payload);
  new DataView(message.buffer).setUint32(HEAD_BYTES, mediaTime >>> 0);
  return message;
}

/** Events as JSON, each on one line. */
export function encodeEvents(sequence, lines) {
  return begun(EVENTS, sequence, HEAD_BYTES, new TextEncoder().encode(lines.join("\n")));
}

export function encodeAcknowledgement(received) {
  return begun(ACKNOWLEDGEMENT, received, HEAD_BYTES, new Uint8Array(0));
}

function begun(first, number, headBytes, payload) {
  const message = new Uint8Array(headBytes + payload.byteLength);
  message[0] = first;
  new DataView(message.buffer).setUint32(1, number);
  message.set(payload, headBytes);
  return message;
}

/** The frame in a Uint8Array; throws FrameError, whatever the bytes. */
export function decode(message) {
  if (message.byteLength === 0) throw new FrameError("an empty message is no frame");
  const kind = message[0] & 0x0f;
  const flags = message[0] & 0xf0;
  if (!(kind in FLAGS)) throw new FrameError(`frame kind ${kind} is unknown`);
  if (flags & ~FLAGS[kind]) throw new FrameError(`flags ${flags} on a frame of kind ${kind}`);
  const headBytes = kind === AUDIO ? AUDIO_HEAD_BYTES : HEAD_BYTES;
  if (message.byteLength < headBytes) throw new FrameError(`a frame of ${message.byteLength} bytes is cut off`);
  const head = new DataView(message.buffer, message.byteOffset, message.byteLength);
  const number = head.getUint32(1);
  const payload = message.subarray(headBytes);
  if (kind === ACKNOWLEDGEMENT) {
    if (payload.byteLength) throw new FrameError("an acknowledgement has no payload");
    return { kind: "acknowledgement", received: number };
  }
  if (number === 0) throw new FrameError("frames are numbered from 1");
  if (payload.byteLength === 0) throw new FrameError("a frame without payload says nothing");
  if (kind === EVENTS) {
    return { kind: "events", sequence: number, compressed: flags !== 0, payload };
  }
  if (!flags && payload.byteLength % 2) throw new FrameError("half a PCM sample");
  return { kind: "audio", sequence: number, mediaTime: head.getUint32(HEAD_BYTES), opus: flags !== 0, payload };
}

/** The JSON lines of an events frame that is not compressed. */
export function linesOf(payload) {
  let text;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(payload);
  } catch (error) {
    throw new FrameError(`events are not UTF-8 (${error.message})`);
  }
  const lines = text.split("\n");
  if (lines.includes("")) throw new FrameError("an empty line among events");
  return lines;
}
