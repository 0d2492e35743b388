// What a screen reader is told: a whole turn once it is over, never word by word.

import { element } from "./elements.js";

const KEPT = 4; // a reader that is behind still finds what it has not read

export function announcerIn(region) {
  return (message) => {
    if (!message.trim()) return;
    region.append(element("p", "", message));
    while (region.children.length > KEPT) region.firstElementChild.remove();
  };
}
