"""Frames over a real socket: nothing lost or doubled when it breaks, what matters first where it is slow."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import numpy as np
import pytest

from tests.bench.shaping import Link, Shaped, shaped
from transport.app import create_app
from transport.audio_formats import Samples
from transport.connection import Connection
from transport.errors import ConnectionLostError, ServiceUnreachableError
from transport.events import AudioAppended, ResponseRequested
from transport.framed import LineLost, LineRestored
from transport.framed_client import FramedClient, Heard, Told
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
async def service(speaker: Speaker, link: Link = QUICK) -> AsyncIterator[tuple[str, Shaped]]:
    app = create_app(
        speaker.serve,
        limits=Limits(),
        model="speaker",
        health=dict,
        default_settings=SessionSettings(),
        names=("ibuprofen",),
    )
    async with serving(app) as url:
        proxy = shaped("127.0.0.1", int(url.rpartition(":")[2].partition("/")[0]), link)
        async with proxy as port:
            yield f"ws://127.0.0.1:{port}/v1/realtime", proxy


async def until_done(client: FramedClient, received: list[Heard | Told]) -> None:
    async for each in client:
        received.append(each)
        if isinstance(each, Told) and each.event["type"] == "response.done":
            return


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


def text_of(received: list[Heard | Told]) -> str:
    """The answer's text, its pieces put where they belong."""
    pieces = {
        piece["offset"]: piece["text"]
        for event in events(received, "liushui.text")
        for piece in event["pieces"]  # type: ignore[attr-defined]
    }
    return "".join(text for _, text in sorted(pieces.items()))


async def test_pcm_arrives_to_the_sample_and_the_text_piece_by_piece() -> None:
    speaker = Speaker(noise(1.0))
    async with service(speaker) as (url, _), FramedClient.connect(url, audio=("pcm",)) as client:
        received: list[Heard | Told] = []
        await client.send({"type": "response.create"})
        await until_done(client, received)
    np.testing.assert_allclose(sound(received), speaker.spoken, atol=1 / 32768)
    assert text_of(received) == TEXT
    (done,) = events(received, "response.output_audio_transcript.done")
    assert done["transcript"] == TEXT
    assert not events(received, "error")


async def test_a_line_that_breaks_twice_costs_no_sample_in_either_direction() -> None:
    speaker, said = Speaker(noise(2.0)), noise(2.0, seed=1)
    received: list[Heard | Told] = []
    async with service(speaker) as (url, proxy), FramedClient.connect(url, audio=("pcm",)) as client:
        await client.send({"type": "response.create"})
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(until_done(client, received))
            for begin in range(0, len(said), CHUNK):
                await client.append_audio(said[begin : begin + CHUNK])
                await asyncio.sleep(0.004)
                if begin // CHUNK in (20, 60):
                    proxy.cut()
        await speaker.until(lambda: sum(map(len, speaker.heard)) == len(said))
    assert client.reconnections == 2
    np.testing.assert_allclose(sound(received), speaker.spoken, atol=1 / 32768)
    np.testing.assert_allclose(np.concatenate(speaker.heard), said, atol=1 / 32768)
    assert [len(events(received, kind)) for kind in ("response.created", "response.done")] == [1, 1]
    assert text_of(received) == TEXT


async def test_opus_is_a_tenth_of_pcm_and_keeps_its_place_in_time() -> None:
    tone = (0.3 * np.sin(2 * np.pi * 300 * np.arange(2 * RATE_HZ) / RATE_HZ)).astype(np.float32)
    speaker = Speaker(tone)
    received: list[Heard | Told] = []
    async with service(speaker) as (url, _), FramedClient.connect(url) as client:
        await client.append_audio(tone)
        await client.send({"type": "response.create"})
        await until_done(client, received)
    heard = sound(received)[: len(tone)]
    assert np.corrcoef(heard[RATE_HZ // 2 :], tone[RATE_HZ // 2 :])[0, 1] > 0.99
    overheard = np.concatenate(speaker.heard)
    assert np.abs(overheard).max() > 0.2


async def test_key_words_are_on_screen_before_the_others_on_a_slow_link() -> None:
    speaker = Speaker(noise(1.0))
    received: list[Heard | Told] = []
    slow = Link(rtt_ms=50, rate_kbps=16, seed=1)
    async with service(speaker, slow) as (url, _), FramedClient.connect(url) as client:
        await client.send({"type": "response.create"})
        await until_done(client, received)
    arrived = [
        "".join(piece["text"] for piece in event["pieces"])  # type: ignore[attr-defined]
        for event in events(received, "liushui.text")
    ]
    (key,) = [i for i, text in enumerate(arrived) if "ibuprofen, 400 mg" in text]
    assert all(key < i for i, text in enumerate(arrived) if "each, " in text)
    assert text_of(received) == TEXT


async def test_a_session_nobody_comes_back_to_is_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("transport.framed.RESUME_S", 0.1)
    speaker = Speaker(noise(0.1))
    async with service(speaker) as (url, proxy):
        with pytest.raises(ConnectionLostError):
            async with FramedClient.connect(url) as client:
                async for each in client:
                    if isinstance(each, Told) and each.event["type"] == "liushui.session.resumable":
                        client._within_s = 0.0
                        proxy.cut()
        await speaker.until(lambda: speaker.over)
        assert speaker.cuts == 1
        with pytest.raises(ServiceUnreachableError, match="404"):
            async with FramedClient.connect(f"{url}?audio=pcm&resume={client._token}.1&"):
                pass


async def test_a_query_that_makes_no_sense_is_refused() -> None:
    async with service(Speaker(noise(0.1))) as (url, _):
        with pytest.raises(ServiceUnreachableError, match="400"):
            async with FramedClient.connect(url, audio=("mp3",)):  # type: ignore[arg-type]
                pass
