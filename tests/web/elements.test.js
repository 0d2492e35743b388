import { disclosure, element, translated } from "/web/elements.js";
import { switchLanguage, text } from "/web/texts.js";
import { same } from "./expect.js";

export const tests = {
  "an element has its class and its content, and markup in it is text"() {
    const made = element("p", "caution", "a < b ", element("b", "", "<i>"));
    same(made.outerHTML, '<p class="caution">a &lt; b <b>&lt;i&gt;</b></p>');
    same(element("p").outerHTML, "<p></p>");
  },
  "what is translated follows the page's language"() {
    const yes = translated("span", "", () => text("yes"));
    const folded = disclosure("sources", () => text("sources"), element("p"));
    const summary = () => folded.querySelector("summary").textContent;
    const before = [yes.textContent, summary()];
    switchLanguage();
    same([yes.textContent, summary()] + "" === before + "", false);
    switchLanguage();
    same([yes.textContent, summary()], before);
  },
};
