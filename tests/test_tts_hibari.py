"""The hibari voice itself: its model is inside the dependency."""

from __future__ import annotations

import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from difflib import SequenceMatcher
from pathlib import Path

import numpy as np
import pytest
import soxr
from faster_whisper import WhisperModel
from faster_whisper.transcribe import Word

from tests.voices import assert_sound
from tts.engine import Audio, Speech
from tts.errors import TtsError, UnspeakableText, UnsupportedRate
from tts.hibari import HibariSynthesizer

MARGIN_S = 0.5  # of silence around what Whisper hears: it is unsure of words at the very edge
PAUSING = "If the pain gets worse, please call your doctor."
HEARD_SENTENCES = (
    "Take ibuprofen with food, and drink plenty of water today.",
    "Your savings account earns interest every month.",
    "Let me explain how a mortgage works in simple words.",
)


@pytest.fixture(scope="module")
def voice() -> HibariSynthesizer:
    return HibariSynthesizer()


def texts(speech: Speech) -> list[str]:
    return [word.text for word in speech.words]


def sound_before_s(speech: Speech) -> float:
    """Seconds before the first sample above -40 dB of the peak."""
    loud = np.abs(speech.audio) > 0.01 * np.abs(speech.audio).max()
    return int(np.argmax(loud)) / speech.sample_rate_hz


def test_every_word_has_its_time_and_its_place_in_the_shown_text(voice: HibariSynthesizer) -> None:
    shown = "Take **5 mg** of ibuprofen at 7:30 pm for $2.50, Dr. Lee."
    speech = voice.synthesize(shown)
    assert texts(speech) == [
        "Take",
        "5",
        "mg",
        "of",
        "ibuprofen",
        "at",
        "7:30 pm",
        "for",
        "$2.50",
        "Dr.",
        "Lee",
    ]
    assert_sound(speech, shown)


@pytest.mark.parametrize("text", ["", "...", "**", "🙂", "—", " \n", "```\ncode\n```"])
def test_text_with_nothing_to_say_is_no_sound_and_no_error(voice: HibariSynthesizer, text: str) -> None:
    speech = voice.synthesize(text)
    assert len(speech.audio) == 0
    assert speech.words == ()


@pytest.mark.parametrize(
    "text", ["Yes.", "Hello.", "Food helps,", "Think again", "He is.", "She will.", "I can."]
)
def test_speech_starts_within_20_ms_and_without_a_click(voice: HibariSynthesizer, text: str) -> None:
    speech = voice.synthesize(text)
    assert sound_before_s(speech) <= 0.020
    assert speech.audio[0] == speech.audio[-1] == 0.0
    assert np.abs(speech.audio).max() <= 1.0


def test_the_same_text_gives_the_same_samples_from_several_threads(voice: HibariSynthesizer) -> None:
    expected = voice.synthesize(PAUSING).audio
    with ThreadPoolExecutor(4) as pool:
        others = list(pool.map(lambda _: voice.synthesize(PAUSING).audio, range(8)))
    assert all(np.array_equal(expected, other) for other in others)


def test_the_rate_changes_the_length(voice: HibariSynthesizer) -> None:
    slow, fast = (len(voice.synthesize(PAUSING, rate=rate).audio) for rate in (0.8, 1.5))
    assert slow > 1.5 * fast
    with pytest.raises(UnsupportedRate, match="not 9"):
        voice.synthesize(PAUSING, rate=9)


def test_chinese_is_refused_and_a_foreign_name_is_left_out(voice: HibariSynthesizer) -> None:
    with pytest.raises(UnspeakableText, match="speaks English"):
        voice.synthesize("今天天气很好")
    assert issubclass(UnspeakableText, TtsError)
    assert texts(voice.synthesize("Doctor Zhang (张) is here.")) == ["Doctor", "Zhang", "is", "here"]


def test_a_sentence_longer_than_the_model_takes_is_spoken_whole(voice: HibariSynthesizer) -> None:
    speech = voice.synthesize("We walked and talked and looked at the sea, " * 12)
    assert len(speech.words) == 9 * 12


def test_the_silence_of_a_comma_is_between_the_words_around_it(voice: HibariSynthesizer) -> None:
    speech = voice.synthesize(PAUSING)
    before, after = speech.words[4], speech.words[5]
    assert (before.text, after.text) == ("worse", "please")
    middle = round((before.end_s + after.start_s) / 2 * speech.sample_rate_hz)
    assert np.abs(speech.audio[middle - 240 : middle + 240]).max() < 0.02 * np.abs(speech.audio).max()


def test_whisper_hears_the_words_at_their_times(
    voice: HibariSynthesizer, weights_dir: Callable[[str], Path]
) -> None:
    whisper = WhisperModel(str(weights_dir("whisper-base")), compute_type="int8", cpu_threads=2)
    late_s = [late for text in HEARD_SENTENCES for late in _lateness_s(whisper, voice.synthesize(text))]
    assert len(late_s) >= 0.9 * sum(len(text.split()) for text in HEARD_SENTENCES)
    assert np.median(np.abs(late_s)) <= 0.12  # Whisper's own word ends are some 60 ms early


def _bare(word: str) -> str:
    return re.sub(r"[^a-z']", "", word.lower())


def _heard(whisper: WhisperModel, audio: Audio) -> list[Word]:
    padded = np.pad(soxr.resample(audio, HibariSynthesizer.sample_rate_hz, 16_000), round(MARGIN_S * 16_000))
    segments, _ = whisper.transcribe(padded, language="en", word_timestamps=True, beam_size=1)
    return [word for segment in segments for word in segment.words or []]


def _lateness_s(whisper: WhisperModel, speech: Speech) -> list[float]:
    """Our word ends minus Whisper's, for the words that both have."""
    heard = _heard(whisper, speech.audio)
    ours, theirs = [_bare(word.text) for word in speech.words], [_bare(word.word) for word in heard]
    blocks = SequenceMatcher(None, ours, theirs, autojunk=False).get_matching_blocks()
    pairs = [(block.a + i, block.b + i) for block in blocks for i in range(block.size)]
    return [speech.words[a].end_s - (heard[b].end - MARGIN_S) for a, b in pairs]
