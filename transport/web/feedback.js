// "Was this fluent? Was this right?" beside an answer, where the service keeps what is said to that.

import { element, translated } from "./elements.js";
import { inEveryLanguage, text } from "./texts.js";

const QUESTIONS = ["right", "fluent"];

/** `turnOf(responseId)`: the turn of an answer, undefined for one that is not shown; `send(event)`. */
export function askFeedback(router, turnOf, send) {
  let wanted = false;
  const asked = new Map(); // response -> its buttons
  router.on("session.created", () => {
    wanted = false;
    asked.clear();
  });
  router.on("liushui.feedback.wanted", () => (wanted = true));
  router.on("response.done", ({ response: { id, status } }) => {
    const turn = turnOf(id);
    if (!wanted || !turn || status === "failed" || asked.has(id)) return;
    const questions = new Questions((answer) => send({ type: "liushui.feedback", response_id: id, ...answer }));
    asked.set(id, questions);
    turn.after.append(questions.element);
  });
  router.on("liushui.feedback.saved", (saved) => asked.get(saved.response_id)?.show(saved));
}

class Questions {
  constructor(answered) {
    this.element = element("div", "feedback");
    this._buttons = QUESTIONS.map((question) => this._ask(question, answered));
  }

  /** Mark what stands. */
  show(saved) {
    for (const { button, question, value } of this._buttons.flat())
      button.setAttribute("aria-pressed", saved[question] === value);
  }

  _ask(question, answered) {
    const words = () => text(`feedback_${question}`);
    const group = element("span", "", translated("span", "", words));
    group.setAttribute("role", "group");
    inEveryLanguage(() => group.setAttribute("aria-label", words()));
    this.element.append(group);
    return [true, false].map((value) => {
      const button = translated("button", "", () => text(value ? "yes" : "no"));
      button.type = "button";
      button.setAttribute("aria-pressed", "false");
      button.addEventListener("click", () => answered({ [question]: value }));
      group.append(button);
      return { button, question, value };
    });
  }
}
