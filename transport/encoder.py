"""A response's audio on its way out: from 24 kHz samples to base64 in the session's output format."""

from __future__ import annotations

import numpy as np
import soxr

from transport.audio_formats import PCM_RATE_HZ, AudioFormat, Samples, encode_audio


class AudioEncoder:
    """Encodes one response's stream of 24 kHz mono samples, resampled to 8 kHz without seams for G.711."""

    def __init__(self, audio_format: AudioFormat) -> None:
        self._format = audio_format
        rate_hz = audio_format.sample_rate_hz
        # Medium quality keeps the filter short; telephone speech ends at 3.4 kHz anyway.
        self._resample = (
            soxr.ResampleStream(PCM_RATE_HZ, rate_hz, 1, dtype="float32", quality="MQ")
            if rate_hz != PCM_RATE_HZ
            else None
        )

    def encode(self, samples: Samples) -> str:
        """Return base64 text of what is ready, "" while a short chunk is still inside the filter."""
        if self._resample is not None:
            samples = self._resample.resample_chunk(samples)
        return encode_audio(samples, self._format)

    def finish(self) -> str:
        """Return what the filter still holds; the stream ends here."""
        if self._resample is None:
            return ""
        return encode_audio(self._resample.resample_chunk(np.zeros(0, np.float32), last=True), self._format)
