"""A session that speaks and listens over frames, for tests and benches: what it hears and says is known."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import numpy as np
from starlette.routing import BaseRoute

from tests.bench.shaping import Link, Shaped, shaped
from transport.app import create_app
from transport.audio_formats import Samples
from transport.connection import Connection
from transport.events import AudioAppended, ResponseRequested
from transport.framed import LineLost, LineRestored
from transport.framed_client import Heard, Told
from transport.limits import Limits
from transport.server import serving
from transport.settings import SessionSettings

RATE_HZ = 24_000
CHUNK = RATE_HZ // 50
TEXT = "Take two tablets of ibuprofen, 400 mg each, but not with the other one. "
QUICK = Link(rtt_ms=20, rate_kbps=2_000, seed=1)


@dataclass
class Speaker:
    """A session that speaks when it is asked to, in real time, and keeps what it hears."""

    spoken: Samples
    heard: list[Samples] = field(default_factory=list)
    cuts: int = 0
    over: bool = False
    there: asyncio.Event = field(default_factory=asyncio.Event)
    news: asyncio.Event = field(default_factory=asyncio.Event)

    async def until(self, true: Callable[[], bool]) -> None:
        """Wait for what the session is told."""
        while not true():
            self.news.clear()
            await self.news.wait()

    async def serve(self, connection: Connection) -> None:
        connection.protocol.open()
        await connection.flush()
        self.there.set()
        async with asyncio.TaskGroup() as tasks:
            async for command in connection:
                self.news.set()
                match command:
                    case AudioAppended():
                        self.heard.append(command.samples)
                    case ResponseRequested():
                        tasks.create_task(self.speak(connection))
                    case LineLost():
                        self.cuts += 1
                        self.there.clear()
                    case LineRestored():
                        self.there.set()
        self.over = True
        self.news.set()

    async def speak(self, connection: Connection) -> None:
        wire = connection.protocol
        wire.response_started("audio")
        wire.response_text(TEXT)
        for begin in range(0, len(self.spoken), CHUNK):
            await self.there.wait()
            wire.response_audio(self.spoken[begin : begin + CHUNK])
            await connection.flush()
            await asyncio.sleep(0.005)
        wire.response_finished("completed")
        await connection.flush()


@asynccontextmanager
async def service(
    speaker: Speaker, link: Link = QUICK, further: Sequence[BaseRoute] = ()
) -> AsyncIterator[tuple[str, Shaped]]:
    app = create_app(
        speaker.serve,
        limits=Limits(),
        model="speaker",
        health=dict,
        default_settings=SessionSettings(),
        names=("ibuprofen",),
    )
    app.router.routes += further
    async with serving(app) as url:
        proxy = shaped("127.0.0.1", int(url.rpartition(":")[2].partition("/")[0]), link)
        async with proxy as port:
            yield f"ws://127.0.0.1:{port}/v1/realtime", proxy


def events(received: list[Heard | Told], kind: str) -> list[dict[str, object]]:
    return [each.event for each in received if isinstance(each, Told) and each.event["type"] == kind]


def sound(received: list[Heard | Told]) -> Samples:
    """All that was heard, on its line of media time, from where the answer began."""
    (started,) = events(received, "liushui.audio.started")
    parts = [each for each in received if isinstance(each, Heard)]
    begin = started["media_time"]
    assert isinstance(begin, int)
    whole = np.zeros(max(part.media_time - begin + len(part.samples) for part in parts), np.float32)
    for part in parts:
        at = part.media_time - begin
        skipped = max(0, -at)
        whole[at + skipped : at + len(part.samples)] = part.samples[skipped:]
    return whole


def noise(seconds: float, seed: int = 0) -> Samples:
    return np.random.default_rng(seed).uniform(-0.5, 0.5, round(seconds * RATE_HZ)).astype(np.float32)
