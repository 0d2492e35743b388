"""The arithmetic of a bad network in a time of its own, and the proxy on real sockets for a moment."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator

import pytest

from tests.bench.shaping import SEGMENT_BYTES, Direction, Link, shaped


def arrivals(link: Link, sizes: list[int], every_s: float = 0.0) -> list[float]:
    direction = Direction(link, "seed")
    return [direction.send(size, number * every_s) for number, size in enumerate(sizes)]


def test_the_way_takes_half_a_round_trip() -> None:
    assert arrivals(Link(rtt_ms=50), [100, 100], every_s=1) == [0.025, 1.025]


def test_a_slow_link_sends_one_after_the_other_at_its_rate() -> None:
    times_s = arrivals(Link(rtt_ms=100, rate_kbps=64), [800] * 10)
    assert times_s == pytest.approx([0.05 + 0.1 * (n + 1) for n in range(10)])


def test_a_link_that_was_idle_owes_nothing() -> None:
    assert arrivals(Link(rtt_ms=0, rate_kbps=64), [800, 800], every_s=5) == pytest.approx([0.1, 5.1])


def test_the_queue_before_the_link_holds_so_many_bytes_and_then_its_sender_up() -> None:
    direction = Direction(Link(rtt_ms=50, rate_kbps=64, buffer_bytes=8000), "seed")
    for _ in range(10):
        direction.send(800, 0.0)
    assert direction.room_s(0.0) == 0
    direction.send(800, 0.0)
    assert direction.room_s(0.0) == pytest.approx(0.1)
    assert direction.room_s(0.1) == pytest.approx(0)


def test_jitter_makes_late_and_never_reorders() -> None:
    times_s = arrivals(Link(rtt_ms=50, jitter_ms=30), [100] * 500, every_s=0.01)
    late_s = [t - 0.025 - 0.01 * n for n, t in enumerate(times_s)]
    assert min(late_s) >= -1e-9 and 0.025 < max(late_s) <= 0.03 + 1e-9
    assert times_s == sorted(times_s)


def test_a_lost_segment_of_a_dense_stream_costs_about_a_round_trip_and_holds_up_the_next_ones() -> None:
    link = Link(rtt_ms=50, loss=0.02)
    times_s = arrivals(link, [SEGMENT_BYTES] * 5000, every_s=0.005)
    late_ms = [round(1000 * (t - 0.025 - 0.005 * n)) for n, t in enumerate(times_s)]
    assert late_ms.count(0) > 3500
    first = next(place for place, late in enumerate(late_ms) if late and place > 10)
    assert late_ms[first : first + 4] == [65, 60, 55, 50]  # three segments, and a round trip


def test_a_lost_segment_with_nothing_behind_it_costs_a_timeout() -> None:
    direction = Direction(Link(rtt_ms=50, loss=0.5, seed=3), "seed")
    late_ms = {round(1000 * (direction.send(100, t) - t - 0.025)) for t in range(0, 4000, 20)}
    assert {0, 200, 400, 800} <= late_ms  # none lost; the first; its retransmission too; and again


@pytest.mark.parametrize("loss", [0.0, 0.01, 0.03])
def test_so_many_are_lost_as_the_link_says_and_the_same_ones_every_time(loss: float) -> None:
    direction = Direction(Link(rtt_ms=50, loss=loss), "seed")
    for number in range(20_000):
        direction.send(100, float(number))
    assert direction.lost / 20_000 == pytest.approx(loss, rel=0.15)
    link = Link(rtt_ms=50, jitter_ms=5, loss=loss)
    assert arrivals(link, [100] * 100) == arrivals(link, [100] * 100)


@pytest.mark.parametrize("wrong", [{"rtt_ms": -1}, {"rtt_ms": 1, "loss": 0.9}, {"rtt_ms": 1, "rate_kbps": 0}])
def test_what_is_no_link_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=next(reversed(wrong))):
        Link(**wrong)  # type: ignore[arg-type]


@contextlib.asynccontextmanager
async def echo_server() -> AsyncIterator[int]:
    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            while data := await reader.read(4096):
                writer.write(data)
        writer.close()

    async with await asyncio.start_server(echo, "127.0.0.1", 0) as server:
        yield server.sockets[0].getsockname()[1]


async def exchange(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, data: bytes) -> float:
    """Return the seconds that `data` takes there and back."""
    start_s = time.monotonic()
    writer.write(data)
    assert await reader.readexactly(len(data)) == data
    return time.monotonic() - start_s


async def test_a_round_trip_through_the_proxy_takes_the_links_time_and_brings_every_byte() -> None:
    async with echo_server() as far, shaped("127.0.0.1", far, Link(rtt_ms=40, loss=0.03, seed=1)) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        took_s = [await exchange(reader, writer, b"ping") for _ in range(5)]
        assert 0.04 <= min(took_s) < 0.08
        data = bytes(range(256)) * 400
        writer.write(data)
        writer.write_eof()
        assert await reader.read() == data
        writer.close()


async def test_a_slow_link_takes_the_time_of_its_rate() -> None:
    async with echo_server() as far, shaped("127.0.0.1", far, Link(rtt_ms=0, rate_kbps=800)) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        took_s = [await exchange(reader, writer, bytes(20_000)) for _ in range(3)]
        assert 0.2 <= min(took_s) < 0.4
        writer.close()


async def test_a_cut_drops_both_ends_and_the_next_connection_works() -> None:
    async with echo_server() as far:
        proxy = shaped("127.0.0.1", far, Link(rtt_ms=10))
        async with proxy as port:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(b"a")
            await reader.readexactly(1)
            proxy.cut()
            with contextlib.suppress(ConnectionResetError):
                assert await reader.read() == b""
            reader, again = await asyncio.open_connection("127.0.0.1", port)
            again.write(b"b")
            assert await reader.readexactly(1) == b"b"
            writer.close()
            again.close()
