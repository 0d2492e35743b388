"""Answers spoken in virtual time: the words come at a given pace, the voice takes what it takes here."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar, TypeVarTuple

import numpy as np

from assistant.playback import Piece, Playback
from assistant.reply import Reply, ReplyNotes, Voice
from assistant.workers import Worker
from llm.engine import Token
from llm.tool_calls import ToolCallStream
from tests.bench.phrasing import MARKS
from tests.virtual_time import run_virtually
from tts.engine import Audio, Synthesizer

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

LOOK_S = 0.02  # between looks at what is due
UNNOTICED_S = 0.01  # a gap that nobody hears


@dataclass(frozen=True, slots=True)
class SpokenAnswer:
    """One answer: what was made, when, and when it sounded for a listener who hears it at once."""

    pieces: tuple[Piece, ...]
    made_s: tuple[float, ...]  # when each piece was ready
    first_phrase_s: float  # when the first chunk of text left
    first_phrase_tokens: int
    sample_rate_hz: int

    @property
    def starts_s(self) -> list[float]:
        """When each piece begins to sound."""
        starts, free_s = list[float](), 0.0
        for ready_s, piece in zip(self.made_s, self.pieces, strict=True):
            starts.append(max(ready_s, free_s))
            free_s = starts[-1] + self._length_s(piece)
        return starts

    @property
    def gaps(self) -> list[tuple[float, bool]]:
        """Every silence for want of audio: its length [s], and whether it is inside a phrase."""
        starts = self.starts_s
        gaps = []
        for piece, start, following in zip(self.pieces, starts, starts[1:], strict=False):
            gap_s, end = following - start - self._length_s(piece), piece.text[-3:]
            if gap_s > UNNOTICED_S:
                gaps.append((gap_s, MARKS.search(end) is None and "\n" not in end))
        return gaps

    @property
    def heard_s(self) -> float:
        """From the first sound to the last."""
        return self.starts_s[-1] + self._length_s(self.pieces[-1]) - self.starts_s[0]

    @property
    def audio(self) -> Audio:
        """All of it in a row."""
        return np.concatenate([piece.audio for piece in self.pieces])

    def wasted(self, at_s: float) -> float:
        """The share of the audio made until `at_s` that was not heard by then."""
        made = sum(
            self._length_s(p) for ready, p in zip(self.made_s, self.pieces, strict=True) if ready <= at_s
        )
        heard = sum(
            min(max(0.0, at_s - start), self._length_s(piece))
            for start, piece in zip(self.starts_s, self.pieces, strict=True)
        )
        return 1 - heard / made

    def _length_s(self, piece: Piece) -> float:
        return len(piece.audio) / self.sample_rate_hz


def speak(tokens: Sequence[Token], tokens_per_s: float, synthesizer: Synthesizer) -> SpokenAnswer:
    """Speak an answer whose tokens come so fast, in the service's own way."""
    return run_virtually(_speak(tokens, tokens_per_s, synthesizer))


async def _speak(tokens: Sequence[Token], tokens_per_s: float, synthesizer: Synthesizer) -> SpokenAnswer:
    clock = asyncio.get_running_loop().time
    marks: dict[str, tuple[float, int]] = {}
    playback = _Written(synthesizer.sample_rate_hz, clock)
    notes = ReplyNotes(
        mark=lambda name: marks.setdefault(name, (clock(), reply.tokens)) and None,
        delivered=_nothing,
        voice_lost=_fail,
    )
    reply = Reply(
        _paced(tokens, tokens_per_s),
        Voice(synthesizer, _Timed("voice")),
        playback,
        notes,
        calls=ToolCallStream(()),
        max_tokens=len(tokens) + 1,
    )
    made = asyncio.create_task(reply.run())
    while not playback.finished(clock()):
        playback.release(clock())
        await asyncio.sleep(LOOK_S)
    await made
    first_phrase_s, first_phrase_tokens = marks["first_phrase"]
    sounding = [(ready, piece) for ready, piece in playback.pieces if len(piece.audio)]
    return SpokenAnswer(
        tuple(piece for _, piece in sounding),
        tuple(ready for ready, _ in sounding),
        first_phrase_s,
        first_phrase_tokens,
        synthesizer.sample_rate_hz,
    )


async def _paced(tokens: Sequence[Token], tokens_per_s: float) -> AsyncGenerator[Token]:
    for token in tokens:
        await asyncio.sleep(1 / tokens_per_s)
        yield token


async def _nothing() -> None:
    pass


def _fail(error: Exception) -> None:
    raise error


class _Written(Playback):
    """Writes down when each piece was ready."""

    def __init__(self, sample_rate_hz: int, clock: Callable[[], float]) -> None:
        super().__init__(sample_rate_hz)
        self.pieces: list[tuple[float, Piece]] = []
        self._clock = clock

    def add(self, piece: Piece) -> None:
        self.pieces.append((self._clock(), piece))
        super().add(piece)


class _Timed(Worker):
    """Runs a call here and now, and lets pass in virtual time what it took."""

    async def run(self, call: Callable[[*Ts], T], *args: *Ts) -> T:
        started_s = time.perf_counter()
        result = call(*args)
        await asyncio.sleep(time.perf_counter() - started_s)
        return result
