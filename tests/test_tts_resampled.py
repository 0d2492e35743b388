"""Voices at another sample rate."""

from __future__ import annotations

import numpy as np

from tts.engine import Speech, SpokenWord
from tts.resampled import Resampled

WORDS = (SpokenWord("Hello", 0.1, 0.5, 0, 5),)


class Beep:
    sample_rate_hz = 22_050

    def synthesize(self, text: str, *, rate: float = 1.0) -> Speech:
        return Speech(np.sin(np.arange(22_050, dtype=np.float32) / 8), self.sample_rate_hz, WORDS)


def test_the_length_and_the_words_stay_the_same() -> None:
    voice = Resampled(Beep(), 24_000)
    for speech in (voice.synthesize("Hello"), *voice.stream("Hello")):
        assert (len(speech.audio), speech.sample_rate_hz, speech.words) == (24_000, 24_000, WORDS)
        assert speech.audio.dtype == np.float32
