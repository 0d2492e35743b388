"""What every voice offers: a chunk of text in; audio and the time of each word out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

Audio = NDArray[np.float32]  # [samples], mono, in [-1, 1]


@dataclass(frozen=True, slots=True)
class SpokenWord:
    """One word of the shown text and when it sounds.

    Shown words that are spoken as one are one entry; what is not spoken (markdown, emoji) has none.
    """

    text: str  # shown_text[text_start:text_end]
    start_s: float  # in the chunk's audio
    end_s: float
    text_start: int  # str offsets in the chunk's shown text
    text_end: int


@dataclass(frozen=True, slots=True)
class Speech:
    """The sound of one chunk. Text with nothing to say ("...", "**") has empty audio and no words."""

    audio: Audio
    sample_rate_hz: int
    words: tuple[SpokenWord, ...]  # in order; neither times nor offsets overlap


class Synthesizer(Protocol):
    """A voice."""

    @property
    def sample_rate_hz(self) -> int:
        """Of every `Speech` it makes."""
        ...

    def synthesize(self, text: str, *, rate: float = 1.0) -> Speech:
        """Speak one chunk of text as it is shown; silence before and after the words is trimmed.

        Blocking. `rate`: 2.0 is twice as fast.
        Raises `UnspeakableText`, `UnsupportedRate`, `SynthesisFailed`.
        """
        ...


@runtime_checkable
class StreamingSynthesizer(Synthesizer, Protocol):
    """A voice that gives the first sentence of a chunk before it has made the others."""

    def stream(self, text: str, *, rate: float = 1.0) -> Iterator[Speech]:
        """Yield what `synthesize` would return, part by part: their audio follows one another without a gap.

        Times are in the part's own audio, offsets in the whole `text`. Each step blocks and raises as
        `synthesize` does; between two steps it may be left, and then the rest is never made.
        """
        ...


def parts(voice: Synthesizer, text: str, rate: float) -> Iterator[Speech]:
    """Speak part by part, where the voice can; see `StreamingSynthesizer`."""
    if isinstance(voice, StreamingSynthesizer):
        yield from voice.stream(text, rate=rate)
    else:
        yield voice.synthesize(text, rate=rate)
