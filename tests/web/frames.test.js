import { FrameError, decode, encodeAcknowledgement, encodeAudio, encodeEvents, linesOf } from "/web/frames.js";
import { refuses, same } from "./expect.js";

const bytes = (hex) => Uint8Array.from(hex.match(/../g) ?? [], (pair) => parseInt(pair, 16));
const hexOf = (message) => [...message].map((byte) => byte.toString(16).padStart(2, "0")).join("");
const { frames, malformed } = await (await fetch("/vectors/frames.json")).json();

function encode(frame) {
  if (frame.kind === "acknowledgement") return encodeAcknowledgement(frame.received);
  if (frame.kind === "audio") return encodeAudio(frame.sequence, frame.media_time, bytes(frame.payload), frame.opus);
  return encodeEvents(frame.sequence, frame.events);
}

export const tests = {
  "every frame of the vectors is read as what it is"() {
    for (const wanted of frames) {
      const frame = decode(bytes(wanted.hex));
      same(frame.kind, wanted.kind, wanted.name);
      if (wanted.kind === "acknowledgement") same(frame.received, wanted.received, wanted.name);
      else same(frame.sequence, wanted.sequence, wanted.name);
      if (wanted.kind === "audio") same([frame.mediaTime, frame.opus], [wanted.media_time, wanted.opus], wanted.name);
      if (wanted.events) same(linesOf(frame.payload), wanted.events, wanted.name);
      if (wanted.payload) same(hexOf(frame.payload), wanted.payload, wanted.name);
    }
  },
  "every frame of the vectors that the page sends is written to the byte"() {
    for (const wanted of frames.filter((frame) => !frame.compressed)) same(hexOf(encode(wanted)), wanted.hex, wanted.name);
  },
  "everything malformed is refused"() {
    for (const { hex } of malformed) refuses(FrameError, () => decode(bytes(hex)));
  },
  "a frame inside a larger buffer is read from its own beginning"() {
    const padded = new Uint8Array([9, 9, ...bytes(frames[0].hex)]);
    same(decode(padded.subarray(2)).sequence, frames[0].sequence);
  },
};
