"""What is decided before the model is asked: red flags, refusals, and which passages are found."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from assistant.consultation import Consultation
from assistant.retrieval import Retriever
from tests.bench.consult_dialogues import Talk, Turn

Say = Callable[[str], None]
TOP = 3


@dataclass(slots=True)
class Share:
    """How many of how many."""

    hits: int = 0
    total: int = 0

    def count(self, hit: bool) -> bool:
        """Count one more; returns whether it was a hit."""
        self.hits += hit
        self.total += 1
        return hit

    def rate(self) -> float | None:
        """The share, None of nothing."""
        return round(self.hits / self.total, 4) if self.total else None


@dataclass(slots=True)
class Lookup:
    """The figures without a model."""

    hit: Share = field(default_factory=Share)
    recall: Share = field(default_factory=Share)
    exact: Share = field(default_factory=Share)  # of those found, the flag that was meant
    alarm: Share = field(default_factory=Share)
    refusal: Share = field(default_factory=Share)
    wrong_refusal: Share = field(default_factory=Share)

    def report(self) -> dict[str, object]:
        """As JSON."""
        return {
            "retrieval_hit_at_3": self.hit.rate(),
            "red_flag_recall": self.recall.rate(),
            "red_flag_as_named": self.exact.rate(),
            "red_flag_false_alarm_rate": self.alarm.rate(),
            "refusal_when_unknown": self.refusal.rate(),
            "refusal_when_known": self.wrong_refusal.rate(),
            "n": {
                "supported": self.hit.total,
                "unknown": self.refusal.total,
                "red_flags": self.recall.total,
                "not_red_flags": self.alarm.total,
            },
        }


def look_up(consultation: Consultation, talks: Sequence[Talk], say: Say) -> Lookup:
    """Ask everything of retrieval and red flags; every miss is said."""
    figures = Lookup()
    for talk in talks:
        for turn, before in talk.questions():
            for line in _one(figures, consultation, turn, before):
                say(f"{talk.id}: {line}")
    return figures


def _one(figures: Lookup, consultation: Consultation, turn: Turn, before: str) -> Iterator[str]:
    verdict = consultation.verdict(turn.user, before)
    if turn.red_flag is not None:
        if not figures.recall.count(verdict.flag is not None):
            yield f"RED FLAG MISSED ({turn.red_flag}): {turn.user}"
        elif not figures.exact.count(verdict.flag == turn.red_flag):
            yield f"another red flag ({verdict.flag} for {turn.red_flag}): {turn.user}"
        return
    if figures.alarm.count(verdict.flag is not None):
        yield f"FALSE ALARM ({verdict.flag}): {turn.user}"
    if turn.smalltalk or turn.passages is None:
        return
    refused = verdict.kind in ("unknown", "unsure")
    assert consultation.retriever is not None
    found = consultation.retriever.search(turn.user, before)
    near = ", ".join(f"{hit.entry.id} {hit.score:.2f}" for hit in found.hits)
    if not turn.passages:
        if not figures.refusal.count(refused):
            yield f"not refused: {turn.user} [{near}]"
        return
    if not figures.hit.count(any(hit.entry.id in turn.passages for hit in found.hits[:TOP])):
        yield f"not among the first {TOP}: {turn.user} wants {', '.join(turn.passages)} [{near}]"
    if figures.wrong_refusal.count(refused):
        yield f"refused as {verdict.kind}: {turn.user} wants {', '.join(turn.passages)} [{near}]"


def hits_by_method(retriever: Retriever, talks: Sequence[Talk]) -> dict[str, float | None]:
    """Hits among the first three by each score alone, and by what is used; follow-ups as they stand."""
    shares: dict[str, Share] = {}
    ids = [entry.id for entry in retriever.entries]
    for turn, before in (each for talk in talks for each in talk.questions()):
        if not turn.passages or turn.red_flag:
            continue
        for name, scores in retriever.by_method(turn.user, before).items():
            top = np.argsort(-scores, kind="stable")[:TOP]
            shares.setdefault(name, Share()).count(any(ids[at] in turn.passages for at in top))
    return {name: share.rate() for name, share in shares.items()}
