"""What a speech recognizer is, and what travels to and from it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from asr.errors import BadAudio

SAMPLE_RATE_HZ = 16_000
Audio = NDArray[np.float32]  # mono, [-1, 1]


@dataclass(frozen=True, slots=True)
class Word:
    """A word and when it was said, in seconds from the start of the audio it was found in.

    Words join to the text they came from: each carries the space before it.
    """

    text: str
    start_s: float
    end_s: float


@dataclass(frozen=True, slots=True)
class Hypothesis:
    """One reading of some audio."""

    text: str  # begins with the forced prefix; "" when no speech was found
    score: float  # mean log-probability of a token after the prefix
    no_speech: float  # probability that there is no speech at all
    language: str  # ISO 639-1 code
    reliable: bool  # False: it repeats itself, breaks off, or is a guess; do not commit to it


class Recognizer(Protocol):
    """Speech to text on one stretch of audio. Calls block, may come from any thread, and keep nothing."""

    def recognize(
        self,
        audio: Audio,
        *,
        prefix: str = "",
        draft: str = "",
        careful: bool = True,
        wanted: Callable[[], bool] = lambda: True,
    ) -> Hypothesis:
        """Transcribe `audio` (16 kHz, at most 30 s), its reading starting with `prefix`.

        `draft` is what may come after it, from an earlier reading: right or wrong, it changes the cost only
        (and, where two readings are as likely, which of them comes out).
        `careful` reads an unreliable result a second time, at several times the cost. Once `wanted` says no,
        the reading is given up at its next step, with Outdated.
        """

    def align(self, audio: Audio, text: str) -> tuple[Word, ...]:
        """When each word of `text`, a reading of `audio` (16 kHz, at most 30 s), was said."""


@runtime_checkable
class Multilingual(Recognizer, Protocol):
    """A recognizer that can be told what language it is going to hear."""

    @property
    def languages(self) -> tuple[str, ...]:
        """ISO 639-1 codes of those that it knows."""

    def in_language(self, language: str | None) -> Recognizer:
        """The same, for this language; None: it finds out each time. Raises UnknownLanguage."""


def checked(samples: NDArray[Any]) -> Audio:
    """Return `samples` as they are, or raise BadAudio: models answer NaN with nonsense, not with errors."""
    if samples.ndim != 1 or samples.dtype != np.float32:
        raise BadAudio(f"expected mono float32 samples, got {samples.dtype} of shape {samples.shape}")
    finite = np.isfinite(samples)
    if not finite.all():
        raise BadAudio(f"sample {int(np.argmin(finite))} of {len(samples)} is not a finite number")
    return samples
