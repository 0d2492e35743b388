"""The ladder of audio on simulated links, and step by step."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.slow_link import Outcome, Rate, talk
from transport.degrade import LONGEST_WAIT_S, SETTLES_S, Delivery, Ladder, Rung

TEN_MINUTES_S = 600.0


def steady(kbit_s: float) -> Rate:
    return lambda _: 1000 * kbit_s


def stalling(kbit_s: float, every_s: float, stall_s: float) -> Rate:
    """A link that stands still at the end of every so many seconds."""
    return lambda now_s: 0.0 if now_s % every_s >= every_s - stall_s else 1000 * kbit_s


def ten_minutes(rate: Rate) -> Outcome:
    return talk(rate, TEN_MINUTES_S, Ladder())


def reached_s(outcome: Outcome, rung: Rung) -> float:
    return next(now_s for now_s, change in outcome.changes if change.after is rung)


@pytest.mark.parametrize("kbit_s", [64, 256])
def test_a_link_with_room_is_left_alone(kbit_s: float) -> None:
    outcome = ten_minutes(steady(kbit_s))
    assert outcome.changes == []
    assert outcome.late_s == 0


@pytest.mark.parametrize("kbit_s", [4, 8, 16])
def test_a_link_too_slow_for_any_voice_has_text_alone_within_two_seconds(kbit_s: float) -> None:
    outcome = ten_minutes(steady(kbit_s))
    assert reached_s(outcome, Rung.TEXT) <= 2.0
    assert outcome.seconds[Rung.TEXT] > 0.95 * sum(outcome.seconds.values())


def test_a_dead_link_has_text_alone_within_eight_seconds() -> None:
    assert reached_s(talk(steady(0), 20.0, Ladder(), always=True), Rung.TEXT) <= 8.0


@pytest.mark.parametrize("kbit_s", [8, 16, 24, 32, 40])
def test_trials_on_a_steady_link_get_rare(kbit_s: float) -> None:
    rises = [now_s for now_s, change in ten_minutes(steady(kbit_s)).changes if change.after > change.before]
    assert len(rises) <= 7
    assert rises[-1] - rises[-2] > 3 * (rises[1] - rises[0])


def test_thirty_two_kbit_s_carry_the_lowest_rung_with_hardly_a_gap() -> None:
    outcome = ten_minutes(steady(32))
    assert outcome.best_share(Rung.OPUS_16) == pytest.approx(1.0)
    assert outcome.late_s < 0.005 * sum(outcome.seconds.values())


def test_short_stalls_change_nothing() -> None:
    assert ten_minutes(stalling(256, 10, 0.5)).changes == []


def test_after_a_stall_the_voice_is_back_at_its_best_in_seconds() -> None:
    assert ten_minutes(stalling(256, 30, 2)).best_share(Rung.OPUS_32) > 0.85


def test_a_link_that_breaks_down_and_recovers_has_its_best_voice_again() -> None:
    outcome = ten_minutes(lambda now_s: 8_000 if 60 <= now_s < 180 else 256_000)
    fell_s, back_s = reached_s(outcome, Rung.TEXT), outcome.changes[-1][0]
    assert fell_s <= 60 + 6
    assert outcome.changes[-1][1].after is Rung.OPUS_32
    climb_s = 25.0  # two more rungs, of a voice that speaks two thirds of the time
    assert back_s <= 180 + LONGEST_WAIT_S + climb_s


def test_a_burst_that_shows_the_link_recovered_brings_the_voice_back_sooner() -> None:
    ladder, link = Ladder(Rung.TEXT), Delivery(0.0, sent_audio_s=0.2, throughput_bytes_s=30_000.0)
    assert len(observe(ladder, 10.0, 0.0, link)) == 3
    assert ladder.rung is Rung.OPUS_32


def test_every_step_says_from_where_to_where_and_why() -> None:
    outcome = ten_minutes(lambda now_s: 8_000 if 60 <= now_s < 90 else 256_000)
    falls = [change for _, change in outcome.changes if change.after < change.before]
    rises = [change for _, change in outcome.changes if change.after > change.before]
    assert all("came too late" in change.why for change in falls)
    assert all("no complaint for" in change.why for change in rises)
    steps = [change for _, change in outcome.changes]
    assert steps[0].before is Rung.OPUS_32
    assert all(earlier.after is later.before for earlier, later in pairwise(steps))


segments = st.lists(
    st.tuples(st.sampled_from([0, 4, 8, 16, 24, 32, 40, 64, 256]), st.floats(0.5, 60)),
    min_size=1,
    max_size=40,
)


@given(segments, st.booleans())
@settings(max_examples=60, deadline=None)
def test_whatever_the_link_does_the_ladder_never_flaps(
    parts: list[tuple[float, float]], always: bool
) -> None:
    ends: list[tuple[float, float]] = []
    for kbit_s, length_s in parts:
        ends.append(((ends[-1][0] if ends else 0.0) + length_s, kbit_s))
    outcome = talk(
        lambda now_s: 1000 * next((kbit_s for end_s, kbit_s in ends if now_s < end_s), ends[-1][1]),
        300.0,
        Ladder(),
        always,
    )
    assert len(outcome.changes) <= 3 + 300 / 6
    for (earlier_s, _), (later_s, change) in pairwise(outcome.changes):
        assert change.after - change.before <= 1, "up is one rung at a time"
        if change.after < change.before:
            assert later_s - earlier_s >= SETTLES_S


def observe(ladder: Ladder, seconds: float, start_s: float, delivery: Delivery) -> list[tuple[Rung, Rung]]:
    times = [start_s + 0.2 * step for step in range(round(seconds / 0.2))]
    changes = [ladder.observe(delivery, now_s) for now_s in times]
    return [(change.before, change.after) for change in changes if change]


def test_a_queue_that_is_worked_off_is_no_reason_to_go_further_down() -> None:
    ladder = Ladder()
    observe(ladder, 1.4, 0.0, Delivery(1.0))
    assert ladder.rung is Rung.OPUS_24
    for step in range(20):
        ladder.observe(Delivery(3.0 - 0.13 * step, sent_audio_s=0.2), 1.4 + 0.2 * step)
    assert ladder.rung is Rung.OPUS_24


def test_an_outage_goes_down_by_steps_and_a_slow_link_at_once() -> None:
    assert observe(Ladder(), 1.4, 0.0, Delivery(1.0, throughput_bytes_s=0.0)) == [
        (Rung.OPUS_32, Rung.OPUS_24)
    ]
    assert observe(Ladder(), 1.4, 0.0, Delivery(1.0, throughput_bytes_s=2_000.0)) == [
        (Rung.OPUS_32, Rung.TEXT)
    ]


def test_a_service_that_is_silent_learns_nothing_about_a_better_voice() -> None:
    ladder = Ladder(Rung.OPUS_16)
    assert observe(ladder, 60.0, 0.0, Delivery(0.0)) == []
    assert observe(ladder, 6.0, 60.0, Delivery(0.0, sent_audio_s=0.2)) == [(Rung.OPUS_16, Rung.OPUS_24)]


def test_a_link_that_has_shown_what_it_carries_is_tried_sooner() -> None:
    unknown, shown = Ladder(Rung.TEXT), Ladder(Rung.TEXT)
    assert observe(unknown, 6.0, 0.0, Delivery(0.0)) == []
    assert observe(shown, 6.0, 0.0, Delivery(0.0, throughput_bytes_s=30_000.0)) == [(Rung.TEXT, Rung.OPUS_16)]
