"""Log-mel spectrograms as Whisper was trained on (Radford et al. 2022, arXiv:2212.04356, section 2.2)."""

from __future__ import annotations

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray
from scipy.sparse import csr_array

from asr.engine import SAMPLE_RATE_HZ, Audio

MEL_BANDS = 80
HOP_SAMPLES = 160  # 10 ms
WINDOW_SAMPLES = 400  # 25 ms
FLOOR = 1e-10
RANGE_DECADES = 8.0  # what is weaker than the loudest band by more is raised to that


def log_mel(samples: Audio, frames: int) -> NDArray[np.float32]:
    """Log-mel spectrogram [MEL_BANDS, frames] of `samples` (16 kHz), cut or continued by silence.

    Only frames that hear any samples are computed, so silence costs nothing.
    """
    samples = samples[: frames * HOP_SAMPLES]
    heard = min(frames, -(-(len(samples) + WINDOW_SAMPLES // 2) // HOP_SAMPLES))
    spectrum = np.full((MEL_BANDS, frames), np.log10(FLOOR), np.float32)
    padded = np.zeros(max(heard * HOP_SAMPLES, WINDOW_SAMPLES), np.float32)
    padded[: len(samples)] = samples[: len(padded)]
    spectrum[:, :heard] = _log_power(padded, heard)
    np.maximum(spectrum, spectrum.max() - RANGE_DECADES, out=spectrum)
    return (spectrum + np.float32(4.0)) / np.float32(4.0)


def _log_power(samples: Audio, frames: int) -> NDArray[np.float32]:
    centred = np.pad(samples, WINDOW_SAMPLES // 2, mode="reflect")
    windows = sliding_window_view(centred, WINDOW_SAMPLES)[::HOP_SAMPLES][:frames]  # [frames, WINDOW_SAMPLES]
    power = np.abs(np.fft.rfft(windows * _HANN, axis=-1)) ** 2  # [frames, WINDOW_SAMPLES // 2 + 1]
    # Sparse, and not by BLAS: its threads would go on to spin for a while, on the encoder's cores.
    bands: NDArray[np.float32] = np.log10(np.maximum(_FILTERS @ power.T, FLOOR))  # [MEL_BANDS, frames]
    return bands


def _hz_of_mel(mel: NDArray[np.float64]) -> NDArray[np.float64]:
    """Slaney's scale: linear up to 1 kHz (15 mel), logarithmic above."""
    return np.where(mel < 15.0, mel * 200.0 / 3.0, 1000.0 * np.exp(np.log(6.4) / 27.0 * (mel - 15.0)))


def _mel_filters() -> NDArray[np.float32]:
    """Triangular filters of equal area [MEL_BANDS, WINDOW_SAMPLES // 2 + 1]."""
    highest_mel = 15.0 + 27.0 / np.log(6.4) * np.log(SAMPLE_RATE_HZ / 2 / 1000.0)
    corners_hz = _hz_of_mel(np.linspace(0.0, highest_mel, MEL_BANDS + 2))
    bins_hz = np.fft.rfftfreq(WINDOW_SAMPLES, 1.0 / SAMPLE_RATE_HZ)[:, None]
    rising = (bins_hz - corners_hz[:-2]) / np.diff(corners_hz)[:-1]
    falling = (corners_hz[2:] - bins_hz) / np.diff(corners_hz)[1:]
    area = 2.0 / (corners_hz[2:] - corners_hz[:-2])
    return (np.maximum(0.0, np.minimum(rising, falling)) * area).astype(np.float32).T


_HANN = np.hanning(WINDOW_SAMPLES + 1)[:-1].astype(np.float32)
_FILTERS = csr_array(_mel_filters())
