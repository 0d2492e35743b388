// The waterfall beside an answer, as a table that can be unfolded.

import { inEveryLanguage, text } from "./texts.js";
import { rows } from "./waterfall.js";

/** An element for `marks` and the moment it was heard, or read, here (null: it never was). */
export function timingElement(marks, hereMs, spoken) {
  const details = document.createElement("details");
  details.className = "timing";
  const summary = document.createElement("summary");
  const table = document.createElement("table");
  table.className = "waterfall";
  details.append(summary, table);
  const steps = rows(marks, hereMs);
  const longestMs = Math.max(1, ...steps.map((row) => row.endMs));
  table.append(...steps.map((row) => line(row, longestMs)));
  const heading = spoken ? "timing" : "timing_text";
  inEveryLanguage(() => {
    const seconds = ((hereMs ?? 0) / 1000).toFixed(2);
    summary.textContent = hereMs === null ? text("timing_unheard") : text(heading, seconds);
    for (const each of table.querySelectorAll("th")) each.textContent = text(each.dataset.step);
  });
  return details;
}

function line({ step, beginMs, endMs }, longestMs) {
  const row = document.createElement("tr");
  const name = document.createElement("th");
  name.scope = "row";
  name.dataset.step = step;
  const moment = document.createElement("td");
  moment.textContent = `${Math.round(endMs)} ms`;
  const track = document.createElement("td");
  const bar = document.createElement("span");
  bar.className = "bar-of";
  bar.style.marginInlineStart = `${(100 * beginMs) / longestMs}%`;
  bar.style.width = `${(100 * (endMs - beginMs)) / longestMs}%`;
  track.append(bar);
  row.append(name, moment, track);
  return row;
}
