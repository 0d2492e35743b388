// What goes on below the surface, in numbers.

import { element } from "./elements.js";
import { text } from "./texts.js";

/** The rows of `talk`, as pairs of a text's key and its value. */
function rowsOf({ connection, figures, opus }) {
  const { outbox, inbox } = connection ?? {};
  return [
    ["codec", opus ? "Opus" : "PCM"],
    ["round_trip", outbox?.roundTripMs ? `${Math.round(outbox.roundTripMs)} ms` : null],
    ["underruns", figures.underruns],
    ["missing", `${Math.round(figures.missingMs)} ms`],
    ["reconnections", connection?.reconnections ?? 0],
    ["received", inbox ? kilobytes(inbox.receivedBytes) : null],
    ["sent", outbox ? kilobytes(outbox.sentBytes) : null],
  ];
}

export function showFigures(list, talk) {
  list.replaceChildren(
    ...rowsOf(talk).flatMap(([key, value]) => {
      const figure = element("dd", "", value ?? text("none_yet"));
      figure.dataset.figure = key;
      return [element("dt", "", text(key)), figure];
    }),
  );
}

function kilobytes(bytes) {
  return `${Math.round(bytes / 1000)} kB`;
}
