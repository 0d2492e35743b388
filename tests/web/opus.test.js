import { OpusEar, OpusMouth, hasOpus } from "/web/opus.js";
import { near, same } from "./expect.js";

const RATE_HZ = 24_000;
const DELAY = 156; // samples by which libopus is late

export const tests = {
  async "this browser has Opus"() {
    same(await hasOpus(), true);
  },
  async "a second of a tone becomes 50 packets, and those the same tone in its place"() {
    const tone = Int16Array.from({ length: RATE_HZ }, (_, i) => 9000 * Math.sin((2 * Math.PI * 300 * i) / RATE_HZ));
    const packets = [];
    const encoded = new Promise((resolve) => {
      const mouth = new OpusMouth((payload, samples) => packets.push({ payload, samples }) === 50 && resolve());
      for (let i = 0; i < RATE_HZ + 480; i += 480) mouth.take(i < RATE_HZ ? tone.slice(i, i + 480) : new Int16Array(480));
    });
    await encoded;
    same(packets.slice(0, 50).every(({ samples }) => samples === 480), true);
    near(packets.reduce((sum, { payload }) => sum + payload.length, 0), 3000, 1500);
    const heard = new Float32Array(RATE_HZ);
    const order = [];
    await new Promise((resolve) => {
      const ear = new OpusEar((mediaTime, samples) => {
        order.push(mediaTime);
        heard.set(samples.subarray(0, Math.max(0, RATE_HZ - mediaTime)), mediaTime);
      });
      packets.slice(0, 50).forEach(({ payload }, i) => ear.take(i * 480, payload));
      ear.after(resolve);
    });
    same(order, Array.from({ length: 50 }, (_, i) => i * 480));
    const delays = Array.from({ length: 60 }, (_, i) => DELAY - 30 + i); // encoders differ by some samples
    near(Math.max(...delays.map((delay) => likeness(heard, tone, delay))), 1, 0.02);
  },
};

function likeness(heard, tone, delay) {
  let [dot, one, other] = [0, 0, 0];
  for (let i = RATE_HZ / 4; i < RATE_HZ; i++) {
    dot += heard[i] * tone[i - delay];
    one += heard[i] ** 2;
    other += tone[i - delay] ** 2;
  }
  return dot / Math.sqrt(one * other);
}
