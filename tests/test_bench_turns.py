"""The curve of false cut-offs against latency, and the figures of listening, from made-up results."""

from __future__ import annotations

import numpy as np
import pytest

from tests.bench.listening import Heard
from tests.bench.turns import FALLBACK_S, Place, Point, by_policy, by_silence, by_sound, curve, quickest
from tests.bench.words import plain_words

END = float("inf")


def place(silence_s: float, completeness: float, text: str = "Is it bad?", over: float = 0.9) -> Place:
    return Place(silence_s, 0.1, completeness, None, text, over)


PLACES = [place(0.5, 0.2, "I took it on, um", 0.01), place(0.3, 0.9), place(END, 0.9), place(END, 0.4)]


def test_a_fixed_silence_cuts_off_what_pauses_longer_and_is_always_as_late() -> None:
    short, long = curve(PLACES, by_silence, np.array([0.4, 0.6]))
    assert short == Point(0.4, 0.5, 400.0, 400.0)
    assert long == Point(0.6, 0.0, 600.0, 600.0)


def test_a_verdict_over_the_threshold_ends_a_turn_when_the_silence_is_noticed() -> None:
    (point,) = curve(PLACES, by_sound, np.array([0.5]))
    assert point.false_cutoffs == 0.5  # the pause that sounds complete
    assert point.latency_ms == pytest.approx(1000 * (0.1 + FALLBACK_S) / 2)


def test_a_more_patient_policy_cuts_off_no_more_and_comes_no_sooner() -> None:
    points = curve(PLACES, by_policy, np.array([0.3, 1.0, 3.0]))
    assert [point.false_cutoffs for point in points] == sorted(
        (p.false_cutoffs for p in points), reverse=True
    )
    assert [point.latency_ms for point in points] == sorted(point.latency_ms for point in points)


def test_the_quickest_setting_is_one_that_cuts_few_turns_off_or_the_fewest() -> None:
    bold, good, patient = Point(1, 0.4, 100, 100), Point(2, 0.05, 300, 300), Point(3, 0.0, 900, 900)
    assert quickest([bold, patient, good]) is good
    assert quickest([bold, Point(4, 0.3, 500, 500)]).setting == 4


def test_a_transcript_that_takes_back_what_stood_is_a_retraction_and_lags_run_to_the_first_that_heard() -> (
    None
):
    heard = Heard(partials=[(0.25, 0.3), (0.5, 0.6)])
    for text, committed in [("a b c", "a b"), ("a b d e", "a b d"), ("a x", "a x")]:
        heard.take(text, committed)
    assert heard.retractions == 1
    assert heard.lags_ms() == pytest.approx([200, 100, 300, 200])


def test_a_chinese_character_counts_as_a_word() -> None:
    assert plain_words("我头疼三天了 OK") == ["我", "头", "疼", "三", "天", "了", "ok"]
