"""A voice at another sample rate than its model's."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import soxr

from tts.engine import Speech, Synthesizer, parts


class Resampled:
    """Gives `voice` at `sample_rate_hz`. Phrases begin and end in silence, so each is resampled by itself."""

    def __init__(self, voice: Synthesizer, sample_rate_hz: int) -> None:
        self._voice = voice
        self.sample_rate_hz = sample_rate_hz

    def synthesize(self, text: str, *, rate: float = 1.0) -> Speech:
        """Speak `text`; see `tts.engine.Synthesizer`."""
        return self._resampled(self._voice.synthesize(text, rate=rate))

    def stream(self, text: str, *, rate: float = 1.0) -> Iterator[Speech]:
        """Speak `text` part by part, where the voice can; see `tts.engine.StreamingSynthesizer`."""
        return map(self._resampled, parts(self._voice, text, rate))

    def _resampled(self, speech: Speech) -> Speech:
        audio = soxr.resample(speech.audio, speech.sample_rate_hz, self.sample_rate_hz)
        return replace(speech, audio=audio, sample_rate_hz=self.sample_rate_hz)
