from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from assistant.errors import SilentRecording
from assistant.speech_end import last_voiced_s

Audio = NDArray[np.float32]

RATE_HZ = 16_000


def tone(seconds: float, level_db: float, rate_hz: int = RATE_HZ) -> Audio:
    """A vowel's stand-in: 440 Hz at an RMS of `level_db`."""
    times_s = np.arange(round(seconds * rate_hz)) / rate_hz
    wave: Audio = np.sin(2 * np.pi * 440 * times_s).astype(np.float32)
    return wave * np.float32(np.sqrt(2) * 10 ** (level_db / 20))


def noise(seconds: float, level_db: float) -> Audio:
    samples = np.random.default_rng(5).standard_normal(round(seconds * RATE_HZ), np.float32)
    return samples * np.float32(10 ** (level_db / 20))


def silence(seconds: float) -> Audio:
    return np.zeros(round(seconds * RATE_HZ), np.float32)


@pytest.mark.parametrize("rate_hz", [8_000, 16_000, 22_050, 24_000, 44_100])
def test_the_end_is_found_at_any_rate(rate_hz: int) -> None:
    audio = np.concatenate([tone(1.0, -20, rate_hz), np.zeros(rate_hz, np.float32)])
    assert last_voiced_s(audio, rate_hz) == pytest.approx(1.0, abs=0.015)


@pytest.mark.parametrize("floor_db", [-90, -60, -45])
def test_noise_after_the_speech_is_not_speech(floor_db: float) -> None:
    speech = np.concatenate([silence(0.3), tone(1.0, -20), silence(0.7)])
    assert last_voiced_s(speech + noise(2.0, floor_db), RATE_HZ) == pytest.approx(1.3, abs=0.02)


def test_an_inner_pause_is_not_the_end() -> None:
    audio = np.concatenate([tone(0.5, -20), silence(0.7), tone(0.4, -22), silence(0.5)])
    assert last_voiced_s(audio, RATE_HZ) == pytest.approx(1.6, abs=0.0101)


def test_a_soft_last_consonant_belongs_to_the_speech() -> None:
    audio = np.concatenate([tone(1.0, -20), tone(0.1, -42), noise(0.5, -80)])
    assert last_voiced_s(audio, RATE_HZ) == pytest.approx(1.1, abs=0.02)


def test_a_click_after_the_speech_is_not_its_end() -> None:
    audio = np.concatenate([tone(1.0, -20), silence(0.3), tone(0.005, -20), silence(0.3)])
    assert last_voiced_s(audio, RATE_HZ) == pytest.approx(1.0, abs=0.0101)


def test_hum_below_the_voice_is_not_speech() -> None:
    hum = np.sin(2 * np.pi * 50 * np.arange(2 * RATE_HZ) / RATE_HZ).astype(np.float32) * np.float32(0.02)
    speech = np.concatenate([tone(1.0, -20), silence(1.0)])
    assert last_voiced_s(speech + hum, RATE_HZ) == pytest.approx(1.0, abs=0.02)


def test_speech_that_runs_to_the_last_sample_ends_there() -> None:
    assert last_voiced_s(np.concatenate([silence(0.2), tone(1.0, -20)]), RATE_HZ) == pytest.approx(
        1.2, abs=0.02
    )


@pytest.mark.parametrize("audio", [silence(1.0), silence(0.0), silence(0.01), noise(0.5, -85)])
def test_a_recording_without_speech_is_refused(audio: Audio) -> None:
    with pytest.raises(SilentRecording, match="no speech"):
        last_voiced_s(audio, RATE_HZ)
