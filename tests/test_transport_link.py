from __future__ import annotations

import math
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.link_model import LinkModel
from transport.errors import FrameError, LocalProtocolError, ResumeImpossibleError
from transport.frames import Acknowledgement
from transport.link import FIRST_WINDOW_BYTES, InboundLink, OutboundLink
from transport.replay import ReplayBuffer

SLOW = [2_000, 4_000, 8_000, 32_000]  # bytes/s: 16, 32, 64 and 256 kbit/s
FAST = 1_250_000  # 10 Mbit/s
ROUND_TRIPS_S = [0.02, 0.05, 0.15]
FRAME_BYTES = 60  # Opus of 20 ms at 20 kbit/s, or one word


def steady(rate: float) -> Callable[[float], float]:
    return lambda now_s: rate


def small_frames(now_s: float, room_bytes: int) -> int:
    return FRAME_BYTES


def as_large_as_may_be(now_s: float, room_bytes: int) -> int:
    return min(room_bytes, 1200)


def carried(link: LinkModel, start_s: float, end_s: float) -> int:
    return sum(size for when_s, size in link.arrived if start_s <= when_s < end_s)


def waited_s(link: LinkModel, start_s: float, end_s: float) -> list[float]:
    """How long frames sent in this time lay behind others, in order."""
    return sorted(wait_s for sent_s, wait_s in link.waits_s if start_s <= sent_s < end_s)


