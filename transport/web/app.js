// The page: puts the parts together.

import { Access } from "./access.js";
import { announcerIn } from "./announcer.js";
import { startChoices } from "./choices.js";
import { showCitations } from "./citations.js";
import { Conversation } from "./conversation.js";
import { element } from "./elements.js";
import { askFeedback } from "./feedback.js";
import { showFigures } from "./figures.js";
import { hasOpus } from "./opus.js";
import { pictureIn, showPictures } from "./pictures.js";
import { River } from "./river.js";
import { Router } from "./router.js";
import { Talk } from "./talk.js";
import { fill, has, inEveryLanguage, named, switchLanguage, text } from "./texts.js";
import { startTheme } from "./theme.js";

const EXAMPLES = 3; // of questions, for a domain that has them
const at = (id) => document.getElementById(id);
const page = document.body;
let notice = []; // the text's key and its values
let offered = { domains: [], voices: [], languages: [], paces: [], audio: true };

const router = new Router();
const announce = announcerIn(at("announcer"));
const river = new River(at("river"), at("talk"));
const show = { state: showState, notice: showNotice, mode: showMode, level, figures };
export const talk = new Talk({
  router,
  access: new Access(at("ask-key")),
  conversation: new Conversation(at("conversation")),
  announce,
  show,
  wishes: { mode: "audio" },
  opus: await hasOpus(),
});
const turnOf = (response) => talk.answers.turnOf(response);
showCitations(router, turnOf);
askFeedback(router, turnOf, (event) => talk.connection?.send(event));
showPictures(router, talk.answers, (item) => talk.userTurn(item));
router.on("liushui.recording", ({ days }) => showNotice("recorded", days));

function level(who, loudness) {
  river.hear(who, loudness);
}

function figures() {
  if (at("settings").open && at("below").open) showFigures(at("figures"), talk);
}

function showState() {
  const { state, microphone, answers, link } = talk;
  at("state").textContent = text(`state_${state}`);
  if (link === "lost" && !page.classList.contains("lost")) announce(text("state_lost"));
  page.classList.toggle("lost", link === "lost");
  at("talk").setAttribute("aria-pressed", microphone.isOpen);
  at("talk").setAttribute("aria-label", text(microphone.isOpen ? "stop_talking" : "talk"));
  const stops = answers.inProgress && !at("text").value.trim();
  at("send").classList.toggle("stops", stops);
  at("send").setAttribute("aria-label", text(stops ? "stop" : "send"));
  at("attach").setAttribute("aria-label", text("attach"));
  at("send").disabled = !stops && !at("text").value.trim();
  at("welcome").hidden = at("conversation").children.length > 0;
}

function showNotice(key, ...values) {
  notice = key === null ? [] : [key, ...values];
  const shown = notice.length ? text(...notice) : "";
  if (at("notice").textContent !== shown) at("notice").textContent = shown;
}

function showMode(mode) {
  page.classList.toggle("text", mode === "text");
  for (const radio of document.getElementsByName("mode")) radio.checked = radio.value === mode;
  if (mode === "text" && !at("settings").open) at("text").focus();
}

function showDomain() {
  const domain = talk.wishes.domain ?? offered.domains[0];
  at("domain-shown").textContent = domain ? named("domain", domain) : "";
  const keys = Array.from({ length: EXAMPLES }, (_, i) => `example_${domain}_${i + 1}`).filter(has);
  at("examples").replaceChildren(...keys.map(example));
  at("examples-part").hidden = keys.length === 0;
}

function example(key) {
  const button = element("button", "", text(key));
  button.type = "button";
  button.addEventListener("click", () => talk.write(text(key)));
  return element("li", "", button);
}

at("talk").addEventListener("click", () => talk.toggle());
at("write").addEventListener("submit", (event) => {
  event.preventDefault();
  const message = at("text").value.trim();
  at("text").value = "";
  if (message) talk.write(message);
  else talk.stop();
  showState();
});
at("attach").addEventListener("click", () => at("picture").click());
at("picture").addEventListener("change", async () => {
  const [file] = at("picture").files;
  at("picture").value = ""; // the same file again is a change, too
  const picture = file && (await pictureIn(file));
  if (!picture) return file && showNotice("picture_unfit");
  const message = at("text").value.trim();
  at("text").value = "";
  return talk.write(message, picture);
});
at("text").addEventListener("input", showState);
at("text").addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || event.shiftKey || event.isComposing) return; // an input method takes Enter first
  event.preventDefault();
  at("write").requestSubmit();
});
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && !document.querySelector("dialog[open]")) talk.stop();
});
at("settings-open").addEventListener("click", () => {
  at("settings").showModal();
  showFigures(at("figures"), talk);
});
at("below").addEventListener("toggle", () => showFigures(at("figures"), talk));
at("language-switch").addEventListener("click", switchLanguage);
addEventListener("pagehide", () => talk.connection?.close());

startTheme(at("theme-switch"));
inEveryLanguage(() => {
  document.title = text("title");
  fill(document);
  showState();
  showNotice(...(notice.length ? notice : [null]));
  showDomain();
});

try {
  offered = await talk.access.read("/v1/liushui");
  startChoices(at("settings"), offered, (wishes, how) => {
    talk.choose(wishes, how);
    showDomain();
  });
  if (!offered.audio) talk.choose({ mode: "text" });
  showDomain();
} catch (error) {
  console.error(error);
  showNotice("unreachable");
}
page.dataset.ready = ""; // for whoever waits until the page can be used
