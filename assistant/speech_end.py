"""Where speech begins and ends in a recording, from its energy alone: the origin of every latency.

It is no part of the service, whose own voice detector must not be the judge of itself.
"""

from __future__ import annotations

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from assistant.errors import SilentRecording

Audio = NDArray[np.float32]

HOP_S = 0.01  # the resolution of the result
WINDOW_S = 0.02  # long enough for two periods of a deep voice
BAND_HZ = (200, 5000)  # vowels and final consonants; hum and rumble lie below, hiss and breath mostly above
RUN_FRAMES = 3  # voiced frames in a row that are speech: clicks and lip smacks are shorter
OVER_NOISE_DB = 9.0  # 10 ms frames of plain noise spread some 3 dB around its level
UNDER_SPEECH_DB = 30.0  # final consonants lie up to 25 dB under the vowels; breath and reverberation, lower
BREATH_UNDER_SPEECH_DB = 22.0  # drawn before the first word: 24 dB under the vowels, or less loud
QUIETEST_DB = -70.0  # in that band, full scale 0 dB: below it nobody hears speech at a usual volume
NOISE_PERCENTILE = 5  # of the frames: even fluent speech has that many gaps
SPEECH_PERCENTILE = 95


def last_voiced_s(audio: Audio, sample_rate_hz: int) -> float:
    """Seconds from the start of `audio` (mono) to the end of its last voiced frame.

    Raises SilentRecording when no frame is voiced. Against Silero's last voiced frame (less the 60 ms by
    which it trails), on the 94 utterances that the constants above were chosen on: within 0.1 s for 84,
    the others from 0.21 s before it to 0.40 s after it (breath, a noise of the room).
    """
    # A Hann window weighs its middle: frame k stands for the hop that ends at k + 1.5 hops.
    hops = float(_voiced_runs(audio, sample_rate_hz)[-1]) + RUN_FRAMES + 0.5
    return hops * round(HOP_S * sample_rate_hz) / sample_rate_hz


def first_voiced_s(audio: Audio, sample_rate_hz: int) -> float:
    """Seconds from the start of `audio` (mono) to its first voiced frame, a breath before it not counted.

    Raises SilentRecording.
    """
    hops = float(_voiced_runs(audio, sample_rate_hz, BREATH_UNDER_SPEECH_DB)[0]) + 0.5
    return hops * round(HOP_S * sample_rate_hz) / sample_rate_hz


def _voiced_runs(
    audio: Audio, sample_rate_hz: int, under_speech_db: float = UNDER_SPEECH_DB
) -> NDArray[np.intp]:
    """The frames that begin RUN_FRAMES voiced ones, at least one."""
    levels_db = frame_levels_db(audio, sample_rate_hz)
    if len(levels_db) >= RUN_FRAMES:
        voiced = levels_db > voice_threshold_db(levels_db, under_speech_db)
        runs = np.flatnonzero(sliding_window_view(voiced, RUN_FRAMES).all(axis=1))
        if len(runs):
            return runs
    raise SilentRecording("there is no speech in it: nothing rises above its noise")


def voice_threshold_db(levels_db: Audio, under_speech_db: float = UNDER_SPEECH_DB) -> float:
    """The level above which a frame of this recording is voiced: [frames] -> dB."""
    noise_db, speech_db = np.percentile(levels_db, [NOISE_PERCENTILE, SPEECH_PERCENTILE])
    threshold_db = max(noise_db + OVER_NOISE_DB, speech_db - under_speech_db)
    # In loud noise that would be above the speech itself: stay between the two, nearer the speech.
    return float(max(min(threshold_db, (noise_db + 2 * speech_db) / 3), QUIETEST_DB))


def frame_levels_db(audio: Audio, sample_rate_hz: int) -> Audio:
    """Level of each frame in the band of speech, in dB of full scale: [samples] -> [frames]."""
    hop, window = round(HOP_S * sample_rate_hz), round(WINDOW_S * sample_rate_hz)
    if len(audio) < window:
        return np.zeros(0, np.float32)
    hann = np.hanning(window)
    spectra = np.fft.rfft(sliding_window_view(audio, window)[::hop] * hann)  # [frames, frequencies]
    frequencies_hz = np.fft.rfftfreq(window, 1 / sample_rate_hz)
    band = (frequencies_hz >= BAND_HZ[0]) & (frequencies_hz <= BAND_HZ[1])
    # Parseval, one-sided: the mean square of the windowed signal, undone of the window's own.
    power = 2 * np.square(np.abs(spectra[:, band])).sum(axis=1) / window / np.square(hann).sum()
    levels_db: Audio = (10 * np.log10(power + 1e-12)).astype(np.float32)  # digital zero: -120 dB
    return levels_db
