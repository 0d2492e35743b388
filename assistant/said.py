"""A chunk of text as it was spoken: for `liushui say` and its picture."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from llm.pacing import Chunk
from tts.engine import Audio, Speech


@dataclass(frozen=True, slots=True)
class Said:
    """A chunk, or with a voice that streams a part of one, and how it sounds."""

    chunk: Chunk
    speech: Speech  # without the pause
    ends_chunk: bool = True

    @property
    def pause_s(self) -> float:
        """Silence after it."""
        return self.chunk.pause_s if self.ends_chunk else 0.0

    @property
    def audio(self) -> Audio:
        """All that sounds, the pause included."""
        pause = np.zeros(int(self.pause_s * self.speech.sample_rate_hz), np.float32)
        return np.concatenate((self.speech.audio, pause))
