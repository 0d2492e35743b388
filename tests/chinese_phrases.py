"""Chinese sentences with the phrase breaks of a good reader, and how well other breaks agree with them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

MARK = re.compile(r"[，。！？；：]”?(?=.)")


@dataclass(frozen=True, slots=True)
class Sentence:
    """A line of `data/chinese_phrases.txt`."""

    text: str
    breaks: frozenset[int]  # offsets in it; the end is none

    @property
    def marks(self) -> frozenset[int]:
        """Where its marks end, but for 、 and the last."""
        return frozenset(match.end() for match in MARK.finditer(self.text))


@dataclass(frozen=True, slots=True)
class Agreement:
    """Breaks found in some sentences against those labelled."""

    precision: float
    recall: float
    f1: float


def _read() -> Iterable[Sentence]:
    path = Path(__file__).with_name("data") / "chinese_phrases.txt"
    for line in path.read_text(encoding="utf-8").splitlines():
        if not line.startswith("#"):
            phrases = line.split("|")
            ends = [len("".join(phrases[:i])) for i in range(1, len(phrases))]
            yield Sentence("".join(phrases), frozenset(ends))


SENTENCES = tuple(_read())
DEVELOPMENT, TEST = SENTENCES[::2], SENTENCES[1::2]


def agreement(
    sentences: Sequence[Sentence], found: Callable[[Sentence], Iterable[int]], *, unmarked: bool = False
) -> Agreement:
    """Compare the breaks that `found` returns with the labelled; `unmarked`: only those without a mark."""
    pairs = [(set(found(sentence)), sentence) for sentence in sentences]
    n_found = n_labelled = n_common = 0
    for offsets, sentence in pairs:
        left_out = sentence.marks if unmarked else frozenset()
        offsets, labelled = offsets - left_out, sentence.breaks - left_out
        n_found, n_labelled = n_found + len(offsets), n_labelled + len(labelled)
        n_common += len(offsets & labelled)
    return Agreement(
        precision=round(n_common / max(1, n_found), 3),
        recall=round(n_common / n_labelled, 3),
        f1=round(2 * n_common / (n_found + n_labelled), 3),
    )
