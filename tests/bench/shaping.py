"""A bad network between two ends of a TCP connection: delay, jitter, a rate, losses, and a cut. Seeded.

    async with shaped("127.0.0.1", port, Link(rtt_ms=50, rate_kbps=64, loss=0.01, seed=1)) as shaped_port: ...

A proxy for whole connections: what is lost comes late, as TCP has it, and holds up what is behind it. It does
not model that TCP also sends less after a loss; `rate_kbps` is what is left of the link.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

SEGMENT_BYTES = 1448  # of an Ethernet frame, without the headers of IP and TCP with timestamps
MIN_RTO_S = 0.2  # Linux's least retransmission timeout (TCP_RTO_MIN)
DUPLICATE_ACKS = 3  # segments behind a lost one that prove it lost (RFC 5681 section 3.2)
WINDOW_BYTES = 1 << 20  # in flight on a link without a rate


@dataclass(frozen=True, slots=True)
class Link:
    """A network path, the same in both directions; raises `ValueError` for what is none.

    `jitter_ms`: each segment takes up to so much longer one way. `rate_kbps`: 1000 bits a second; None: as
    fast as it comes. `loss`: of segments. `buffer_bytes`: queued before the slow link; then the sender waits.
    """

    rtt_ms: float
    jitter_ms: float = 0.0
    rate_kbps: float | None = None
    loss: float = 0.0
    buffer_bytes: int = 64 * 1024
    seed: int = 0

    def __post_init__(self) -> None:
        if min(self.rtt_ms, self.jitter_ms) < 0 or not 0 <= self.loss <= 0.5 or self.buffer_bytes <= 0:
            raise ValueError(f"{self} is no link: times from 0, loss 0 to 0.5, a buffer above 0")
        if self.rate_kbps is not None and self.rate_kbps <= 0:
            raise ValueError(f"rate_kbps is {self.rate_kbps}: give a number above 0, or None")


class Direction:
    """When what is sent one way arrives. It has no clock."""

    def __init__(self, link: Link, seed: str) -> None:
        self._link = link
        self._random = random.Random(seed)
        self._rtt_s = link.rtt_ms / 1000
        # RFC 6298 for a path that was measured for long: the mean round trip and four times its variation.
        self._rto_s = max(MIN_RTO_S, self._rtt_s + 4 * link.jitter_ms / 1000)
        self._idle_s = 0.0  # when the link will have sent what it has
        self._arrived_s = 0.0  # when the last of it arrives
        self._recent: deque[float] = deque(maxlen=DUPLICATE_ACKS)  # when the last segments were sent
        self.lost = 0  # segments

    def send(self, size_bytes: int, now_s: float) -> float:
        """Take a segment and return when it arrives: never before what was sent earlier."""
        rate = self._link.rate_kbps
        takes_s = size_bytes * 8 / (rate * 1000) if rate else 0.0
        self._idle_s = max(self._idle_s, now_s) + takes_s
        way_s = self._rtt_s / 2 + self._random.uniform(0, self._link.jitter_ms / 1000)
        arrives_s = self._idle_s + way_s + self._recovery_s(now_s)
        self._recent.append(now_s)
        self._arrived_s = max(self._arrived_s, arrives_s)
        return self._arrived_s

    def room_s(self, now_s: float) -> float:
        """Seconds until the queue before the link has room again, 0 if it has some."""
        if self._link.rate_kbps is None:
            return 0.0
        full_s = self._link.buffer_bytes * 8 / (self._link.rate_kbps * 1000)
        return max(0.0, self._idle_s - now_s - full_s)

    def _recovery_s(self, now_s: float) -> float:
        """How much later a segment comes for having been lost: by duplicate acknowledgements, or a timeout.

        In a dense stream the ones behind it prove the loss about a round trip later. A retransmission can be
        lost too; then only the timeout helps, which doubles.
        """
        if self._random.random() >= self._link.loss:
            return 0.0
        self.lost += 1
        dense = len(self._recent) == DUPLICATE_ACKS and now_s - self._recent[0] < self._rto_s
        late_s = self._rtt_s + now_s - self._recent[0] if dense else self._rto_s
        timeout_s = self._rto_s
        while self._random.random() < self._link.loss:
            self.lost += 1
            late_s += timeout_s
            timeout_s *= 2
        return late_s


def shaped(host: str, port: int, link: Link) -> Shaped:
    """Return a proxy to host:port over `link`; entering it gives the port to connect to instead."""
    return Shaped(host, port, link)


class Shaped:
    """The proxy. Every connection has the link to itself, with losses of its own."""

    def __init__(self, host: str, port: int, link: Link) -> None:
        self.down = False  # no connection can be opened
        self._to = host, port
        self.link = link  # of connections that are opened from now on
        self._writers: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._connections = 0
        self._server: asyncio.Server | None = None

    async def __aenter__(self) -> int:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        self.cut()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def cut(self) -> None:
        """Drop every connection now, with what is on its way; new ones may be opened."""
        for writer in self._writers:
            writer.transport.abort()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.down:
            writer.transport.abort()
            return
        self._connections += 1
        task = asyncio.create_task(self._connect(reader, writer, f"{self.link.seed}:{self._connections}"))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, seed: str) -> None:
        self._writers.add(writer)
        far_reader, far_writer = await asyncio.open_connection(*self._to)
        self._writers.add(far_writer)
        there, back = (Direction(self.link, f"{seed}:{way}") for way in ("there", "back"))
        try:
            async with asyncio.TaskGroup() as both:
                both.create_task(_carry(reader, far_writer, self.link, there))
                both.create_task(_carry(far_reader, writer, self.link, back))
        except* ConnectionError:
            pass  # one end is gone, and so is the other
        finally:
            for end in (writer, far_writer):
                end.transport.abort()
            self._writers -= {writer, far_writer}


async def _carry(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, link: Link, direction: Direction
) -> None:
    """Take one direction's bytes until its sender has no more, and hand each on when it has arrived."""
    clock = asyncio.get_running_loop().time
    per_window = -(-max(WINDOW_BYTES, link.buffer_bytes) // SEGMENT_BYTES)
    way: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(per_window)

    async def take() -> None:
        while True:
            await asyncio.sleep(direction.room_s(clock()))
            segment = await reader.read(SEGMENT_BYTES)
            await way.put((direction.send(len(segment), clock()), segment))
            if not segment:
                return

    async with asyncio.TaskGroup() as both:
        both.create_task(take())
        both.create_task(_hand_on(way, writer, clock))


async def _hand_on(
    way: asyncio.Queue[tuple[float, bytes]], writer: asyncio.StreamWriter, clock: Callable[[], float]
) -> None:
    while True:
        arrives_s, segment = await way.get()
        await asyncio.sleep(arrives_s - clock())
        if not segment:
            with contextlib.suppress(OSError):
                writer.write_eof()
            return
        writer.write(segment)
        await writer.drain()