@pytest.mark.parametrize("offer", [small_frames, as_large_as_may_be])
@pytest.mark.parametrize("round_trip_s", ROUND_TRIPS_S)
@pytest.mark.parametrize("rate", SLOW)
def test_a_slow_link_is_used_to_nine_tenths_with_little_lying_in_its_buffer(
    rate: float, round_trip_s: float, offer: Callable[[float, int], int]
) -> None:
    link = LinkModel(steady(rate), round_trip_s, offer)
    link.run(25)
    assert carried(link, 1, 25) >= 0.9 * rate * 24
    waits_s = waited_s(link, 1, 25)
    assert waits_s[len(waits_s) // 2] <= 0.11
    assert waits_s[int(0.98 * len(waits_s))] <= 0.201
    assert waits_s[-1] <= 0.301  # once in ten seconds, as the least round trip is measured anew
    assert max(waited_s(link, 0, 1)) <= 0.36  # while nothing was known
    assert link.outbound.throughput == pytest.approx(rate, rel=0.1)
    assert link.outbound.queueing_s <= 0.15


@pytest.mark.parametrize("round_trip_s", ROUND_TRIPS_S)
def test_a_fast_link_is_filled_within_a_few_round_trips(round_trip_s: float) -> None:
    link = LinkModel(steady(FAST), round_trip_s, as_large_as_may_be)
    link.run(4)
    full_s = next(at / 10 for at in range(40) if carried(link, at / 10, at / 10 + 0.1) >= 0.09 * FAST)
    assert full_s <= 0.1 + 8 * round_trip_s
    assert carried(link, 2, 4) >= 0.9 * FAST * 2
    assert max(waited_s(link, 2, 4)) <= 0.15


def test_frames_larger_than_a_tenth_of_a_second_go_two_at_a_time() -> None:
    link = LinkModel(steady(2_000), 0.15, lambda now_s, room_bytes: 512)  # 0.26 s each
    link.run(20)
    assert carried(link, 1, 20) >= 0.9 * 2_000 * 19
    assert max(waited_s(link, 2, 20)) <= 0.26


@pytest.mark.parametrize(("rate", "again_s"), [(2_000, 2.0), (32_000, 1.0), (FAST, 1.0)])
def test_after_a_stall_the_link_is_used_again(rate: float, again_s: float) -> None:
    link = LinkModel(lambda now_s: 0 if 5 <= now_s < 9 else rate, 0.15, as_large_as_may_be)
    link.run(4.9)
    window_bytes = link.outbound.window_bytes
    link.run(8.9)
    assert not link.outbound.may_send(8.9)
    assert link.outbound.backlog_bytes <= window_bytes + 1200  # no more than before lies in the kernel
    link.run(19)
    assert carried(link, 9 + again_s, 19) >= 0.9 * rate * (10 - again_s)


@pytest.mark.parametrize(("before", "after"), [(8_000, 2_000), (125_000, 8_000)])
def test_when_the_link_becomes_slower_the_queue_is_short_again_in_seconds(before: int, after: int) -> None:
    link = LinkModel(lambda now_s: before if now_s < 6 else after, 0.05, as_large_as_may_be)
    link.run(20)
    assert max(waited_s(link, 10, 20)) <= 0.3
    assert carried(link, 10, 20) >= 0.9 * after * 10


def test_when_the_link_becomes_faster_that_is_found_out() -> None:
    link = LinkModel(lambda now_s: 2_000 if now_s < 6 else 32_000, 0.05, small_frames)
    link.run(10)
    assert carried(link, 7, 10) >= 0.9 * 32_000 * 3


def test_a_sender_with_little_to_say_does_not_make_the_link_look_slow() -> None:
    due_s = [at / 50 for at in range(5 * 50, 25 * 50)]  # 20 s of audio at 20 kbit/s, after 5 s at full rate

    def speak(now_s: float, room_bytes: int) -> int:
        if now_s < 5:
            return FRAME_BYTES
        return FRAME_BYTES if due_s and due_s[0] <= now_s and due_s.pop(0) else 0

    link = LinkModel(steady(32_000), 0.05, speak)
    for at_s in due_s:
        link.at(at_s, lambda: None)
    link.run(5)
    assert link.outbound.throughput == pytest.approx(32_000, rel=0.1)
    link.run(25)
    assert link.outbound.throughput == pytest.approx(32_000, rel=0.1)
    assert link.outbound.queueing_s <= 0.05


def test_nothing_is_known_before_the_first_acknowledgement() -> None:
    link = OutboundLink()
    assert (link.throughput, link.round_trip_s, link.queueing_s) == (None, None, 0.0)
    assert link.window_bytes == FIRST_WINDOW_BYTES
    link.sent(1, bytes(300), 0.0)
    assert link.may_send(0.0)
    link.sent(2, bytes(300), 0.0)
    assert not link.may_send(100.0)
    assert link.backlog_bytes == 600


def test_the_round_trip_is_smoothed_by_an_eighth() -> None:
    link = OutboundLink()
    for number, (sent_s, round_trip_s) in enumerate([(0.0, 0.1), (1.0, 0.18)], 1):
        link.sent(number, b"frame", sent_s)
        link.acknowledged(number, sent_s + round_trip_s)
    assert link.round_trip_s == pytest.approx(0.11)
    assert link.queueing_s == pytest.approx(0.01)


def test_the_transit_is_half_the_least_round_trip_and_what_lies_before() -> None:
    link = OutboundLink()
    assert link.transit_s == 0.0
    link.sent(1, bytes(100), 0.0)
    link.sent(2, bytes(200), 0.0)
    link.acknowledged(1, 0.1)
    assert link.transit_s == pytest.approx(0.05)  # no queue was seen yet
    link.acknowledged(2, 0.3)  # 1000 bytes/s
    link.sent(3, bytes(20), 1.0)
    assert link.transit_s == pytest.approx(0.07)


def test_a_number_that_was_never_sent_cannot_be_acknowledged() -> None:
    link = OutboundLink()
    link.sent(1, b"frame", 0.0)
    with pytest.raises(FrameError, match="has frame 2, but 1 is the last"):
        link.acknowledged(2, 1.0)
    with pytest.raises(FrameError, match="has frame 2, but 1 is the last"):
        link.replay(2, 1.0)


def test_frames_are_numbered_as_they_leave() -> None:
    link = OutboundLink()
    with pytest.raises(LocalProtocolError, match="frame 2 was sent after 0"):
        link.sent(2, b"frame", 0.0)


def test_a_resume_gives_what_the_peer_has_not_received_and_measures_anew() -> None:
    link = OutboundLink()
    for number in range(1, 6):
        link.sent(number, b"frame %d" % number, number / 10)
    link.acknowledged(2, 0.6)
    assert link.replay(3, 9.0) == (b"frame 4", b"frame 5")
    assert link.backlog_bytes == 14
    assert link.throughput is None
    link.acknowledged(5, 9.1)
    assert link.round_trip_s == pytest.approx(0.1)
    assert link.replay(5, 10.0) == ()


def test_a_resume_before_what_was_acknowledged_or_kept_is_impossible() -> None:
    link = OutboundLink(replay_bytes=25)
    for number in range(1, 6):
        link.sent(number, bytes(10), 0.0)
    with pytest.raises(ResumeImpossibleError, match=r"up to 2, but those before 4 are lost.*25 bytes"):
        link.replay(2, 1.0)
    assert link.replay(3, 1.0) == (bytes(10), bytes(10))
    link.acknowledged(5, 2.0)
    with pytest.raises(ResumeImpossibleError, match="up to 4, but those before 6"):
        link.replay(4, 3.0)


@given(
    st.lists(st.tuples(st.integers(1, 40), st.integers(0, 3)), max_size=60), st.integers(1, 200), st.data()
)
def test_a_replay_is_whole_or_impossible_and_never_passes_its_bound(
    steps: list[tuple[int, int]], max_bytes: int, data: st.DataObject
) -> None:
    buffer = ReplayBuffer(max_bytes)
    frames = [bytes([number % 256]) * size for number, (size, _) in enumerate(steps, 1)]
    received = 0
    for number, (frame, (_, acknowledged)) in enumerate(zip(frames, steps, strict=True), 1):
        buffer.add(number, frame)
        received = min(number, received + acknowledged)
        buffer.acknowledged(received)
        kept = buffer.after(data.draw(st.integers(number, number)))
        assert kept == ()
    after = data.draw(st.integers(received, len(frames)))
    try:
        again = buffer.after(after)
    except ResumeImpossibleError:
        assert sum(map(len, frames[after:])) > max_bytes
        return
    assert [number for number, _ in again] == list(range(after + 1, len(frames) + 1))
    assert [frame for _, frame in again] == frames[after:]
    assert sum(map(len, frames[after:])) <= max_bytes or len(again) == 1


@settings(max_examples=50)
@given(
    st.lists(st.tuples(st.sampled_from(["send", "acknowledge", "wait"]), st.integers(0, 400)), max_size=80)
)
def test_whatever_comes_the_figures_stay_sane_and_all_acknowledged_means_open(
    steps: list[tuple[str, int]],
) -> None:
    link, sizes, received, now_s = OutboundLink(), list[int](), 0, 0.0
    for step, amount in steps:
        if step == "send":
            sizes.append(amount + 1)
            link.sent(len(sizes), bytes(amount + 1), now_s)
        elif step == "acknowledge":
            received = max(received, min(len(sizes), amount))
            link.acknowledged(received, now_s)
        else:
            now_s += amount / 50
        assert link.backlog_bytes == sum(sizes[received:])
        assert math.isfinite(link.window_bytes) and link.window_bytes >= 0
        assert link.queueing_s >= 0
        assert link.may_send(now_s) == (link.room_bytes(now_s) > 0)
    link.acknowledged(len(sizes), now_s)
    assert link.backlog_bytes == 0
    assert link.may_send(now_s)


def test_the_receiver_acknowledges_every_50_ms_or_512_bytes() -> None:
    inbound = InboundLink()
    assert inbound.acknowledgement(0.0) is None
    inbound.take(1, 100, 1.0)
    assert inbound.acknowledgement(1.0) == Acknowledgement(1)  # the last one is long ago
    inbound.take(2, 100, 1.01)
    assert inbound.acknowledgement(1.01) is None
    assert inbound.acknowledge_at_s == pytest.approx(1.05)
    inbound.take(3, 100, 1.02)
    assert inbound.acknowledgement(1.06) == Acknowledgement(3)
    inbound.take(4, 500, 1.07)
    assert inbound.acknowledgement(1.07) is None
    inbound.take(5, 12, 1.08)
    assert inbound.acknowledgement(1.08) == Acknowledgement(5)
    assert inbound.acknowledge_at_s is None


def test_the_receiver_passes_over_what_a_replay_brings_again_and_says_that_it_has_it() -> None:
    inbound = InboundLink()
    assert [inbound.take(number, 9, 0.0) for number in (1, 2, 3, 2, 3, 4)] == [True] * 3 + [False] * 2 + [
        True
    ]
    assert inbound.acknowledgement(0.1) == Acknowledgement(4)
    assert not inbound.take(4, 9, 1.0)
    assert inbound.acknowledgement(1.0) == Acknowledgement(4)


def test_a_hole_is_a_fault() -> None:
    inbound = InboundLink()
    inbound.take(1, 9, 0.0)
    with pytest.raises(FrameError, match="frame 3 came after 1"):
        inbound.take(3, 9, 0.0)
