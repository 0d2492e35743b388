// Pictures: what was read in the user's, and what the assistant shows while it speaks of it.

import { disclosure, element, translated } from "./elements.js";
import { inEveryLanguage, text } from "./texts.js";

const KINDS = ["image/png", "image/jpeg", "image/webp"];
export const MOST_BYTES = 8 * 1024 * 1024; // of one picture, as the service takes them

/** The file as a data URL; null for what the service does not take. */
export async function pictureIn(file) {
  if (!KINDS.includes(file.type) || file.size > MOST_BYTES) return null;
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(reader.result);
    reader.onerror = () => reject(reader.error);
    reader.readAsDataURL(file);
  });
}

/** `answers`: those of the page; `userTurn(itemId)`: the turn of a message, undefined if it is not shown. */
export function showPictures(router, answers, userTurn) {
  router.on("liushui.image.read", ({ item_id: item, lines }) => {
    const words = lines.map((line) => (line.uncertain ? `${line.text} (?)` : line.text)).join("\n");
    userTurn(item)?.element.append(readWords(words));
  });
  router.on("liushui.image.failed", ({ item_id: item, reason }) => {
    userTurn(item)?.element.append(element("p", "caution", reason));
  });
  router.on("liushui.image.show", ({ response_id: response, at_ms: ms, image_url: url, alt }) => {
    const turn = answers.turnOf(response);
    if (turn) answers.whenHeard(turn, ms ?? 0, () => turn.after.append(figure(url, alt)));
  });
}

/** The picture that a message has. */
export function pictureElement(url) {
  const image = element("img", "sent");
  image.src = url;
  inEveryLanguage(() => (image.alt = text("your_picture")));
  return image;
}

function figure(url, alt) {
  const shown = element("figure");
  if (url) {
    const image = element("img");
    image.src = url;
    image.alt = ""; // the caption says it
    shown.append(image);
  }
  shown.append(element("figcaption", "", alt));
  return shown;
}

function readWords(words) {
  if (!words) return translated("p", "read", () => text("picture_empty"));
  return disclosure("sources read", () => text("picture_read"), element("p", "", words));
}
