"""Whisper and smart-turn on real weights, and the log-mel features that both take."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from faster_whisper.feature_extractor import FeatureExtractor

from asr.endpoint import HEARD_SAMPLES, SmartTurn, turn_features
from asr.engine import SAMPLE_RATE_HZ, Audio
from asr.errors import BadAudio, ModelNotLoaded, UnknownLanguage
from asr.mel import MEL_BANDS, log_mel
from asr.resample import decode_audio_file, resampled
from asr.streaming import HELD_BACK_WORDS, Utterance
from asr.text import plain, words_of
from asr.whisper import WhisperRecognizer
from tts.hibari import HibariSynthesizer

SAMPLES = Path(__file__).parent.parent / "samples" / "wav"


def sample(name: str | Path) -> Audio:
    return resampled(*decode_audio_file(SAMPLES / name), SAMPLE_RATE_HZ)


def said(text: str) -> list[str]:
    return [plain(word) for word in words_of(text)]


@pytest.fixture(scope="module")
def smart_turn(weights_dir: Callable[[str], Path]) -> SmartTurn:
    return SmartTurn(weights_dir("smart-turn-v3.2") / "model.onnx")


@pytest.mark.parametrize("seconds", [0.0, 0.01, 3.3, 15.0, 20.0])
def test_features_are_those_that_whisper_was_trained_on(seconds: float) -> None:
    audio = np.random.default_rng(0).normal(0, 0.1, int(seconds * SAMPLE_RATE_HZ)).astype(np.float32)
    padded = np.zeros(15 * SAMPLE_RATE_HZ, np.float32)
    padded[: len(audio)] = audio[: len(padded)]
    features = log_mel(audio, 1500)
    assert features.shape == (MEL_BANDS, 1500)
    assert np.abs(features - FeatureExtractor()(padded, padding=0)).max() < 2e-3


def test_turn_features_hear_the_last_eight_seconds_and_silence_before() -> None:
    audio = np.random.default_rng(0).normal(0, 0.1, 10 * SAMPLE_RATE_HZ).astype(np.float32)
    assert np.array_equal(turn_features(audio), turn_features(audio[-HEARD_SAMPLES:]))
    short = audio[:16_000]
    assert np.array_equal(turn_features(short), turn_features(np.pad(short, (HEARD_SAMPLES - 16_000, 0))))
    assert np.isfinite(turn_features(audio[:0])).all()


def test_a_question_is_transcribed_with_punctuation_and_capitals(whisper: WhisperRecognizer) -> None:
    hypothesis = whisper.recognize(sample("headache.wav"))
    assert hypothesis.text == "I have had a headache for three days. What should I do?"
    assert hypothesis.reliable
    assert hypothesis.language == "en"


def test_names_of_the_domain_are_heard_where_they_are_told_and_change_nothing_else(
    whisper: WhisperRecognizer, weights_dir: Callable[[str], Path]
) -> None:
    lexicon = ("omeprazole", "atorvastatin", "ramipril", "warfarin", "apixaban")
    told = WhisperRecognizer(weights_dir("whisper-base"), hot_words=lexicon)
    speech = HibariSynthesizer().synthesize("Does atorvastatin go with omeprazole and ramipril?")
    audio = resampled(speech.audio, speech.sample_rate_hz, SAMPLE_RATE_HZ)
    assert sum(term in told.recognize(audio).text for term in lexicon) == 3
    assert sum(term in whisper.recognize(audio).text for term in lexicon) < 3
    other = sample("headache.wav")
    assert told.recognize(other) == whisper.recognize(other)


def test_a_forced_prefix_stays_and_a_draft_changes_nothing(whisper: WhisperRecognizer) -> None:
    audio = sample("headache.wav")
    forced = whisper.recognize(audio, prefix="I have had a headache")
    assert forced.text == "I have had a headache for three days. What should I do?"
    assert whisper.recognize(audio, draft="I have had a headache. What should you do?").text == forced.text
    assert whisper.recognize(audio, prefix="We have had").text.startswith("We have had")


def test_words_are_found_where_they_were_said(whisper: WhisperRecognizer) -> None:
    audio = sample("headache.wav")
    text = whisper.recognize(audio).text
    words = whisper.align(audio, text)
    assert "".join(word.text for word in words) == text
    starts = [word.start_s for word in words]
    assert starts == sorted(starts)
    assert 0.3 < starts[words_of(text).index(" headache")] < 1.5
    assert words[-1].end_s <= len(audio) / SAMPLE_RATE_HZ


def test_speaking_is_transcribed_as_it_goes(whisper: WhisperRecognizer) -> None:
    audio = sample("headache.wav")
    utterance = Utterance(whisper)
    committed = ""
    for start in range(0, len(audio), 8_000):
        utterance.feed(audio[start : start + 8_000])
        partial = utterance.partial()
        assert partial.committed.startswith(committed)
        committed = partial.committed
    final = utterance.final()
    assert len(said(committed)) >= len(said(final)) - HELD_BACK_WORDS
    assert said(final) == said("I have had a headache for three days. What should I do?")


@pytest.mark.parametrize("level", [0.0, 0.002, 0.05])
def test_silence_and_noise_have_no_text(whisper: WhisperRecognizer, level: float) -> None:
    noise = np.random.default_rng(0).normal(0, level, 5 * SAMPLE_RATE_HZ).astype(np.float32)
    assert whisper.recognize(noise).text == ""


def test_clipped_speech_is_still_read(whisper: WhisperRecognizer) -> None:
    loud = np.clip(sample("headache.wav") * 20, -1, 1)
    assert "headache" in whisper.recognize(loud).text


def test_no_audio_has_no_text(whisper: WhisperRecognizer) -> None:
    empty = np.zeros(0, np.float32)
    assert whisper.recognize(empty).text == ""
    assert whisper.align(empty, "") == ()


def test_too_much_audio_at_once_and_audio_that_is_no_number_are_refused(whisper: WhisperRecognizer) -> None:
    with pytest.raises(BadAudio, match=r"31\.0 s"):
        whisper.recognize(np.zeros(31 * SAMPLE_RATE_HZ, np.float32))
    with pytest.raises(BadAudio, match="finite"):
        whisper.recognize(np.full(100, np.inf, np.float32))


def test_the_language_is_detected_when_none_is_given(weights_dir: Callable[[str], Path]) -> None:
    hypothesis = WhisperRecognizer(weights_dir("whisper-base"), language=None).recognize(
        sample("headache.wav")
    )
    assert hypothesis.language == "en"
    assert "headache" in hypothesis.text


def test_mandarin_is_written_in_simplified_characters_and_with_marks(
    weights_dir: Callable[[str], Path],
) -> None:
    chinese = WhisperRecognizer(weights_dir("whisper-base"), language="zh")
    audio = sample(Path(__file__).parent / "data" / "aishell_BAC009S0150W0145.flac")
    assert chinese.recognize(audio).text == "最近三年这个指标呈现向下趋势。"
    assert chinese.recognize(np.zeros(SAMPLE_RATE_HZ, np.float32)).text == ""


def test_an_unknown_language_is_named(weights_dir: Callable[[str], Path]) -> None:
    with pytest.raises(UnknownLanguage, match="'klingon'"):
        WhisperRecognizer(weights_dir("whisper-base"), language="klingon")


def test_missing_weights_are_named(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps({}))
    with pytest.raises(ModelNotLoaded, match=tmp_path.name):
        WhisperRecognizer(tmp_path)


def test_whole_questions_sound_more_complete_than_their_first_halves(smart_turn: SmartTurn) -> None:
    names = [f"plain-{name}.flac" for name in ("fever", "loan", "pulse", "savings", "sleep")]
    questions = [sample(name) for name in names]
    whole = [
        smart_turn.completeness(np.concatenate((audio, np.zeros(3_200, np.float32)))) for audio in questions
    ]
    halves = [smart_turn.completeness(audio[: len(audio) // 2]) for audio in questions]
    assert np.median(halves) < 0.5 < np.median(whole)


def test_completeness_of_no_audio_is_a_probability(smart_turn: SmartTurn) -> None:
    assert 0.0 <= smart_turn.completeness(np.zeros(0, np.float32)) <= 1.0
