"""The adaptive decode window: several tokens verified in one forward pass, none of them changed by it.

What followed the last tokens where they stood before, in the dialogue, in the knowledge that its prompt
holds or in replies to common questions, is proposed to follow again (prompt lookup,
github.com/apoorvumang/prompt-lookup-decoding). How many tokens are worth proposing follows from how often
such proposals came true, and from what a wider pass costs.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from llm.decoder import Decoder

LONGEST = 4  # tokens that a place is known by; longer ones are nearly always the same places
MOST_PROPOSED = 7  # eight rows in all: from there on a product takes as much longer as it gets wider
FREE = (1.0,) * (MOST_PROPOSED + 1)  # costs of a machine with compute to spare

# How likely a proposed token comes true, by the length of the context that it was found by: where to start
# from, measured on consultations, and the weight of one more proposal.
PRIOR = (0.0, 0.2, 0.35, 0.55, 0.7)
NEWS = 0.05

BEFORE = 64  # tokens in front of those whose passes are measured
ROUNDS = 9  # of measuring, after one to warm up


class Lookup:
    """Finds where the last tokens of a sequence stood before. Mutable; follows the sequence it is asked of.

    One place for each context: the last one. Places that a crop made untrue are found out when they are used.
    """

    def __init__(self, odds: list[float] | None = None) -> None:
        """`odds`: shared with other lookups whose proposals come true as often."""
        self.odds = list(PRIOR) if odds is None else odds
        self._ids: list[int] = []  # as far as they are indexed
        self._places: dict[tuple[int, ...], int] = {}  # context -> position of what followed it

    def propose(self, ids: Sequence[int], most: int) -> tuple[int, list[int]]:
        """Return the length of the context that was found again, and up to `most` ids that followed it."""
        self._index(ids)
        for length in range(min(LONGEST, len(ids) - 1), 0, -1):
            context = tuple(ids[-length:])
            place = self._places.get(context, len(ids))
            if place < len(ids) and tuple(ids[place - length : place]) == context:
                return length, list(ids[place : place + most])
        return 0, []

    def _index(self, ids: Sequence[int]) -> None:
        """Learn every context that something follows: all but those that `ids` end with."""
        known = len(self._ids)
        if known > len(ids) or self._ids != list(ids[:known]):
            known = next(
                (at for at, (one, other) in enumerate(zip(self._ids, ids, strict=False)) if one != other),
                min(known, len(ids)),
            )
        for place in range(max(1, known), len(ids)):
            for context in _contexts(ids, place):
                self._places[context] = place
        self._ids = list(ids)


class Corpus:
    """Finds where the last tokens of a sequence stood in other texts, the last ones of those that were added.

    Threads may share it: one adds while others look.
    """

    def __init__(self, most: int) -> None:
        """Keep `most` texts at least, and twice as many at most."""
        self.odds = list(PRIOR)
        self._most = most
        self._texts: list[tuple[int, ...]] = []
        self._places: dict[tuple[int, ...], tuple[tuple[int, ...], int]] = {}  # context -> text, position

    def add(self, ids: Sequence[int]) -> None:
        """Learn a text."""
        text = tuple(ids)
        self._texts.append(text)
        self._learn(text)
        if len(self._texts) > 2 * self._most:
            self._texts = self._texts[-self._most :]
            self._places = {}
            for text in self._texts:
                self._learn(text)

    def _learn(self, text: tuple[int, ...]) -> None:
        for place in range(1, len(text)):
            for context in _contexts(text, place):
                self._places[context] = text, place

    def propose(self, ids: Sequence[int], most: int) -> tuple[int, list[int]]:
        """Return the length of the context that was found, and up to `most` ids that followed it."""
        for length in range(min(LONGEST, len(ids)), 0, -1):
            if (found := self._places.get(tuple(ids[-length:]))) is not None:
                text, place = found
                return length, list(text[place : place + most])
        return 0, []


def _contexts(ids: Sequence[int], place: int) -> Iterator[tuple[int, ...]]:
    """Yield what the token at `place` may be known by: the last ones before it."""
    for length in range(1, min(LONGEST, place) + 1):
        yield tuple(ids[place - length : place])


class Source(Protocol):
    """Where proposals come from."""

    odds: list[float]  # how likely a proposed token comes true, by the length of the context; `Window` learns

    def propose(self, ids: Sequence[int], most: int) -> tuple[int, list[int]]:
        """Return the length of the context that was found, and up to `most` ids that followed it."""
        ...


@dataclass(frozen=True, slots=True)
class Proposal:
    """What may follow."""

    source: Source | None = None
    context: int = 0  # length of the context that it was found by; 0: nothing was found
    found: tuple[int, ...] = ()  # ids
    width: int = 0  # how many of them are worth a wider pass

    @property
    def ids(self) -> tuple[int, ...]:
        """Those to verify."""
        return self.found[: self.width]


class Window:
    """Chooses what to propose. One per conversation; not thread-safe.

    `costs[n]`: time of a pass with n tokens proposed, in passes without.
    """

    def __init__(self, costs: Sequence[float], *sources: Source) -> None:
        self._costs = costs
        self._sources = list(sources)

    def add(self, source: Source) -> None:
        """Ask this source too; where others know the last tokens by as long a context, they go first."""
        self._sources.append(source)

    def propose(self, ids: Sequence[int], room: int) -> Proposal:
        """What may follow `ids`, at most `room` tokens: as many as make a token cheapest, or none."""
        most = max(0, min(room, len(self._costs) - 1))
        proposals = [(*source.propose(ids, most), source) for source in self._sources]
        context, found, source = max(proposals, key=lambda proposal: proposal[0])  # of equals the first
        chance, expected, best, width = source.odds[context], 1.0, 1.0, 0
        for n in range(1, len(found) + 1):
            expected += chance**n  # tokens that the pass yields
            if expected / self._costs[n] > best:
                best, width = expected / self._costs[n], n
        return Proposal(source, context, tuple(found), width)

    def learn(self, proposal: Proposal, followed: Sequence[int]) -> None:
        """These ids followed. Also what was not worth verifying teaches how good such proposals are."""
        if proposal.source is None:
            return
        odds = proposal.source.odds
        for guess, id in zip(proposal.found, followed, strict=False):
            odds[proposal.context] += NEWS * ((guess == id) - odds[proposal.context])
            if guess != id:
                break


def window_costs(decoder: Decoder) -> tuple[float, ...]:
    """Measure on an empty decoder what `Window` calls costs; takes some forty passes."""
    widths = (0, 1, 3, MOST_PROPOSED)
    decoder.prefill([0] * BEFORE)
    rounds_s = np.array([[_pass_s(decoder, width) for width in widths] for _ in range(ROUNDS + 1)])[1:]
    # Each round's own ratios: the machine's speed changes from one to the next.
    ratios = np.median(rounds_s / rounds_s[:, :1], axis=0)
    costs = np.interp(range(MOST_PROPOSED + 1), widths, np.maximum.accumulate(ratios))
    return tuple(costs.tolist())


def _pass_s(decoder: Decoder, width: int) -> float:
    start_s = time.perf_counter()
    decoder.extend(*range(width + 1))
    decoder.logits(*range(width, -1, -1))
    taken_s = time.perf_counter() - start_s
    decoder.drop(width + 1)
    return taken_s
