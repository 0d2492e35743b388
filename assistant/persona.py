"""A consultation domain: a folder with the words it starts from."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

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

    @property
    def prompt(self) -> str:
        """The system text."""
        return (
            f"{self.instructions}\n\nWhat you know: {self.knowledge}" if self.knowledge else self.instructions
        )


def load_persona(domain: str | Path) -> Persona:
    """Read a domain: the name of a folder in `samples/`, or a path to one that holds `prompt.md`.

    A `knowledge.md` beside it is what the assistant knows; a `lexicon.txt` holds names and terms that users
    will say, one a line. Raises PersonaError when the prompt is not there, or says nothing.
    """
    folder = Path(domain) if Path(domain).is_dir() else SAMPLES / str(domain)
    prompt_path = folder / "prompt.md"
    if not prompt_path.is_file():
        known = ", ".join(sorted(path.parent.name for path in SAMPLES.glob("*/prompt.md")))
        raise PersonaError(
            f"no consultation domain {str(domain)!r}: {prompt_path} does not exist (there are: {known})"
        )
    instructions = prompt_path.read_text(encoding="utf-8").strip()
    if not instructions:
        raise PersonaError(f"{prompt_path} is empty; write the assistant's instructions into it")
    terms = tuple(filter(None, map(str.strip, _text(folder / "lexicon.txt").splitlines())))
    return Persona(folder.name, instructions, _text(folder / "knowledge.md"), terms)


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8").strip() if path.is_file() else ""
