"""Word timings and trimming, on made-up spans and tones."""

from __future__ import annotations

import numpy as np

from tts.engine import Audio
from tts.timing import WordSpan, shifted, spoken_words
from tts.trim import LEAD_S, TAIL_S, fade, speech_span

RATE_HZ = 24_000


def tone_between(start_s: float, end_s: float, total_s: float) -> Audio:
    t = np.arange(round(total_s * RATE_HZ)) / RATE_HZ
    return np.where((t >= start_s) & (t < end_s), np.sin(2 * np.pi * 1000 * t), 0).astype(np.float32)


def test_words_shown_as_one_are_one_from_the_first_to_the_last_sound() -> None:
    seven_thirty = [WordSpan(0, 7, 0, 240), WordSpan(0, 7, 240, 480), WordSpan(0, 7, 480, 720)]
    words = spoken_words("7:30 pm ok", [*seven_thirty, WordSpan(8, 10, 720, 960)], RATE_HZ, 960)
    assert [(word.text, word.start_s, word.end_s) for word in words] == [
        ("7:30 pm", 0, 0.03),
        ("ok", 0.03, 0.04),
    ]


def test_a_currency_sign_belongs_to_its_amount_and_spaces_to_nothing() -> None:
    words = spoken_words("It is $5 mg", [WordSpan(7, 8, 0, 24), WordSpan(8, 11, 24, 48)], RATE_HZ, 48)
    assert [(word.text, word.text_start, word.text_end) for word in words] == [("$5", 6, 8), ("mg", 9, 11)]


def test_a_word_that_is_said_and_not_shown_lengthens_the_one_before() -> None:
    spans = [WordSpan(0, 1, 0, 24), WordSpan(1, 1, 24, 48), WordSpan(1, 2, 48, 72)]
    assert [(word.text, word.end_s) for word in spoken_words("1½", spans, 24, 72)] == [("1", 2.0), ("½", 3.0)]


def test_times_stay_within_the_audio() -> None:
    words = spoken_words("a b", shifted([WordSpan(0, 1, 0, 100), WordSpan(2, 3, 100, 300)], -50), 100, 200)
    assert [(word.start_s, word.end_s) for word in words] == [(0.0, 0.5), (0.5, 2.0)]


def test_silence_is_trimmed_to_its_margins() -> None:
    start, end = speech_span(tone_between(0.3, 0.8, 1.2), RATE_HZ)
    assert 0.3 - LEAD_S - 0.003 <= start / RATE_HZ <= 0.3
    assert 0.8 <= end / RATE_HZ <= 0.8 + TAIL_S + 0.003


def test_silence_and_nothing_have_no_speech() -> None:
    assert speech_span(np.zeros(1000, np.float32), RATE_HZ) == (0, 0)
    assert speech_span(np.zeros(0, np.float32), RATE_HZ) == (0, 0)


def test_a_fade_starts_and_ends_at_zero() -> None:
    audio = np.ones(2400, np.float32)
    fade(audio, RATE_HZ)
    assert audio[0] == audio[-1] == 0.0
    assert audio[1200] == 1.0
