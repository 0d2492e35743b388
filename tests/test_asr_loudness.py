"""Quiet by loudness alone: at once after a sound, never in noise as loud as the speech."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from asr.engine import SAMPLE_RATE_HZ, Audio
from asr.loudness import STEP_SAMPLES, Loudness


def noise(level_db: float, seconds: float, seed: int = 0) -> Audio:
    """White noise of a level (RMS), in whole steps."""
    samples = int(seconds * SAMPLE_RATE_HZ) // STEP_SAMPLES * STEP_SAMPLES
    rms = 10 ** (level_db / 20)
    return np.random.default_rng(seed).standard_normal(samples).astype(np.float32) * np.float32(rms)


def quiet_s(*parts: Audio) -> float:
    loudness = Loudness()
    loudness.feed(np.concatenate(parts))
    return loudness.quiet_samples / SAMPLE_RATE_HZ


@pytest.mark.parametrize("floor_db", [-120.0, -70.0, -50.0])
def test_after_a_sound_the_quiet_is_counted_from_its_end(floor_db: float) -> None:
    before, sound, after = noise(floor_db, 1.0), noise(-20.0, 1.0), noise(floor_db, 0.4)
    assert quiet_s(before, sound, after) == pytest.approx(0.4, abs=0.016)


def test_noise_as_loud_as_the_speech_is_never_quiet() -> None:
    assert quiet_s(noise(-30.0, 3.0), noise(-24.0, 1.0), noise(-30.0, 1.0)) == 0.0


def test_a_sound_that_is_not_far_below_the_last_one_is_no_silence() -> None:
    assert quiet_s(noise(-70.0, 1.0), noise(-20.0, 1.0), noise(-40.0, 0.5)) == 0.0


def test_who_turns_away_is_heard_again_after_a_while() -> None:
    assert quiet_s(noise(-70.0, 1.0), noise(-10.0, 1.0), noise(-45.0, 1.5)) == 0.0


def test_hum_under_the_speech_does_not_count() -> None:
    seconds = np.arange(STEP_SAMPLES * 200) / SAMPLE_RATE_HZ
    hum = (0.03 * np.sin(2 * np.pi * 50 * seconds)).astype(np.float32)
    loud = hum + noise(-20.0, len(hum) / SAMPLE_RATE_HZ)
    assert quiet_s(hum, loud, hum) == pytest.approx(len(hum) / SAMPLE_RATE_HZ, abs=0.016)


@settings(deadline=None, max_examples=30)
@given(st.lists(st.integers(1, 40), min_size=1, max_size=12))
def test_it_does_not_matter_in_which_pieces_the_audio_comes(sizes: list[int]) -> None:
    audio = np.concatenate([noise(-60.0, 0.5), noise(-20.0, 0.5, 1), noise(-60.0, 2.0, 2)])
    whole, pieces = Loudness(), Loudness()
    cuts = np.cumsum(sizes) * STEP_SAMPLES
    audio = audio[: cuts[-1]]
    whole.feed(audio)
    for piece in np.split(audio, cuts[:-1]):
        if len(piece):
            pieces.feed(piece)
    assert pieces.quiet_samples == whole.quiet_samples
