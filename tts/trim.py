"""The silence around a synthesised phrase: a voice that starts late is a slow answer."""

from __future__ import annotations

import numpy as np

from tts.engine import Audio

HOP_S = 0.0025  # resolution of the level meter: finer than a plosive's burst (5-10 ms)
AUDIBLE = (
    0.0056  # of the peak (-45 dB): the weakest first consonants (f, th, h) lie above, the model's noise below
)
LEAD_S = 0.005  # kept before the first audible hop: the soft start of a fricative
TAIL_S = 0.02  # kept after the last audible hop: the ring of a vowel
FADE_S = 0.004  # at each end, against a click


def speech_span(audio: Audio, sample_rate_hz: int) -> tuple[int, int]:
    """Return the samples `[start, end)` that hold all that is audible, with margins; (0, 0) for silence."""
    hop = round(HOP_S * sample_rate_hz)
    levels = np.abs(audio[: len(audio) // hop * hop]).reshape(-1, hop).max(axis=1)
    audible = np.flatnonzero(levels > AUDIBLE * levels.max(initial=0.0))
    if not len(audible):
        return 0, 0
    start = audible[0] * hop - round(LEAD_S * sample_rate_hz)
    end = (audible[-1] + 1) * hop + round(TAIL_S * sample_rate_hz)
    return max(0, int(start)), min(len(audio), int(end))


def fade(audio: Audio, sample_rate_hz: int) -> None:
    """Ramp both ends of `audio` from and to zero, in place."""
    n = min(round(FADE_S * sample_rate_hz), len(audio) // 2)
    ramp = np.linspace(0.0, 1.0, n, endpoint=False, dtype=np.float32)  # [n]
    audio[:n] *= ramp
    audio[len(audio) - n :] *= ramp[::-1]
