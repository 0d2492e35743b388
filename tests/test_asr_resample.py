"""Sample rates and audio files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from asr.engine import Audio
from asr.errors import BadAudio, NotAudio
from asr.resample import Resampler, decode_audio_file


def tone(rate_hz: int, seconds: float = 1.0) -> Audio:
    return (0.5 * np.sin(2 * np.pi * 440 * np.arange(int(rate_hz * seconds)) / rate_hz)).astype(np.float32)


@pytest.mark.parametrize("rate_hz", [8_000, 24_000, 44_100, 48_000])
def test_a_tone_stays_the_same_tone_at_another_rate(rate_hz: int) -> None:
    resampler = Resampler(rate_hz, 16_000)
    chunks = [resampler(chunk) for chunk in np.array_split(tone(rate_hz), 50)]
    heard = np.concatenate([*chunks, resampler.finish()])
    assert heard.dtype == np.float32
    assert abs(len(heard) - 16_000) <= 2
    middle = slice(1_000, 15_000)
    assert np.abs(heard[: len(tone(16_000))][middle] - tone(16_000)[middle]).max() < 0.01


def test_two_milliseconds_are_held_back_while_streaming() -> None:
    for rate_hz in (8_000, 24_000, 44_100, 48_000):
        resampler, made = Resampler(rate_hz, 16_000), 0
        for count, chunk in enumerate(np.split(tone(rate_hz), 50), 1):
            made += len(resampler(chunk))
            assert 0 <= count * 320 - made <= (64 if rate_hz == 8_000 else 32)


@given(
    rate_hz=st.sampled_from([8_000, 11_025, 24_000, 44_100, 48_000]),
    cuts=st.lists(st.integers(0, 3_000), max_size=20),
)
def test_how_a_stream_is_cut_makes_no_difference(rate_hz: int, cuts: list[int]) -> None:
    samples = np.random.default_rng(1).standard_normal(3_000).astype(np.float32)
    whole, pieces = Resampler(rate_hz, 16_000), Resampler(rate_hz, 16_000)
    expected = np.concatenate([whole(samples), whole.finish()])
    found = [pieces(piece) for piece in np.split(samples, sorted(cuts))]
    assert np.allclose(np.concatenate([*found, pieces.finish()]), expected, atol=1e-5)
    assert len(expected) == -(-3_000 * 16_000 // rate_hz)


@pytest.mark.parametrize("rate_hz", [24_000, 44_100, 48_000])
def test_what_the_lower_rate_cannot_hold_is_gone_and_what_it_can_is_whole(rate_hz: int) -> None:
    for hz, least_db, most_db in ((300, -0.1, 0.1), (6_800, -1.0, 0.1), (9_200, -np.inf, -50.0)):
        wave = np.sin(2 * np.pi * hz * np.arange(rate_hz) / rate_hz).astype(np.float32)
        level_db = 10 * np.log10(2 * np.square(Resampler(rate_hz, 16_000)(wave)[2_000:-2_000]).mean() + 1e-12)
        assert least_db <= level_db <= most_db


def test_the_same_rate_passes_through() -> None:
    samples = tone(16_000)
    assert np.array_equal(Resampler(16_000, 16_000)(samples), samples)


@pytest.mark.parametrize("rate_hz", [0, -1, 10**9])
def test_a_rate_that_nothing_has_is_refused(rate_hz: int) -> None:
    with pytest.raises(BadAudio, match=str(rate_hz)):
        Resampler(rate_hz, 16_000)


def test_a_stereo_file_at_an_odd_rate_becomes_mono(tmp_path: Path) -> None:
    path = tmp_path / "stereo.wav"
    left = tone(40_000)
    soundfile.write(path, np.stack([left, np.zeros_like(left)], axis=1), 40_000, subtype="FLOAT")
    mono, rate_hz = decode_audio_file(path)
    assert rate_hz == 40_000
    assert np.allclose(mono, left / 2, atol=1e-6)


def test_a_file_that_is_not_audio_is_named(tmp_path: Path) -> None:
    path = tmp_path / "notes.wav"
    path.write_text("these are words")
    with pytest.raises(NotAudio, match=r"notes\.wav"):
        decode_audio_file(path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(NotAudio, match=r"nowhere\.wav"):
        decode_audio_file(tmp_path / "nowhere.wav")


def test_a_file_with_samples_that_are_no_numbers_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "nan.wav"
    soundfile.write(path, np.full(100, np.nan, np.float32), 16_000, subtype="FLOAT")
    with pytest.raises(NotAudio, match="finite"):
        decode_audio_file(path)
