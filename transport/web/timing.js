// The waterfall beside an answer, as a table that can be unfolded.

import { disclosure, element, translated } from "./elements.js";
import { text } from "./texts.js";
import { rows } from "./waterfall.js";

/** An element for `marks` and the moment it was heard, or read, here (null: it never was). */
export function timingElement(marks, hereMs, spoken) {
  const steps = rows(marks, hereMs);
  const longestMs = Math.max(1, ...steps.map((row) => row.endMs));
  const table = element("table", "waterfall", ...steps.map((row) => line(row, longestMs)));
  return disclosure("timing", () => heading(hereMs, spoken), table);
}

function heading(hereMs, spoken) {
  if (hereMs === null) return text("timing_unheard");
  return text(spoken ? "timing" : "timing_text", (hereMs / 1000).toFixed(2));
}

function line({ step, beginMs, endMs }, longestMs) {
  const name = translated("th", "", () => text(step));
  name.scope = "row";
  const bar = element("span", "bar-of");
  bar.style.marginInlineStart = `${(100 * beginMs) / longestMs}%`;
  bar.style.width = `${(100 * (endMs - beginMs)) / longestMs}%`;
  return element("tr", "", name, element("td", "", `${Math.round(endMs)} ms`), element("td", "", bar));
}
