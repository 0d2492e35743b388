"""Piper's voices, with the real weights of one."""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from tests.voices import assert_sound, heard, length_s
from tts.errors import UnspeakableText, UnsupportedRate, VoiceUnavailable
from tts.piper import PiperSynthesizer

SENTENCE = "Take ibuprofen with food, and drink plenty of water today."


@pytest.fixture(scope="module")
def model(weights_dir: Callable[[str], Path]) -> Path:
    return weights_dir("piper-joe") / "en_US-joe-medium.onnx"


@pytest.fixture(scope="module")
def voice(model: Path) -> PiperSynthesizer:
    return PiperSynthesizer(model, threads=2)


def test_every_word_has_its_time_and_its_place_in_the_shown_text(voice: PiperSynthesizer) -> None:
    shown = "Take **5 mg** for the day, at 7:30 for $2.50. (张) Rest."
    speech = voice.synthesize(shown)
    words = ["Take", "5", "mg", "for", "the", "day", "at", "7:30", "for", "$2.50", "Rest"]
    assert [word.text for word in speech.words] == words
    assert_sound(speech, shown)


def test_whisper_hears_the_words(voice: PiperSynthesizer, weights_dir: Callable[[str], Path]) -> None:
    words = heard(voice.synthesize(SENTENCE), weights_dir("whisper-base"), "en")
    assert len(set(words) & set(SENTENCE.lower().replace(",", "").rstrip(".").split())) >= 8


@pytest.mark.parametrize("rate", [0.7, 1.5])
def test_the_rate_is_kept_within_a_tenth(voice: PiperSynthesizer, rate: float) -> None:
    plain, other = (
        np.mean([length_s(voice.synthesize(SENTENCE, rate=r)) for _ in range(2)]) for r in (1, rate)
    )
    assert plain / other == pytest.approx(rate, rel=0.1)


def test_a_rate_out_of_range_is_refused(voice: PiperSynthesizer) -> None:
    with pytest.raises(UnsupportedRate, match="not 9"):
        voice.synthesize("Hello.", rate=9)


@pytest.mark.parametrize("text", ["", "...", "**", "🙂", " \n"])
def test_text_with_nothing_to_say_is_no_sound_and_no_error(voice: PiperSynthesizer, text: str) -> None:
    assert len(voice.synthesize(text).audio) == 0


def test_another_script_is_refused(voice: PiperSynthesizer) -> None:
    with pytest.raises(UnspeakableText, match="speaks en-us"):
        voice.synthesize("今天天气很好")


def test_sentences_come_one_by_one_and_from_several_threads(voice: PiperSynthesizer) -> None:
    with ThreadPoolExecutor(2) as pool:
        parts = list(pool.map(lambda _: list(voice.stream("It hurts. Take rest.")), range(2)))
    assert [[[word.text for word in part.words] for part in speech] for speech in parts] == [
        [["It", "hurts"], ["Take", "rest"]]
    ] * 2


@pytest.mark.parametrize(
    ("config", "message"), [({"phoneme_type": "pinyin"}, "reads pinyin"), ({}, "cannot load the Piper voice")]
)
def test_a_voice_that_cannot_be_used_says_why(tmp_path: Path, config: dict[str, str], message: str) -> None:
    (tmp_path / "x.onnx").write_bytes(b"")
    (tmp_path / "x.onnx.json").write_text(json.dumps(config), encoding="utf-8")
    with pytest.raises(VoiceUnavailable, match=message):
        PiperSynthesizer(tmp_path / "x.onnx")
