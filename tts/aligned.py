"""Text that is rewritten for the ear and still knows which shown characters every part stands for."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher

WORD = re.compile(r"\S+\s*|^\s+")  # with the space after it: alone, spaces would be found equal anywhere
Edit = tuple[int, int, str]  # start, end, what stands there instead
Replacement = str | Callable[[re.Match[str]], str]  # a str is a template, as in re.sub
SAID = "said"  # the group that a rule replaces; what is around it keeps standing for itself


@dataclass(frozen=True, slots=True)
class AlignedText:
    """A text and, for each of its characters, the half-open span of the shown text it stands for."""

    text: str
    starts: tuple[int, ...]  # [len(text)], never decreasing
    ends: tuple[int, ...]  # [len(text)], never decreasing

    @classmethod
    def of(cls, shown: str) -> AlignedText:
        """Return the shown text itself, every character standing for itself."""
        return cls(shown, tuple(range(len(shown))), tuple(range(1, len(shown) + 1)))

    def shown_span(self, start: int, end: int) -> tuple[int, int]:
        """Return the shown span that `text[start:end]` (not empty) stands for."""
        return self.starts[start], self.ends[end - 1]

    def part(self, start: int, end: int) -> AlignedText:
        """Return `text[start:end]`, aligned as it is here."""
        return AlignedText(self.text[start:end], self.starts[start:end], self.ends[start:end])

    def edit(self, edits: Iterable[Edit]) -> AlignedText:
        """Replace spans, given in order, not overlapping; a new text stands for what the old one did."""
        texts: list[str] = []
        starts: list[int] = []
        ends: list[int] = []
        at = 0
        for start, end, new in (*edits, (len(self.text), len(self.text), "")):
            shown_start, shown_end = self._replaced_span(start, end)
            texts += (self.text[at:start], new)
            starts += (*self.starts[at:start], *(shown_start,) * len(new))
            ends += (*self.ends[at:start], *(shown_end,) * len(new))
            at = end
        return AlignedText("".join(texts), tuple(starts), tuple(ends))

    def sub(self, pattern: re.Pattern[str], replacement: Replacement) -> AlignedText:
        """Work as `pattern.sub(replacement, text)`, but replace only the group `said` where there is one."""
        matches = list(pattern.finditer(self.text))
        if not matches:
            return self
        expand = replacement if callable(replacement) else lambda match: match.expand(replacement)
        group = SAID if SAID in pattern.groupindex else 0
        return self.edit((*match.span(group), expand(match)) for match in matches)

    def unwrap(self, pattern: re.Pattern[str]) -> AlignedText:
        """Replace every match with its first group, whose characters go on standing for themselves."""
        return self.edit(edit for match in pattern.finditer(self.text) for edit in _around_group(match))

    def rewritten(self, text: str) -> AlignedText:
        """Align another wording: common words stand for what they did, other runs for what they replace."""
        if text == self.text:
            return self
        old, new = list(WORD.finditer(self.text)), list(WORD.finditer(text))
        matcher = SequenceMatcher(None, [m.group() for m in old], [m.group() for m in new], autojunk=False)
        return self.edit(
            (_edge(old, i1), _edge(old, i2), text[_edge(new, j1) : _edge(new, j2)])
            for tag, i1, i2, j1, j2 in matcher.get_opcodes()
            if tag != "equal"
        )

    def _replaced_span(self, start: int, end: int) -> tuple[int, int]:
        if start < end:
            return self.shown_span(start, end)
        # An insertion stands for the place between its neighbours.
        between = self.ends[start - 1] if start else 0
        return between, between


def _around_group(match: re.Match[str]) -> Iterator[Edit]:
    yield match.start(), match.start(1), ""
    yield match.end(1), match.end(), ""


def _edge(pieces: list[re.Match[str]], index: int) -> int:
    """Offset where piece `index` starts; past the last one, where the text ends."""
    if index < len(pieces):
        return pieces[index].start()
    return pieces[-1].end() if pieces else 0
