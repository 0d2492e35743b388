"""Voice activity: the hysteresis as properties, the detector with a scripted model, Silero on real speech."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from asr.engine import SAMPLE_RATE_HZ, Audio
from asr.errors import BadAudio, ModelNotLoaded
from asr.resample import Resampler, decode_audio_file
from asr.vad import FRAME_SAMPLES, Hysteresis, SileroVad, Voice, VoiceDetector

ONSET, OFFSET, ONSET_FRAMES, OFFSET_FRAMES = 0.5, 0.35, 3, 8
SAMPLES = Path(__file__).parent.parent / "samples" / "wav"

probabilities = st.lists(st.floats(0.0, 1.0), max_size=200)


class LevelVad:
    """The level of a frame is its probability."""

    def probability(self, frame: Audio) -> float:
        return float(frame.mean())

    def reset(self) -> None:
        pass


def run(steps: Iterable[float]) -> list[tuple[bool, int]]:
    hysteresis = Hysteresis(ONSET, OFFSET, ONSET_FRAMES, OFFSET_FRAMES)
    states = []
    for probability in steps:
        hysteresis.step(probability)
        states.append((hysteresis.speaking, hysteresis.silent_frames))
    return states


def feed_in(detector: VoiceDetector, audio: Audio, chunk: int) -> list[Voice]:
    return [
        voice
        for start in range(0, len(audio), chunk)
        for voice in detector.feed(audio[start : start + chunk])
    ]


@given(probabilities)
def test_speech_begins_only_after_enough_voiced_frames_in_a_row(steps: list[float]) -> None:
    states = [(False, 0), *run(steps)]
    for end, ((was, _), (now, _)) in enumerate(itertools.pairwise(states), 1):
        if now and not was:
            assert end >= ONSET_FRAMES
            assert min(steps[end - ONSET_FRAMES : end]) >= OFFSET
            assert steps[end - ONSET_FRAMES] >= ONSET or end > ONSET_FRAMES


@given(probabilities)
def test_speech_ends_only_after_enough_silence(steps: list[float]) -> None:
    states = [(False, 0), *run(steps)]
    for (was, _), (now, silent) in itertools.pairwise(states):
        if was and not now:
            assert silent >= OFFSET_FRAMES


@given(probabilities)
def test_silence_grows_frame_by_frame_and_only_speech_ends_it(steps: list[float]) -> None:
    before = 0
    for speaking, silent in run(steps):
        assert silent >= before or (speaking and silent == 0)
        before = silent


@given(st.lists(st.floats(OFFSET, 0.499), max_size=50))
def test_what_lies_between_the_thresholds_neither_begins_nor_ends_speech(between: list[float]) -> None:
    assert not any(speaking for speaking, _ in run(between))
    assert all(state == (True, 0) for state in run([0.9] * ONSET_FRAMES + between)[ONSET_FRAMES:])


def test_a_click_shorter_than_an_onset_does_not_interrupt_the_silence() -> None:
    states = run([0.0] * 5 + [0.9] * (ONSET_FRAMES - 1) + [0.0])
    assert states[-1] == (False, 5 + ONSET_FRAMES)


@pytest.mark.parametrize("thresholds", [(0.3, 0.5, 3, 3), (0.5, 0.0, 3, 3), (0.5, 0.3, 0, 3)])
def test_thresholds_that_make_no_sense_are_refused(thresholds: tuple[float, float, int, int]) -> None:
    with pytest.raises(ValueError, match="expected"):
        Hysteresis(*thresholds)


@given(st.lists(st.integers(1, 2000), min_size=1, max_size=20))
def test_the_size_of_chunks_changes_no_verdict(sizes: list[int]) -> None:
    rng = np.random.default_rng(len(sizes))
    audio = np.repeat(rng.random(40, np.float32), FRAME_SAMPLES)[: sum(sizes)]
    whole = VoiceDetector(LevelVad()).feed(audio)
    pieces = VoiceDetector(LevelVad())
    bounds = np.cumsum(sizes)[:-1]
    assert [voice for piece in np.split(audio, bounds) for voice in pieces.feed(piece)] == whole


def test_a_verdict_says_where_its_frame_ends_and_how_long_the_silence_lasts() -> None:
    audio = np.repeat(np.array([0.9, 0.9, 0.9, 0.0, 0.0], np.float32), FRAME_SAMPLES)
    verdicts = VoiceDetector(LevelVad()).feed(audio)
    assert [voice.end_sample // FRAME_SAMPLES for voice in verdicts] == [1, 2, 3, 4, 5]
    assert [voice.speaking for voice in verdicts] == [False, False, True, True, True]
    assert [voice.silence_samples // FRAME_SAMPLES for voice in verdicts] == [0, 0, 0, 1, 2]


@pytest.mark.parametrize(
    "samples", [np.full(8, np.nan, np.float32), np.zeros((8, 2), np.float32), np.zeros(8, np.int16)]
)
def test_what_is_not_finite_mono_float32_is_refused(samples: Audio) -> None:
    with pytest.raises(BadAudio):
        VoiceDetector(LevelVad()).feed(samples)


def test_a_missing_model_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelNotLoaded, match="no model file"):
        SileroVad(tmp_path / "model.onnx")


def test_a_damaged_model_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "model.onnx").write_bytes(b"not a model")
    with pytest.raises(ModelNotLoaded, match="not an ONNX model"):
        SileroVad(tmp_path / "model.onnx")


@pytest.fixture(scope="module")
def silero(weights_dir: Callable[[str], Path]) -> SileroVad:
    return SileroVad(weights_dir("silero-vad") / "model.onnx")


def test_silero_hears_speech_and_ignores_hum_noise_and_silence(silero: SileroVad) -> None:
    speech, rate_hz = decode_audio_file(SAMPLES / "real-1688-142285-0002.flac")
    assert rate_hz == SAMPLE_RATE_HZ
    seconds = np.arange(2 * SAMPLE_RATE_HZ) / SAMPLE_RATE_HZ
    hum = (0.3 * np.sin(2 * np.pi * 50 * seconds)).astype(np.float32)
    noise = np.random.default_rng(0).normal(0.0, 0.05, len(hum)).astype(np.float32)
    assert any(voice.speaking for voice in VoiceDetector(silero.fork()).feed(speech))
    for sound in (hum, noise, np.zeros_like(hum)):
        assert not any(voice.speaking for voice in VoiceDetector(silero.fork()).feed(sound))


def test_forked_streams_do_not_hear_each_other(silero: SileroVad) -> None:
    samples, rate_hz = decode_audio_file(SAMPLES / "headache.wav")
    speech = Resampler(rate_hz, SAMPLE_RATE_HZ)(samples)
    alone = VoiceDetector(silero.fork()).feed(speech)
    one, other = VoiceDetector(silero.fork()), VoiceDetector(silero.fork())
    together = []
    for start in range(0, len(speech), FRAME_SAMPLES):
        together += one.feed(speech[start : start + FRAME_SAMPLES])
        other.feed(np.zeros(FRAME_SAMPLES, np.float32))
    assert together == alone


def test_a_reset_detector_starts_anew(silero: SileroVad) -> None:
    samples, _ = decode_audio_file(SAMPLES / "real-1688-142285-0002.flac")
    detector = VoiceDetector(silero.fork())
    first = detector.feed(samples)
    detector.reset()
    assert feed_in(detector, samples, 1000) == first
