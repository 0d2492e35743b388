// What an answer rests on, and what to keep in mind about it: told by events of their own.

import { inEveryLanguage, text } from "./texts.js";

/** `turnOf(responseId)`: the turn of an answer, undefined for one that is not shown. */
export function showCitations(router, turnOf) {
  router.on("liushui.citation", ({ response_id: response, passages = [], disclaimer }) => {
    const turn = turnOf(response);
    if (!turn) return;
    if (passages.length) turn.after.append(sources(passages));
    if (disclaimer) turn.after.append(paragraph("disclaimer", disclaimer));
  });
  router.on("liushui.safety", ({ response_id: response, kind }) => {
    const note = paragraph("caution", "");
    inEveryLanguage(() => (note.textContent = text(`safety_${kind}`)));
    turnOf(response)?.after.append(note);
  });
}

function sources(passages) {
  const details = document.createElement("details");
  details.className = "sources";
  const summary = document.createElement("summary");
  inEveryLanguage(() => (summary.textContent = `${text("sources")} (${passages.length})`));
  const list = document.createElement("ol");
  for (const { title, text: words } of passages) {
    const item = document.createElement("li");
    const name = document.createElement("strong");
    name.textContent = title;
    item.append(name, paragraph("", words));
    list.append(item);
  }
  details.append(summary, list);
  return details;
}

function paragraph(className, words) {
  const element = document.createElement("p");
  element.className = className;
  element.textContent = words;
  return element;
}
