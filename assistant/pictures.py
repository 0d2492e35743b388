"""What was read in a picture that the user sent."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

Box = tuple[int, int, int, int]  # left, top, right, bottom [pixels]

# Below it the recognizer doubts itself: that catches what is illegible, not every misreading
# (tests/bench/pictures.py counts both kinds).
SURE = 0.85
# Of a picture's text for the model: a full page. English has some 3 characters a token where names and
# numbers abound, Chinese about one.
MAX_TOKENS = 700
NOTHING = "[My picture: no text in it could be read.]"
FAILED = "[My picture could not be read.]"
_PAPER = re.compile(r"\[My picture says:\n(?P<lines>.*?)\n\]", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Line:
    """One line as it is read, the cells of a table's row together."""

    text: str
    box: Box
    confidence: float  # 0 to 1, of its least certain cell

    @property
    def uncertain(self) -> bool:
        """Whether it may be misread: then it is no fact."""
        return self.confidence < SURE

    def on_wire(self) -> dict[str, object]:
        """Return the line as one of `liushui.image.read`'s."""
        return {
            "text": self.text,
            "box": list(self.box),
            "confidence": round(self.confidence, 3),
            "uncertain": self.uncertain,
        }


@dataclass(frozen=True, slots=True)
class ReadPicture:
    """A picture, upright, and its lines in the order of reading; boxes in pixels of `width` x `height`."""

    width: int
    height: int
    lines: tuple[Line, ...]
    preview: bytes = field(default=b"", repr=False)  # the picture as a JPEG, perhaps smaller

    @property
    def facts(self) -> tuple[Line, ...]:
        """The lines that may be relied on."""
        return tuple(line for line in self.lines if not line.uncertain)

    def told(self) -> str:
        """Return what the model is told of it: the lines to rely on, and how many there are besides."""
        if not self.facts:
            return NOTHING
        room, kept = MAX_TOKENS, list[str]()
        for line in self.facts:
            room -= _tokens(line.text)
            if room < 0:
                break
            kept.append(line.text)
        notes = []
        if left := len(self.facts) - len(kept):
            notes.append(f"({left} more lines)")
        if unclear := len(self.lines) - len(self.facts):
            notes.append(f"({unclear} {'line is' if unclear == 1 else 'lines are'} too unclear to read)")
        return "\n".join(("[My picture says:", *kept, *notes, "]"))


def _tokens(text: str) -> int:
    """About how many tokens a line takes, its end included."""
    dense = sum(not character.isascii() for character in text)
    return dense + (len(text) - dense) // 3 + 1


def papers_in(text: str) -> list[str]:
    """Return what the pictures of a message say, a text each."""
    return [found["lines"] for found in _PAPER.finditer(text)]


def without_pictures(text: str) -> str:
    """Return what was said in a message beside its pictures."""
    return _PAPER.sub("", text).replace(NOTHING, "").replace(FAILED, "").strip()
