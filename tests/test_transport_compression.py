from __future__ import annotations

import contextlib
import json
import random
import resource
from itertools import pairwise

import brotli
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.wire_events import consultation
from transport.compression import (
    COSTS,
    HOLD_S,
    MOST_COST_S,
    RETRY_S,
    WINDOW_BITS,
    CompressionChooser,
    Compressor,
    Decompressor,
    LinkState,
)
from transport.errors import CompressionError
from transport.settings import Modality

LIMIT = 65_536
MODALITIES: tuple[Modality, ...] = ("text", "audio")
SLOW = LinkState(0.2, 2_000.0)
FAST = LinkState(0.0002, 1e9)


@pytest.mark.parametrize("modality", MODALITIES)
def test_every_message_can_be_read_as_soon_as_it_is_there(modality: Modality) -> None:
    out, back = Compressor(), Decompressor(LIMIT)
    for message in consultation(0, modality):
        assert back.decompress(out.compress(message)) == message


@pytest.mark.parametrize("modality", MODALITIES)
def test_our_events_shrink_to_a_quarter(modality: Modality) -> None:
    out, plain = Compressor(), consultation(1, modality)
    assert sum(len(out.compress(message)) for message in plain) < 0.25 * sum(map(len, plain))


def test_the_second_message_of_a_kind_is_far_smaller_for_the_window_is_kept() -> None:
    out = Compressor()
    event = {
        "type": "response.output_text.delta",
        "response_id": "resp_1",
        "item_id": "item_1",
        "delta": " the",
    }
    first = len(out.compress(json.dumps(event).encode()))
    second = len(out.compress(json.dumps({**event, "delta": " dose"}).encode()))
    assert second < first / 3


@given(st.lists(st.binary(max_size=2000), max_size=20))
@settings(deadline=None)
def test_any_messages_come_back_as_they_were(messages: list[bytes]) -> None:
    out, back = Compressor(), Decompressor(LIMIT)
    assert [back.decompress(out.compress(message)) for message in messages] == messages


@given(st.binary(min_size=1, max_size=500))
@settings(deadline=None)
def test_any_bytes_are_read_or_refused_with_our_own_error(data: bytes) -> None:
    with contextlib.suppress(CompressionError):
        assert len(Decompressor(LIMIT).decompress(data)) <= LIMIT


@pytest.mark.parametrize("limit", [1, 1000, 32_752, 65_536, 131_072])
def test_a_message_at_the_limit_is_read_and_one_byte_more_is_refused(limit: int) -> None:
    message = random.Random(1).randbytes(limit + 1)
    assert Decompressor(limit).decompress(Compressor().compress(message[:-1])) == message[:-1]
    with pytest.raises(CompressionError, match=f"hold more than {limit}"):
        Decompressor(limit).decompress(Compressor().compress(message))


def test_a_bomb_is_refused_before_its_memory_is_taken() -> None:
    bomb = Compressor().compress(bytes(200_000_000))
    assert len(bomb) < LIMIT
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(CompressionError, match=f"hold more than {LIMIT}"):
        Decompressor(LIMIT).decompress(bomb)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 4096  # KiB


@pytest.mark.parametrize("bits", range(10, 25))
def test_a_stream_with_a_larger_window_than_ours_is_refused_at_its_first_byte(bits: int) -> None:
    stream = brotli.Compressor(lgwin=bits)
    part = stream.process(b"hello") + stream.flush()
    if bits <= WINDOW_BITS:
        assert Decompressor(LIMIT).decompress(part) == b"hello"
    else:
        with pytest.raises(CompressionError, match=rf"2\^{bits}"):
            Decompressor(LIMIT).decompress(part)


def test_a_part_that_is_missing_is_noticed_or_changes_the_text_and_never_hangs() -> None:
    out, back = Compressor(), Decompressor(LIMIT)
    back.decompress(out.compress(b"the first message of the stream"))
    out.compress(b"the one that is lost on its way to the peer")
    lost = out.compress(b"the one that is lost on its way to the peer, and more")
    try:
        assert back.decompress(lost) != b"the one that is lost on its way to the peer, and more"
    except CompressionError as error:
        assert "in order" in str(error)


def test_a_finished_stream_is_refused() -> None:
    stream = brotli.Compressor(lgwin=WINDOW_BITS)
    with pytest.raises(CompressionError, match="finished"):
        Decompressor(LIMIT).decompress(stream.process(b"hello") + stream.finish())


def measured(chooser: CompressionChooser, cost_s: float) -> None:
    for _ in range(COSTS):
        chooser.observe(250, 50, cost_s)


def test_before_anything_is_known_only_a_local_link_goes_without() -> None:
    assert CompressionChooser().choose(LinkState(), 0.0)
    assert CompressionChooser().choose(LinkState(round_trip_s=0.05), 0.0)
    assert not CompressionChooser().choose(LinkState(round_trip_s=0.0002), 0.0)


def test_a_slow_link_compresses_and_a_fast_one_does_not() -> None:
    assert CompressionChooser().choose(SLOW, 0.0)
    assert not CompressionChooser().choose(FAST, 0.0)


def test_a_backlog_makes_it_worth_while() -> None:
    assert not CompressionChooser().choose(LinkState(0.02, 10e6), 0.0)
    assert CompressionChooser().choose(LinkState(0.02, 10e6, backlog_bytes=100_000), 0.0)


def test_compression_that_takes_too_long_stops_and_is_tried_again_later() -> None:
    chooser = CompressionChooser()
    assert chooser.choose(SLOW, 0.0)
    measured(chooser, 1.1 * MOST_COST_S)
    assert not chooser.choose(SLOW, HOLD_S)
    assert not chooser.choose(SLOW, HOLD_S + RETRY_S - 0.1)
    assert chooser.choose(SLOW, HOLD_S + RETRY_S)
    measured(chooser, 0.9 * MOST_COST_S)
    assert chooser.choose(SLOW, 100.0)
    assert chooser.cost_p95_s <= MOST_COST_S


def test_one_slow_message_in_a_hundred_changes_nothing() -> None:
    chooser = CompressionChooser()
    chooser.choose(SLOW, 0.0)
    measured(chooser, 20e-6)
    chooser.observe(250, 50, 0.05)
    assert chooser.choose(SLOW, 10.0)


@given(
    st.lists(
        st.tuples(st.floats(1e3, 1e9), st.integers(0, 10**6), st.floats(1e-6, 0.02)), min_size=2, max_size=200
    )
)
def test_a_choice_stands_for_a_while_whatever_the_link_does(steps: list[tuple[float, int, float]]) -> None:
    chooser, changed_s, last = CompressionChooser(), [], False
    for number, (throughput, backlog, cost_s) in enumerate(steps):
        now_s = 0.1 * number
        chooser.observe(250, 50, cost_s)
        chosen = chooser.choose(LinkState(0.05, throughput, backlog), now_s)
        if chosen != last:
            changed_s.append(now_s)
        last = chosen
    assert all(later - earlier >= HOLD_S - 1e-9 for earlier, later in pairwise(changed_s))
