// Light or dark: as the system has it, until somebody chooses.

import { inEveryLanguage, text } from "./texts.js";

const KEPT = "liushui.theme";
const ORDER = ["auto", "light", "dark"];

export function startTheme(button) {
  let current = localStorage.getItem(KEPT) ?? "auto";
  const show = () => {
    document.documentElement.dataset.theme = current;
    button.setAttribute("aria-label", text(`theme_${current}`));
    button.title = text(`theme_${current}`);
  };
  button.addEventListener("click", () => {
    current = ORDER[(ORDER.indexOf(current) + 1) % ORDER.length];
    localStorage.setItem(KEPT, current);
    show();
  });
  inEveryLanguage(show);
}
