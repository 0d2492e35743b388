import { JitterBuffer } from "/web/jitter.js";
import { Resampler } from "/web/resample.js";
import { near, same } from "./expect.js";

const BLOCK = 128;
const ramp = (begin, count) => Float32Array.from({ length: count }, (_, i) => (begin + i + 1) / 1e6);

function pulled(buffer, blocks) {
  const output = new Float32Array(blocks * BLOCK);
  let heard = null;
  for (let i = 0; i < blocks; i++) heard = buffer.pull(output.subarray(i * BLOCK, (i + 1) * BLOCK)) ?? heard;
  return { output, heard };
}

/** What sounds of the output, as the places of the answer's samples (they say theirs). */
const places = (output) => [...output].filter((sample) => sample !== 0).map((sample) => Math.round(sample * 1e6));

export const tests = {
  "an answer waits until 60 ms are there, then every sample is played once and in order"() {
    const buffer = new JitterBuffer();
    buffer.start("a", 24_000);
    buffer.push(24_000, ramp(0, 1000));
    same(places(pulled(buffer, 4).output), []);
    buffer.push(25_000, ramp(1000, 1000));
    buffer.end("a");
    const { output, heard } = pulled(buffer, 20);
    same(places(output), Array.from({ length: 2000 }, (_, i) => i + 1));
    same(heard, { item: "a", played: 2000, done: true });
    same(buffer.underruns, 0);
  },
  "a short answer is played although 60 ms never come"() {
    const buffer = new JitterBuffer();
    buffer.start("a", 0);
    buffer.push(0, ramp(0, 200));
    buffer.end("a");
    same(places(pulled(buffer, 4).output).length, 200);
  },
  "running dry counts once, and the buffer grows before it goes on from the same sample"() {
    const buffer = new JitterBuffer();
    buffer.start("a", 0);
    buffer.push(0, ramp(0, 1536));
    same(pulled(buffer, 20).heard.played, 1536);
    same(buffer.underruns, 1);
    buffer.push(1536, ramp(1536, 1536)); // 64 ms: it takes 120 now
    same(places(pulled(buffer, 4).output), []);
    buffer.push(3072, ramp(3072, 1536));
    same(places(pulled(buffer, 1).output)[0], 1537);
    same(buffer.underruns, 1);
  },
  "a gap in media time is silence, and is counted"() {
    const buffer = new JitterBuffer();
    buffer.start("a", 0);
    buffer.push(0, ramp(0, 1440));
    buffer.push(1920, ramp(1920, 480));
    buffer.end("a");
    const { output } = pulled(buffer, 20);
    same([...output.subarray(1440, 1920)].every((sample) => sample === 0), true);
    near(output[1920] * 1e6, 1921, 0.1);
    near(buffer.missingMs, 20, 1e-6);
  },
  "what lies before the answer, as a codec's first samples do, is not played"() {
    const buffer = new JitterBuffer();
    buffer.start("a", 1000);
    buffer.push(844, ramp(-156, 156 + 1440));
    buffer.end("a");
    same(places(pulled(buffer, 20).output).length, 1440);
  },
  "media time may pass 2**32"() {
    const buffer = new JitterBuffer();
    buffer.start("a", 2 ** 32 - 480);
    buffer.push(2 ** 32 - 480, ramp(0, 480));
    buffer.push(0, ramp(480, 960));
    buffer.end("a");
    same(places(pulled(buffer, 20).output), Array.from({ length: 1440 }, (_, i) => i + 1));
  },
  "hold is silent within 5 ms, and resume loses no sample"() {
    const buffer = new JitterBuffer();
    buffer.start("a", 0);
    buffer.push(0, new Float32Array(4800).fill(0.5));
    buffer.end("a");
    pulled(buffer, 2);
    buffer.hold();
    const { output, heard } = pulled(buffer, 4);
    same([...output.subarray(BLOCK)].every((sample) => sample === 0), true);
    same(heard.played, 2 * BLOCK + 119); // the gain came to nothing at the 120th
    buffer.resume();
    same(pulled(buffer, 1).heard.played, heard.played + BLOCK);
    same(pulled(buffer, 60).heard, { item: "a", played: 4800, done: true });
  },
  "what is cleared is gone, and the next answer is heard"() {
    const buffer = new JitterBuffer();
    buffer.start("a", 0);
    buffer.push(0, ramp(0, 4800));
    pulled(buffer, 2);
    buffer.hold();
    pulled(buffer, 4);
    buffer.clear("a");
    same(pulled(buffer, 1).heard.done, true);
    buffer.push(4800, ramp(4800, 480)); // late, and of no answer
    buffer.start("b", 48_000);
    buffer.push(48_000, ramp(0, 1440));
    buffer.end("b");
    same(pulled(buffer, 20).heard, { item: "b", played: 1440, done: true });
  },
  "clearing without a hold fades, and lets the answer behind it begin"() {
    const buffer = new JitterBuffer();
    buffer.start("a", 0);
    buffer.push(0, new Float32Array(4800).fill(0.5));
    pulled(buffer, 2);
    buffer.start("b", 48_000);
    buffer.push(48_000, ramp(0, 1440));
    buffer.end("b");
    buffer.clear("a");
    const { output } = pulled(buffer, 1);
    near(output[0], 0.5, 0.01);
    near(output[118], 0.5 / 120, 0.01);
    same(pulled(buffer, 20).heard.item, "b");
  },
  "a microphone's 48 and 44.1 kHz become 24 kHz: a tone keeps its pitch and loudness, what is above is gone"() {
    for (const rateHz of [48_000, 44_100, 16_000, 24_000]) {
      const out = resampled(rateHz, 440);
      near(out.length, 24_000, 200);
      near(rms(out.subarray(2000)), Math.SQRT1_2, 0.01);
      near(crossings(out) / (out.length / 24_000), 880, 4);
    }
    near(rms(resampled(48_000, 15_000).subarray(2000)), 0, 0.001);
  },
};

function resampled(rateHz, toneHz) {
  const resampler = new Resampler(rateHz, 24_000);
  const tone = Float32Array.from({ length: rateHz }, (_, i) => Math.sin((2 * Math.PI * toneHz * i) / rateHz));
  const out = [];
  for (let i = 0; i < tone.length; i += BLOCK) out.push(...resampler.push(tone.subarray(i, i + BLOCK)));
  return Float32Array.from(out);
}

const rms = (samples) => Math.sqrt(samples.reduce((sum, sample) => sum + sample * sample, 0) / samples.length);

const crossings = (samples) => samples.reduce((sum, sample, i) => sum + (i > 0 && sample > 0 !== samples[i - 1] > 0), 0);
