// The pickers: what the service offers, and what was chosen of it.

import { inEveryLanguage, named, text } from "./texts.js";

/** Fill the pickers of `dialog` by `offered` (GET /v1/liushui); `choose(wishes, {afresh})` is told of a choice. */
export function startChoices(dialog, offered, choose) {
  const pick = (id, values, label, change) => startPicker(dialog.querySelector(`#${id}`), values, label, change);
  pick("domain", offered.domains, (name) => named("domain", name), (domain) => choose({ domain }, { afresh: true }));
  const spoken = new Spoken(dialog.querySelector("#unspoken"), offered);
  pick("voice", offered.voices.map(({ name }) => name), voiceLabel(offered.voices), (voice) => {
    spoken.choose({ voice });
    choose({ voice });
  });
  pick("language", offered.languages, (code) => named("language", code), (language) => {
    spoken.choose({ language });
    choose({ language });
  });
  pick("pace", [null, ...offered.paces], paceLabel, (pace) => choose({ pace }));
  for (const radio of dialog.querySelectorAll("[name=mode]")) {
    radio.addEventListener("change", () => choose({ mode: radio.value }));
  }
}

function startPicker(select, values, label, change) {
  select.disabled = values.length < 2;
  inEveryLanguage(() => {
    const chosen = Math.max(0, select.selectedIndex);
    select.replaceChildren(...values.map((value, i) => new Option(label(value), i, i === chosen, i === chosen)));
    select.title = select.disabled ? text("only_one") : "";
  });
  select.addEventListener("change", () => change(values[select.selectedIndex]));
}

/** Says so where the voice does not speak the user's language. */
class Spoken {
  constructor(note, { voices, languages }) {
    this._note = note;
    this._voices = voices;
    this._chosen = { voice: voices[0]?.name, language: languages[0] };
    inEveryLanguage(() => this._show());
  }

  choose(choice) {
    Object.assign(this._chosen, choice);
    this._show();
  }

  _show() {
    const { voice, language } = this._chosen;
    const speaking = this._voices.filter(({ languages }) => languages.includes(language)).map(({ name }) => name);
    const known = this._voices.find(({ name }) => name === voice)?.languages ?? [];
    const silent = known.length && language !== "auto" && !speaking.includes(voice);
    const key = speaking.length ? "unspoken_but" : "unspoken";
    this._note.textContent = silent ? text(key, voice, named("language", language), speaking.join(", ")) : "";
  }
}

function voiceLabel(voices) {
  const languages = Object.fromEntries(voices.map((voice) => [voice.name, voice.languages]));
  return (name) => {
    const spoken = languages[name].map((code) => named("language", code));
    return spoken.length ? `${name} (${spoken.join(", ")})` : name;
  };
}

function paceLabel(pace) {
  if (pace === null) return text("pace_auto");
  const key = pace < 1 ? "pace_slower" : pace > 1 ? "pace_faster" : "pace_normal";
  return pace === 1 ? text(key) : `${text(key)} (${pace}×)`;
}
