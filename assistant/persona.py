"""A consultation domain: a folder with the words it starts from, and no code."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from assistant.knowledge import Entry, read_knowledge
from assistant.safety import Safety, read_safety
from assistant.wordings import Wording, read_wordings

SAMPLES = Path(__file__).resolve().parent.parent / "samples"


class PersonaError(ValueError):
    """The domain's folder or its prompt is missing or empty."""


@dataclass(frozen=True, slots=True)
class Persona:
    """Who the assistant is in this domain."""

    name: str
    instructions: str
    knowledge: str = ""  # what it may rely on
    lexicon: tuple[str, ...] = ()  # names and terms that users will say
    title: str = ""  # as a user sees it
    entries: tuple[Entry, ...] = ()  # what is looked up for every question
    safety: Safety = field(default_factory=Safety)
    wordings: tuple[Wording, ...] = ()  # examples to learn from
    folder: Path = SAMPLES

    @property
    def prompt(self) -> str:
        """The system text."""
        return (
            f"{self.instructions}\n\nWhat you know: {self.knowledge}" if self.knowledge else self.instructions
        )


def load_persona(domain: str | Path) -> Persona:
    """Read a domain: the name of a folder in `samples/`, or a path to one that holds `prompt.md`.

    A first line `# Title` of the prompt is what users see. The entries in a folder `knowledge` are looked up
    for each question (see `knowledge`), a `knowledge.md` is in the prompt whole; `safety.md` is described in
    `safety`, a `wordings.jsonl` in `wordings`; a `lexicon.txt` holds names and terms that users will say, one
    a line. Raises PersonaError when the prompt is not there, or says nothing; KnowledgeError, SafetyError or
    WordingsError for what cannot be read.
    """
    folder = Path(domain) if Path(domain).is_dir() else SAMPLES / str(domain)
    prompt_path = folder / "prompt.md"
    if not prompt_path.is_file():
        known = ", ".join(sorted(path.parent.name for path in SAMPLES.glob("*/prompt.md")))
        raise PersonaError(
            f"no consultation domain {str(domain)!r}: {prompt_path} does not exist (there are: {known})"
        )
    title, instructions = _titled(_text(prompt_path))
    if not instructions:
        raise PersonaError(f"{prompt_path} is empty; write the assistant's instructions into it")
    name = folder.resolve().name
    entries, safety = read_knowledge(folder / "knowledge"), read_safety(folder / "safety.md")
    return Persona(
        name,
        instructions,
        _text(folder / "knowledge.md"),
        tuple(filter(None, map(str.strip, _text(folder / "lexicon.txt").splitlines()))),
        title or name.replace("-", " ").replace("_", " ").capitalize(),
        entries,
        safety,
        read_wordings(
            folder / "wordings.jsonl", {flag.id for flag in safety.flags}, {entry.id for entry in entries}
        ),
        folder,
    )


def load_personas(domains: Sequence[str | Path]) -> tuple[Persona, ...]:
    """Read several domains. Raises PersonaError, also where two have the same name."""
    personas = tuple(map(load_persona, domains))
    names = [persona.name for persona in personas]
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise PersonaError(
            f"two domains are named {twice!r}; a client could choose only one: rename a folder"
        )
    return personas


def _titled(prompt: str) -> tuple[str, str]:
    first, _, rest = prompt.partition("\n")
    return (first[2:].strip(), rest.strip()) if first.startswith("# ") else ("", prompt)


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8").strip() if path.is_file() else ""
