"""Sample rates and audio files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import soundfile
import soxr

from asr.engine import Audio, checked
from asr.errors import BadAudio, NotAudio

RATES_HZ = range(4_000, 384_001)  # from half of telephony to the highest in recording


class Resampler:
    """Resamples one mono stream, chunk by chunk. Not thread-safe."""

    def __init__(self, from_hz: int, to_hz: int) -> None:
        """Raise BadAudio for a rate that no microphone or file has."""
        for rate_hz in (from_hz, to_hz):
            if rate_hz not in RATES_HZ:
                raise BadAudio(f"sample rate {rate_hz} Hz is outside {RATES_HZ.start}-{RATES_HZ.stop - 1} Hz")
        self._stream = (
            soxr.ResampleStream(from_hz, to_hz, 1, dtype="float32", quality="MQ")
            if from_hz != to_hz
            else None
        )

    def __call__(self, samples: Audio) -> Audio:
        """The samples at the new rate; the filter holds a few ms back for the next call. Raises BadAudio."""
        return self._pass(checked(samples), last=False)

    def finish(self) -> Audio:
        """What the filter held back. The stream is over."""
        return self._pass(np.zeros(0, np.float32), last=True)

    def _pass(self, samples: Audio, *, last: bool) -> Audio:
        if self._stream is None:
            return samples
        return np.asarray(self._stream.resample_chunk(samples, last=last), np.float32)


def decode_audio_file(path: Path) -> tuple[Audio, int]:
    """Read a WAV, FLAC, Ogg or MP3 file as mono samples and their rate in Hz. Raises NotAudio."""
    try:
        samples, rate_hz = soundfile.read(path, dtype="float32", always_2d=True)  # [samples, channels]
    except (soundfile.LibsndfileError, OSError) as error:
        raise NotAudio(f"{path} cannot be read as audio (WAV, FLAC, Ogg or MP3): {error}") from error
    mono = samples.mean(axis=1, dtype=np.float32)
    if not np.isfinite(mono).all():
        raise NotAudio(f"{path} holds samples that are not finite numbers")
    return mono, rate_hz
