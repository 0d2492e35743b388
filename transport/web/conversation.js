// What was said, as a list of turns. Who wants to add something to an answer asks for its `after`.

import { Caption, Transcript } from "./captions.js";
import { element } from "./elements.js";
import { inEveryLanguage, text } from "./texts.js";

const NEAR_END_PX = 160; // who has scrolled further up is reading, and is left there

export class Conversation {
  constructor(list) {
    this._list = list;
    this._turns = new Map(); // item id -> turn
    this._separators = [];
    inEveryLanguage(() => this._relabel());
    list.addEventListener("toggle", ({ target }) => target.open && target.scrollIntoView({ block: "nearest" }), true);
  }

  get isEmpty() {
    return this._list.children.length === 0;
  }

  get(item) {
    return this._turns.get(item);
  }

  /** The turn of an item, begun if it is new. */
  user(item) {
    return this._turns.get(item) ?? this._add(item, new UserTurn());
  }

  assistant(item) {
    return this._turns.get(item) ?? this._add(item, new AssistantTurn());
  }

  remove(item) {
    this._turns.get(item)?.element.remove();
    this._turns.delete(item);
  }

  /** What comes belongs to another conversation. */
  separate() {
    this._turns.clear(); // ids of another session mean nothing here
    if (this.isEmpty || this._list.lastElementChild.className === "between") return;
    const separator = element("li", "between");
    this._separators.push(separator);
    this._list.append(separator);
    this._relabel();
  }

  /** Change the list by `change`, and stay at its end if it is in view. */
  keepInView(change) {
    const page = document.scrollingElement;
    const atEnd = page.scrollHeight - page.scrollTop - page.clientHeight < NEAR_END_PX;
    change();
    if (atEnd) page.scrollTop = page.scrollHeight;
  }

  _add(item, turn) {
    this._turns.set(item, turn);
    this.keepInView(() => this._list.append(turn.element));
    return turn;
  }

  _relabel() {
    for (const each of this._list.querySelectorAll(".who")) each.textContent = text(each.dataset.who);
    for (const each of this._separators) each.textContent = text("new_conversation");
  }
}

class Turn {
  constructor(who) {
    const name = element("span", "who", text(who));
    name.dataset.who = who;
    this.words = element("div", "words");
    this.element = element("li", `turn ${who === "you" ? "user" : "assistant"}`, name, this.words);
  }
}

class UserTurn extends Turn {
  constructor() {
    super("you");
    this.transcript = new Transcript();
  }

  show() {
    const [certain, uncertain] = this.transcript.parts();
    this.words.replaceChildren(certain);
    if (uncertain) this.words.append(element("span", "uncertain", uncertain));
  }
}

class AssistantTurn extends Turn {
  constructor() {
    super("assistant");
    this.caption = new Caption();
    this.spoken = false; // some of it was heard as sound
    this.settled = false; // nothing more comes of it
    this.awaited = []; // what is shown when the playhead gets there
    this.after = element("div"); // what is told beside the answer
    this.element.append(this.after);
    this._shown = []; // the runs on screen
  }

  /** Bring the words up to date; what did not change keeps its place in the page. */
  show() {
    const runs = this.caption.runs();
    runs.forEach((run, i) => {
      const before = this._shown[i];
      if (before && before.state === run.state && before.text === run.text) return;
      const words = run.state === "unheard" ? struck(run.text) : element("span", run.state, run.text);
      if (before) this.words.children[i].replaceWith(words);
      else this.words.append(words);
    });
    while (this.words.children.length > runs.length) this.words.lastElementChild.remove();
    this._shown = runs;
  }

  /** Say beside the words how the answer ended. */
  end(key, ...values) {
    this._end ??= this.element.insertBefore(element("span", "end"), this.after);
    this._end.textContent = text(key, ...values);
  }
}

function struck(words) {
  return element("s", "unheard", element("span", "unseen", text("unheard")), words);
}
