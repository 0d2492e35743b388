"""When text leaves for the voice: the first part as early as it sounds whole, later ones up to a mark."""

from __future__ import annotations

from dataclasses import dataclass

from llm.boundaries import FENCE, Cut, Strength, cuts, edges, n_words

DRY_S = 0.7  # less audio than this in hand: the next chunk (8 tokens, then its synthesis) must leave now
LAST_S = 0.25  # less: a slow decoder's next token may come too late, so what there is leaves with this one
PLENTY_S = 2.5  # more than this: the next mark can be waited for, however far it is
WORD_S = 0.33  # how long one spoken word lasts: 180 words a minute
LONGEST = 240  # characters, some 40 words: one synthesis step, which cannot be interrupted, stays under 0.2 s

# Words a chunk has before it may leave at a WORD, PHRASE, CLAUSE, SENTENCE boundary.
# URGENT: silence is worse than a plain cut; under three words a phrase without a mark sounds chopped.
URGENT = (6, 3, 1, 1)
SAVING = (
    2,
    1,
    1,
    1,
)  # while the last of the audio still sounds, a plain cut saves a silence inside the phrase
STEADY = (24, 10, 1, 1)  # time for the next mark, seldom more than ten words away
RELAXED = (
    36,
    24,
    1,
    1,
)  # at marks alone: good readers break at 55 % of commas, at 9 % of gaps without a mark

# Silence after a chunk; the voice trims its own.
PAUSES_S = {Strength.WORD: 0.0, Strength.PHRASE: 0.04, Strength.CLAUSE: 0.16, Strength.SENTENCE: 0.32}


@dataclass(frozen=True, slots=True)
class Chunk:
    """A part of the reply that is spoken in one go."""

    text: str  # the reply's text is the concatenation of its chunks
    strength: Strength = Strength.WORD  # of the boundary it ends at
    pause_s: float = 0.0  # silence to leave after it


class Pacer:
    """Cuts one reply into chunks while it is being written. Pure: no clock, no threads."""

    def __init__(self) -> None:
        self._text = ""  # not yet released
        self._odds: dict[int, float] = {}  # offset in it before a token -> probability of a mark there

    def feed(self, token_text: str, boundary: float, queued_s: float) -> list[Chunk]:
        """Take one token; return what may leave now, mostly nothing.

        `boundary`: the probability that the decoder gave to a mark or the end in this token's place.
        `queued_s`: audio made and not yet played.
        """
        self._odds[len(self._text)] = boundary
        self._text += token_text
        chunks: list[Chunk] = []
        while (cut := self._next_cut(queued_s)) is not None:
            chunks.append(self._release(cut))
            queued_s += n_words(chunks[-1].text) * WORD_S
        return chunks

    def finish(self) -> list[Chunk]:
        """Return what is left at the end of the reply: one chunk or none."""
        return [self._release(Cut(len(self._text), Strength.SENTENCE), last=True)] if self._text else []

    def _next_cut(self, queued_s: float) -> Cut | None:
        needed = _words_needed(queued_s)
        possible = cuts(self._text, self._odds)
        for cut in possible:
            if n_words(self._text[: cut.offset]) >= needed[cut.strength]:
                return cut
        if len(self._text) > LONGEST and FENCE not in self._text:  # code is not spoken: it costs no synthesis
            return self._forced(possible)
        return None

    def _forced(self, possible: list[Cut]) -> Cut:
        """Return the strongest cut, the latest of equals; else the last gap between words; else the bound."""
        fitting = [cut for cut in possible if 0 < cut.offset <= LONGEST and n_words(self._text[: cut.offset])]
        if fitting:
            return max(fitting, key=lambda cut: (cut.strength, cut.offset))
        between = [offset for offset in edges(self._text) if offset <= LONGEST]
        return Cut(between[-1] if between else LONGEST, Strength.WORD)

    def _release(self, cut: Cut, *, last: bool = False) -> Chunk:
        chunk = Chunk(self._text[: cut.offset], cut.strength, 0.0 if last else PAUSES_S[cut.strength])
        self._text = self._text[cut.offset :]
        self._odds = {at - cut.offset: odds for at, odds in self._odds.items() if at > cut.offset}
        return chunk


def _words_needed(queued_s: float) -> tuple[int, int, int, int]:
    if 0 < queued_s < LAST_S:
        return SAVING
    return URGENT if queued_s < DRY_S else STEADY if queued_s < PLENTY_S else RELAXED
