"""A listener's pace: asked for, learnt, bounded, and calm."""

from __future__ import annotations

import random
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant.pace import (
    FASTEST,
    FASTEST_LEARNT,
    MOST_MATCHED,
    SLOWEST,
    SLOWEST_LEARNT,
    STEP,
    USUAL_SYLLABLES_S,
    Pace,
    Reaction,
    speed_of,
)

SAID = "what can i do about it tomorrow?"  # ten syllables
SYLLABLES = 10
TURNS = st.tuples(
    st.sampled_from(
        [SAID, "say that again.", "stop.", "", "slower, please.", "much faster, please.", "太快了。"]
    ),
    st.floats(0.0, 20.0),
    st.booleans(),
    st.none() | st.floats(0.0, 10.0),
)
UNASKED = st.tuples(
    st.sampled_from([SAID, "say that again.", "stop."]),
    st.floats(0.5, 5.0),
    st.just(False),
    st.none() | st.floats(0.0, 10.0),
)


def told(pace: Pace, turn: tuple[str, float, bool, float | None]) -> Pace:
    text, voiced_s, answering, broke_in_s = turn
    return pace.heard(text, voiced_s, answering=answering, broke_in_s=broke_in_s)


def at(speed: float) -> float:
    """How long SAID takes at so many syllables a second."""
    return SYLLABLES / speed


def reversals(rates: list[float]) -> int:
    steps = [after - before for before, after in pairwise(rates) if after != before]
    return sum(one * other < 0 for one, other in pairwise(steps))


@given(st.lists(TURNS, max_size=60))
def test_whatever_happens_the_rate_stays_in_bounds(
    turns: list[tuple[str, float, bool, float | None]],
) -> None:
    pace = Pace()
    for turn in turns:
        pace = told(pace, turn)
        assert SLOWEST <= pace.rate <= FASTEST
        assert SLOWEST_LEARNT <= pace.learnt <= FASTEST_LEARNT
        assert 0.5 <= pace.pause_scale <= 2.0


@given(st.lists(UNASKED, max_size=60))
def test_what_is_learnt_changes_by_a_step_at_most(turns: list[tuple[str, float, bool, float | None]]) -> None:
    pace = Pace()
    for turn in turns:
        before, pace = pace, told(pace, turn)
        assert abs(pace.rate - before.rate) <= STEP + 1e-9
        assert pace.reason == before.reason or pace.rate != before.rate


@given(st.floats(1.0, 9.0), st.data())
def test_a_steady_speaker_is_met_without_going_to_and_fro(speed: float, data: st.DataObject) -> None:
    pace, rates = Pace(), [1.0]
    for _ in range(40):
        pace = pace.heard(SAID, at(speed * data.draw(st.floats(0.97, 1.03))))
        rates.append(pace.rate)
    assert reversals(rates) == 0
    assert abs(rates[-1] - 1) <= MOST_MATCHED + 1e-9
    assert (rates[-1] - 1) * (speed - USUAL_SYLLABLES_S) >= 0


def test_a_usual_speaker_whose_utterances_vary_is_followed_calmly() -> None:
    rng, worst = random.Random(1), 0
    for _ in range(20):
        mean, pace, rates = rng.uniform(2.5, 6.5), Pace(), [1.0]
        for _ in range(200):
            pace = pace.heard(SAID, at(max(1.0, rng.gauss(mean, 0.12 * mean))))
            rates.append(pace.rate)
        worst = max(worst, reversals(rates))
    assert worst <= 6, "in 200 turns"


def test_a_listener_with_a_pace_of_their_own_is_found() -> None:
    """Breaks in when it is too slow for them, and asks again when it is too fast."""
    rng, worst = random.Random(2), 0
    for wanted in (0.85, 1.0, 1.15):
        pace, rates = Pace(), list[float]()
        for _ in range(200):
            off = wanted - pace.rate
            says = "say that again." if rng.random() < -2 * off else SAID
            pace = pace.heard(says, broke_in_s=2.0 if rng.random() < 2 * off else None)
            rates.append(pace.rate)
        assert abs(sum(rates[50:]) / len(rates[50:]) - wanted) < 0.1
        worst = max(worst, reversals(rates))
    assert worst < 40, "in 200 turns"


def test_one_utterance_says_nothing_and_four_do() -> None:
    pace = Pace()
    for _ in range(3):
        pace = pace.heard(SAID, at(6.5))
    assert pace.rate == 1.0
    assert pace.heard(SAID, at(6.5)).rate == 1.05


def test_two_early_interruptions_are_haste_and_one_or_a_late_one_is_none() -> None:
    once = Pace().heard(SAID, broke_in_s=1.0)
    assert once.rate == 1.0 == once.heard(SAID, broke_in_s=9.0).rate
    assert once.heard("wait, stop.", broke_in_s=1.0).rate == 1.0
    twice = once.heard(SAID, broke_in_s=1.0)
    assert twice.rate == 1.05 and "early" in twice.reason


def test_what_was_not_understood_is_said_slower_and_forgotten_after_some_turns() -> None:
    pace = Pace().heard("Sorry? Say that again.", broke_in_s=1.0)
    assert pace.rate == 0.95 and "again" in pace.reason
    for _ in range(12):
        pace = pace.heard(SAID)
    assert pace.rate == 1.0


def test_wishes_add_up_to_the_bounds_and_normal_undoes_them() -> None:
    pace = Pace().heard("Slower, please.")
    assert pace.rate == 0.85 and pace.pause_scale == 1.38
    for _ in range(9):
        pace = pace.heard("Much slower, please.")
    assert pace.rate == SLOWEST and pace.pause_scale == 2.0
    assert pace.heard("Talk normally.").rate == 1.0


def test_what_was_asked_for_is_not_unlearnt() -> None:
    pace = Pace().set(1.25)
    for _ in range(20):
        pace = pace.heard("say that again.", at(2.0))
    assert pace.rate == 1.25 and pace.speeds == ()
    assert pace.heard("slower please.").rate == 1.1


def test_a_client_may_set_what_no_voice_can_do_and_gets_the_nearest() -> None:
    assert Pace().set(0.25).rate == 0.5


@pytest.mark.parametrize(
    ("text", "syllables"),
    [
        ("I have had a headache for three days.", 10),
        ("头疼三天了怎么办", 8),
        ("don't worry about the little table", 10),
    ],
)
def test_syllables(text: str, syllables: int) -> None:
    assert speed_of(text, 2.0) == pytest.approx(syllables / 2, abs=0.5)


@pytest.mark.parametrize(
    ("text", "voiced_s"), [("yes", 3.0), (SAID, 0.5), ("i took 500 milligrams of it", 2.0)]
)
def test_what_says_nothing_about_the_speed(text: str, voiced_s: float) -> None:
    assert speed_of(text, voiced_s) is None


def test_what_is_out_of_bounds_is_no_pace() -> None:
    for fields in ({"asked": 3.0}, {"learnt": 0.5}, {"speeds": (0.0,)}, {"reactions": (Reaction.NONE,) * 13}):
        with pytest.raises(ValueError):
            Pace(**fields)
