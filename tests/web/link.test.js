import { FrameError, decode, linesOf } from "/web/frames.js";
import { Inbox, Outbox } from "/web/link.js";
import { near, refuses, same } from "./expect.js";

const PCM = new Uint8Array(960);

function drained(outbox, nowMs = 0) {
  const frames = [];
  for (let bytes; (bytes = outbox.next(nowMs)); ) frames.push(decode(bytes));
  return frames;
}

export const tests = {
  "frames are numbered as they leave, events before the microphone"() {
    const outbox = new Outbox();
    outbox.putAudio(PCM, 480, false);
    outbox.putEvent({ type: "one" });
    outbox.putEvent({ type: "two" });
    const [events, audio] = drained(outbox);
    same(linesOf(events.payload), ['{"type":"one"}', '{"type":"two"}']);
    same([events.sequence, audio.sequence], [1, 2]);
  },
  "media time counts the microphone's samples without a gap"() {
    const outbox = new Outbox();
    for (let i = 0; i < 3; i++) outbox.putAudio(PCM, 480, false);
    same(drained(outbox).map((frame) => frame.mediaTime), [0, 480, 960]);
  },
  "little is under way at a time, and acknowledgements make room"() {
    const outbox = new Outbox();
    for (let i = 0; i < 100; i++) outbox.putAudio(PCM, 480, false);
    const first = drained(outbox);
    near(first.length, 26, 1);
    near(outbox.waitingAudioMs, (100 - first.length) * 20, 1e-6);
    outbox.acknowledged(10, 40);
    same(drained(outbox, 40).length, 10);
    near(outbox.roundTripMs, 40, 1e-6);
  },
  "a new socket gets what the service lacks, with the same numbers and bytes"() {
    const outbox = new Outbox();
    for (let i = 0; i < 4; i++) outbox.putEvent({ type: `${i}` });
    const frames = [];
    for (let i = 0; i < 4; i++) {
      outbox.putEvent({ type: `event ${i}` });
      frames.push(outbox.next(0));
    }
    outbox.acknowledged(1, 5);
    same(outbox.replay(2, 10), frames.slice(2));
    same(outbox.replay(4, 20), []);
  },
  "a service that has lost frames, or has some that were never sent, is refused"() {
    const outbox = new Outbox();
    outbox.putEvent({ type: "one" });
    outbox.next(0);
    refuses(FrameError, () => outbox.acknowledged(2, 0));
    outbox.acknowledged(1, 0);
    refuses(FrameError, () => outbox.replay(0, 0));
  },
  "audio that has not left can be dropped without a gap in media time"() {
    const outbox = new Outbox();
    outbox.putAudio(PCM, 480, false);
    drained(outbox);
    outbox.putAudio(PCM, 480, false);
    outbox.dropAudio();
    outbox.putAudio(PCM, 480, false);
    same(drained(outbox).map((frame) => frame.mediaTime), [480]);
  },
  "a frame that comes twice is taken once, and a hole is refused"() {
    const inbox = new Inbox();
    same([inbox.take(1, 100, 0), inbox.take(1, 100, 0), inbox.take(2, 100, 0)], [true, false, true]);
    refuses(FrameError, () => inbox.take(4, 100, 0));
    same(inbox.received, 2);
  },
  "little is acknowledged after 50 ms, much at once"() {
    const inbox = new Inbox();
    same(inbox.dueMs(0), null);
    inbox.take(1, 100, 0);
    same(decode(inbox.acknowledgement(0)).received, 1);
    inbox.take(2, 100, 10);
    same([inbox.acknowledgement(10), inbox.dueMs(10)], [null, 40]);
    inbox.take(3, 500, 20);
    same(decode(inbox.acknowledgement(20)).received, 3);
  },
};
