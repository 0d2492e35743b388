// What an answer rests on, and what to keep in mind about it: told by events of their own.

import { disclosure, element, translated } from "./elements.js";
import { text } from "./texts.js";

/** `turnOf(responseId)`: the turn of an answer, undefined for one that is not shown. */
export function showCitations(router, turnOf) {
  router.on("liushui.citation", ({ response_id: response, passages = [], disclaimer }) => {
    const turn = turnOf(response);
    if (!turn) return;
    if (passages.length) turn.after.append(sources(passages));
    if (disclaimer) turn.after.append(element("p", "disclaimer", disclaimer));
  });
  router.on("liushui.safety", ({ response_id: response, kind }) => {
    turnOf(response)?.after.append(translated("p", "caution", () => text(`safety_${kind}`)));
  });
}

function sources(passages) {
  const entries = passages.map(({ title, text: words }) =>
    element("li", "", element("strong", "", title), element("p", "", words)),
  );
  return disclosure("sources", () => `${text("sources")} (${passages.length})`, element("ol", "", ...entries));
}
