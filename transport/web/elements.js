// New elements of the page. What they show is text, never markup.

import { inEveryLanguage } from "./texts.js";

/** An element with its class ("": none) and what is in it: strings, other elements. */
export function element(tag, className = "", ...content) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  made.append(...content);
  return made;
}

/** An element that shows what `words()` returns, again whenever the page speaks another language. */
export function translated(tag, className, words) {
  const made = element(tag, className);
  inEveryLanguage(() => (made.textContent = words()));
  return made;
}

/** What can be unfolded: a line, as in `translated`, and what is under it. */
export function disclosure(className, heading, ...content) {
  return element("details", className, translated("summary", "", heading), ...content);
}
