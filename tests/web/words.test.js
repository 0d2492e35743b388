import { Caption, Transcript } from "/web/captions.js";
import { Quality } from "/web/quality.js";
import { Router } from "/web/router.js";
import { ALL } from "/web/texts.js";
import { hereMs, rows } from "/web/waterfall.js";
import { same } from "./expect.js";

function pieces(text, wordMs = 300) {
  return [...text.matchAll(/\S+\s*/g)].map((match, i) => ({
    offset: [...text.slice(0, match.index)].length,
    text: match[0],
    start_ms: i * wordMs,
    end_ms: (i + 1) * wordMs,
  }));
}

const shown = (caption) => caption.runs().map(({ text, state }) => `${state}:${text.trim()}`);

export const tests = {
  "words are heard one by one"() {
    const caption = new Caption();
    caption.put(pieces("Drink enough water."));
    same(shown(caption), ["ahead:Drink enough water."]);
    caption.played(350);
    same(shown(caption), ["heard:Drink", "now:enough", "ahead:water."]);
    caption.played(900);
    same(shown(caption), ["heard:Drink enough water."]);
  },
  "key words that come first are shown in their place"() {
    const caption = new Caption();
    const all = pieces("Take 400 mg with food.");
    caption.put([all[1], all[2]]);
    same(shown(caption), ["missing:…", "ahead:400 mg"]);
    caption.put([all[4], all[0], all[3]]);
    same(caption.text, "Take 400 mg with food.");
  },
  "a mark without a time goes with the word before it"() {
    const caption = new Caption();
    caption.put([{ offset: 0, text: "Yes", start_ms: 0, end_ms: 300 }, { offset: 3, text: "! " }]);
    same(shown(caption), ["ahead:Yes!"]);
    caption.played(300);
    same(shown(caption), ["heard:Yes!"]);
  },
  "what was not heard is struck, from where the service says"() {
    const caption = new Caption();
    caption.put(pieces("Drink enough water. Rest."));
    caption.played(650);
    caption.interrupt();
    same(shown(caption), ["heard:Drink enough", "unheard:water. Rest."]);
    caption.interrupt(6);
    caption.put([{ offset: 25, text: " Late." }]);
    same(shown(caption), ["heard:Drink", "unheard:enough water. Rest. Late."]);
  },
  "a place inside a word, and places behind characters of four bytes, are code points"() {
    const caption = new Caption();
    caption.put([{ offset: 0, text: "𠮷布洛芬" }, { offset: 4, text: "好" }]);
    caption.interrupt(2);
    same(caption.runs(), [{ text: "𠮷布", state: "heard" }, { text: "洛芬好", state: "unheard" }]);
  },
  "a written answer is there as it comes"() {
    const caption = new Caption();
    caption.put([{ offset: 0, text: "A pulse " }]);
    caption.complete();
    same(shown(caption), ["heard:A pulse"]);
  },
  "what the user says is certain, and behind that uncertain, until it is final"() {
    const transcript = new Transcript();
    transcript.reads("I have had");
    same(transcript.parts(), ["", "I have had"]);
    transcript.delta("I have ");
    transcript.reads("I have had a head");
    same(transcript.parts(), ["I have", " had a head"]);
    transcript.complete("I have had a headache. ");
    same(transcript.parts(), ["I have had a headache.", ""]);
  },
  "a waterfall goes from step to step in the order of time, and ends here"() {
    const marks = { noticed_ms: 96, transcript_ms: 210, confirmed_ms: 450, first_token_ms: 260, sent_ms: 452 };
    const here = hereMs(marks, 70, 40);
    same(here, 542);
    same(rows(marks, here).map(({ step, beginMs, endMs }) => [step, beginMs, endMs]), [
      ["noticed_ms", 0, 96],
      ["transcript_ms", 96, 210],
      ["first_token_ms", 210, 260],
      ["confirmed_ms", 260, 450],
      ["sent_ms", 450, 452],
      ["here_ms", 452, 542],
    ]);
    same(rows(marks, null).at(-1).step, "sent_ms");
  },
  "a link is poor when the sound ran dry four times in ten seconds, not in a minute"() {
    const slow = new Quality();
    same([0, 1, 2, 3, 4].map((times) => slow.isPoor(times, 0, times * 15_000)), [false, false, false, false, false]);
    const poor = new Quality();
    same([0, 1, 2, 3, 4].map((times) => poor.isPoor(times, 0, times * 1_000)), [false, false, false, false, true]);
    same(new Quality().isPoor(0, 5_000, 0), false);
  },
  "an event goes to all who asked for its type, and an unknown one to nobody"() {
    const router = new Router();
    const heard = [];
    router.on(["one", "two"], (event) => heard.push(event.type));
    router.on("one", () => heard.push("again"));
    for (const type of ["one", "two", "three"]) router.dispatch({ type });
    same(heard, ["one", "again", "two"]);
  },
  "both languages say the same things"() {
    same(Object.keys(ALL.zh).sort(), Object.keys(ALL.en).sort());
    for (const key of Object.keys(ALL.en)) {
      same(ALL.zh[key].split("%s").length, ALL.en[key].split("%s").length, key);
    }
  },
};
