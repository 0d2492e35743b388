"""Sample rates and audio files."""

from __future__ import annotations

import math
from fractions import Fraction
from pathlib import Path

import numpy as np
import soundfile
from scipy.signal import firwin, upfirdn

from asr.engine import Audio, checked
from asr.errors import BadAudio, NotAudio

MOST_PHASES = 1000  # rates that would need more are off by less than a millionth
CROSSINGS = 24  # zero crossings of the sinc to either side
ROLL_OFF = 0.94  # of the lower rate's band: what lies above is damped by 60 dB before it could fold back
KAISER_BETA = 6.0
RATES_HZ = range(4_000, 384_001)  # from half of telephony to the highest in recording


class Resampler:
    """Resamples one mono stream, chunk by chunk. Not thread-safe.

    A windowed sinc in polyphase form, which holds 1.5 ms back at 24 kHz. soxr, quicker and steeper, holds
    back 20, and every one of them is a later answer.
    """

    def __init__(self, from_hz: int, to_hz: int) -> None:
        """Raise BadAudio for a rate that no microphone or file has."""
        for rate_hz in (from_hz, to_hz):
            if rate_hz not in RATES_HZ:
                raise BadAudio(f"sample rate {rate_hz} Hz is outside {RATES_HZ.start}-{RATES_HZ.stop - 1} Hz")
        self._up, self._down = Fraction(to_hz, from_hz).limit_denominator(MOST_PHASES).as_integer_ratio()
        # Blocks begin at multiples of `down`, and half a filter is one: every block's outputs fall in step.
        self._half = CROSSINGS * math.ceil(max(self._up, self._down) / self._down) * self._down
        cutoff = ROLL_OFF / max(self._up, self._down)
        taps = firwin(2 * self._half + 1, cutoff, window=("kaiser", KAISER_BETA))
        self._filter = (self._up * taps).astype(np.float32)
        self._silence = np.zeros(math.ceil(self._half / self._up / self._down) * self._down, np.float32)
        self._input = self._silence  # what outputs to come look at, from sample `_start` on
        self._start = -len(self._silence)
        self._made = 0  # output samples so far

    def __call__(self, samples: Audio) -> Audio:
        """The samples at the new rate; the filter holds a little back for the next call. Raises BadAudio."""
        samples = checked(samples)
        if self._up == self._down:
            return samples
        self._input = np.concatenate((self._input, samples))
        seen = self._start + len(self._input)
        return self._until((seen * self._up - 1 - self._half) // self._down + 1)

    def finish(self) -> Audio:
        """What the filter held back. The stream is over."""
        if self._up == self._down:
            return self._silence[:0]
        seen = self._start + len(self._input)
        self._input = np.concatenate((self._input, self._silence))
        return self._until(math.ceil(seen * self._up / self._down))

    def _until(self, end: int) -> Audio:
        """Make the outputs up to, but not including, number `end`."""
        if end <= self._made:
            return self._silence[:0]
        earliest = (self._made * self._down - self._half) // self._up
        passed = max(0, (earliest - self._start) // self._down * self._down)
        self._input, self._start = self._input[passed:], self._start + passed
        first = self._made + (self._half - self._start * self._up) // self._down
        result: Audio = upfirdn(self._filter, self._input, self._up, self._down)[first:][: end - self._made]
        self._made = end
        return result


def resampled(samples: Audio, from_hz: int, to_hz: int) -> Audio:
    """A whole recording at another rate. Raises BadAudio."""
    resampler = Resampler(from_hz, to_hz)
    return np.concatenate((resampler(samples), resampler.finish()))


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
