"""Pairs of questions: the same one in other words, or two that only look alike."""

from __future__ import annotations

import csv
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from llm.replies import OPENING, CommonReplies, Similarity


@dataclass(frozen=True, slots=True)
class Pair:
    """A row of `question_pairs.tsv`."""

    verdict: str  # other: not the same question; exact: the same words; same: the same question
    kind: str
    one: str
    other: str


def _read_pairs() -> Iterator[Pair]:
    with Path(__file__).with_suffix(".tsv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE):
            yield Pair(**row)


PAIRS = tuple(_read_pairs())
LOOK_ALIKES = [pair for pair in PAIRS if pair.verdict == "other"]


def matches(pair: Pair, encoder: Similarity | None) -> bool:
    """Whether the second question gets the reply that the first one was given twice."""
    with tempfile.TemporaryDirectory() as folder:
        replies = CommonReplies(Path(folder), model="", prompt="", encoder=encoder)
        for _ in range(2):
            replies.learn(pair.one, OPENING, (5, 6, 7), "Cool it under running water.")
        return replies.find(pair.other) is not None
