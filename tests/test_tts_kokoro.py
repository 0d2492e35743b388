"""Kokoro's voices, with the real weights."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.voices import assert_sound, heard, length_s
from tts.errors import UnspeakableText, VoiceUnavailable
from tts.kokoro import KokoroSynthesizer

ENGLISH = "Drink plenty of water today."
CHINESE = "请每天服用两次，饭后服用。"


@pytest.fixture(scope="module")
def files(weights_dir: Callable[[str], Path]) -> tuple[Path, Path]:
    return weights_dir("kokoro-v1.0-int8") / "model.onnx", weights_dir("kokoro-voices-ja") / "voices.npz"


@pytest.fixture(scope="module")
def voice(files: tuple[Path, Path]) -> KokoroSynthesizer:
    return KokoroSynthesizer(*files, "jf_alpha", threads=2)


@pytest.mark.parametrize(
    ("text", "language", "words"),
    [
        (ENGLISH, "en", ["drink", "plenty", "of", "water", "today"]),
        (CHINESE, "zh", [*"每天服用"]),
    ],
)
def test_whisper_hears_the_words(
    voice: KokoroSynthesizer,
    weights_dir: Callable[[str], Path],
    text: str,
    language: str,
    words: list[str],
) -> None:
    speech = voice.synthesize(text)
    assert set(words) <= set(heard(speech, weights_dir("whisper-base"), language))
    assert_sound(speech, text)


def test_a_sentence_in_two_languages_is_spoken_in_both(voice: KokoroSynthesizer) -> None:
    shown = "你可以服用 **ibuprofen**，每天两次。"
    speech = voice.synthesize(shown)
    assert [word.text for word in speech.words] == ["你", "可以", "服用", "ibuprofen", "每天", "两次"]
    assert_sound(speech, shown)


def test_without_the_reader_of_mandarin_it_says_what_to_install(
    files: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tts.kokoro._mandarin", lambda: None)
    with pytest.raises(UnspeakableText, match=r"pip install 'liushui\[mandarin\]'"):
        KokoroSynthesizer(*files, "jm_kumo").synthesize(CHINESE)


def test_the_rate_is_kept_within_a_tenth(voice: KokoroSynthesizer) -> None:
    plain, fast = (length_s(voice.synthesize(ENGLISH, rate=rate)) for rate in (1.0, 1.5))
    assert plain / fast == pytest.approx(1.5, rel=0.1)


@pytest.mark.parametrize("text", ["", "...", "🙂", "。"])
def test_text_with_nothing_to_say_is_no_sound_and_no_error(voice: KokoroSynthesizer, text: str) -> None:
    assert len(voice.synthesize(text).audio) == 0


def test_another_script_is_refused(voice: KokoroSynthesizer) -> None:
    with pytest.raises(UnspeakableText, match="English and Mandarin"):
        voice.synthesize("Погода сегодня хорошая")


def test_sentences_come_one_by_one_and_from_several_threads(voice: KokoroSynthesizer) -> None:
    with ThreadPoolExecutor(2) as pool:
        parts = list(pool.map(lambda _: list(voice.stream("It hurts. Take rest.")), range(2)))
    assert [[[word.text for word in part.words] for part in speech] for speech in parts] == [
        [["It", "hurts"], ["Take", "rest"]]
    ] * 2


def test_a_voice_that_is_not_in_the_table_is_refused(files: tuple[Path, Path]) -> None:
    with pytest.raises(VoiceUnavailable, match="no voice 'af_heart' here; there is jf_alpha"):
        KokoroSynthesizer(*files, "af_heart")
