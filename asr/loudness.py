"""How long it has been quiet, by loudness alone: a pause shows here some 40 ms before a voice detector knows.

Levels are taken every 8 ms and compared with what speech and noise have been like lately. Where noise is as
loud as the speech nothing is ever quiet, and the voice detector decides alone.
"""

from __future__ import annotations

from collections import deque

import numpy as np
from scipy.signal import butter, sosfilt

from asr.engine import SAMPLE_RATE_HZ, Audio

STEP_SAMPLES = 128  # 8 ms: a period of the deepest voice
BAND_HZ = (200, 5000)  # vowels and final consonants; hum lies below, most of breath and hiss above
HISTORY_STEPS = 375  # 3 s: no one speaks so long without a gap, and noise changes slowly
STEPS_PER_LOOK = 4  # at the history: noise changes slowly
NOISE_SHARE = 0.1  # of those steps are noise
OVER_NOISE_DB = 9.0  # single steps of plain noise spread some 3 dB around its level
UNDER_SPEECH_DB = 28.0  # final consonants lie up to 25 dB under the vowels; breath and reverberation, lower
LEAST_CONTRAST_DB = 10.0  # between what is loud and what is quiet, however loud the noise
SPEECH_FALL_DB_PER_S = 10.0  # how fast a loud word is forgotten: who turns away is still heard
SILENT_DB = -100.0  # digital silence


class Loudness:
    """Follows one stream of audio (16 kHz)."""

    def __init__(self) -> None:
        self.quiet_samples = 0  # since the last step that was loud
        self._filter = np.zeros((len(_BAND), 2))  # its state after the samples so far
        self._steps = 0
        self._levels_db: deque[float] = deque(maxlen=HISTORY_STEPS)
        self._speech_db = SILENT_DB
        self._noise_db = SILENT_DB

    def feed(self, samples: Audio) -> None:
        """Take in whole steps: a multiple of STEP_SAMPLES."""
        filtered, self._filter = sosfilt(_BAND, samples, zi=self._filter)
        power = np.square(filtered.reshape(-1, STEP_SAMPLES)).mean(axis=1)
        levels_db = 10 * np.log10(power + 10 ** (SILENT_DB / 10))
        for level_db in levels_db.tolist():
            self._step(level_db)

    def _step(self, level_db: float) -> None:
        self._levels_db.append(level_db)
        if self._steps % STEPS_PER_LOOK == 0:
            rank = int(len(self._levels_db) * NOISE_SHARE)
            self._noise_db = float(np.partition(np.array(self._levels_db), rank)[rank])
        self._steps += 1
        fallen_db = self._speech_db - SPEECH_FALL_DB_PER_S * STEP_SAMPLES / SAMPLE_RATE_HZ
        self._speech_db = max(level_db, fallen_db)
        over_noise_db = min(self._noise_db + OVER_NOISE_DB, self._speech_db - LEAST_CONTRAST_DB)
        quiet = level_db < max(over_noise_db, self._speech_db - UNDER_SPEECH_DB)
        self.quiet_samples = self.quiet_samples + STEP_SAMPLES if quiet else 0


_BAND = butter(2, BAND_HZ, "bandpass", fs=SAMPLE_RATE_HZ, output="sos")
