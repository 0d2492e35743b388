"""How fast a client may send, in a time of the test's own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transport.errors import FloodingError
from transport.intake import Intake
from transport.limits import Limits
from transport.rate import TokenBucket

CHUNK_BYTES = 1340  # 20 ms of PCM as base64 in an event
HOUR_S = 3600


def waits(limits: Limits, sizes: Iterator[int], every_s: float, for_s: float) -> list[float]:
    """How long each message of a client makes us wait, which sends one every so often and respects waits."""
    intake, now_s, waited = Intake(limits, 0.0), 0.0, []
    while now_s < for_s:
        waited.append(intake.wait_s(next(sizes), now_s))
        now_s += max(every_s, waited[-1])
    return waited


def always(size: int) -> Iterator[int]:
    while True:
        yield size


@given(
    st.floats(0.1, 1000),
    st.floats(1, 1000),
    st.lists(st.tuples(st.floats(0, 10), st.floats(0, 100)), max_size=50),
)
def test_a_bucket_gives_its_burst_and_its_rate_and_no_more(
    per_s: float, burst: float, steps: list[tuple[float, float]]
) -> None:
    bucket, now_s, taken = TokenBucket(per_s, burst, 0.0), 0.0, 0.0
    for pause_s, tokens in steps:
        now_s += pause_s
        now_s += bucket.take(tokens, now_s)
        taken += tokens
        assert taken <= burst + per_s * now_s + 1e-6 * (1 + taken)


@pytest.mark.parametrize("chunk_ms", [10, 20, 100])
def test_a_microphone_is_never_held_up(chunk_ms: int) -> None:
    size = CHUNK_BYTES * chunk_ms // 20
    assert not any(waits(Limits(), always(size), chunk_ms / 1000, HOUR_S))


def test_what_a_stalled_network_held_back_for_20_s_may_come_at_once() -> None:
    intake = Intake(Limits(), 0.0)
    assert not any(intake.wait_s(CHUNK_BYTES, 20.0) for _ in range(20 * 100))


def test_a_file_may_come_faster_than_it_sounds_then_is_read_no_faster_than_bytes_per_s() -> None:
    limits = Limits()
    mebibyte = 1 << 20
    waited = waits(limits, always(mebibyte), 0.0, HOUR_S)
    at_once = next(place for place, wait_s in enumerate(waited) if wait_s)
    assert at_once == limits.byte_burst / mebibyte
    assert sum(waited[at_once:]) == pytest.approx(len(waited[at_once:]) * mebibyte / limits.bytes_per_s)


def test_many_messages_are_held_back_first_and_only_refused_when_they_go_on() -> None:
    limits = Limits(messages_per_s=100, message_burst=10, flood_s=5)
    intake, now_s, taken = Intake(limits, 0.0), 0.0, 0
    with pytest.raises(
        FloodingError, match="more than 100 messages a second came for 5 s: send longer chunks"
    ):
        while True:
            now_s += intake.wait_s(1, now_s)
            taken += 1
    assert now_s == pytest.approx(5, abs=0.1)
    assert taken == pytest.approx(10 + 5 * 100, abs=2)


def test_a_burst_that_ends_in_time_is_forgiven() -> None:
    limits = Limits(messages_per_s=100, message_burst=10, flood_s=5)
    intake, now_s = Intake(limits, 0.0), 0.0
    for _ in range(10):
        for _ in range(300):
            now_s += intake.wait_s(1, now_s)
        now_s += 1
