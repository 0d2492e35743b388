"""Frames over a real socket: nothing lost or doubled when it breaks, what matters first where it is slow."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from tests.bench.shaping import Link
from tests.speaking_session import CHUNK, RATE_HZ, TEXT, Speaker, events, noise, service, sound
from tests.virtual_time import run_virtually
from transport.errors import ConnectionLostError, ServiceUnreachableError
from transport.events import Command
from transport.framed import FramedConnection, LineLost, LineRestored
from transport.framed_client import FramedClient, Heard, Told
from transport.key_words import KeyWords
from transport.limits import Limits
from transport.protocol import RealtimeProtocol
from transport.settings import SessionSettings


async def until_done(client: FramedClient, received: list[Heard | Told]) -> None:
    async for each in client:
        received.append(each)
        if isinstance(each, Told) and each.event["type"] == "response.done":
            return


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


async def test_opus_keeps_its_place_in_time_whatever_its_rate() -> None:
    t_s = np.arange(2 * RATE_HZ) / RATE_HZ
    sweep = (0.3 * np.sin(2 * np.pi * (200 + 150 * t_s) * t_s)).astype(np.float32)
    speaker = Speaker(sweep)
    received: list[Heard | Told] = []
    async with service(speaker) as (url, _), FramedClient.connect(url) as client:
        await client.append_audio(sweep)
        await client.send({"type": "response.create"})
        await until_done(client, received)
    heard = sound(received)[: len(sweep)]
    middle = slice(RATE_HZ // 2, RATE_HZ * 3 // 2)
    alike = [np.corrcoef(heard[middle], np.roll(sweep, lag)[middle])[0, 1] for lag in range(-20, 21)]
    assert abs(int(np.argmax(alike)) - 20) <= 1 and max(alike) > 0.9  # less than 1 where the rate changes
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


@dataclass
class Socket:
    """A WebSocket in the server's hands, from which nothing comes."""

    broken: bool = False

    async def accept(self, subprotocol: str) -> None: ...

    async def receive(self) -> dict[str, object]:
        await asyncio.Event().wait()
        return {}

    async def send_bytes(self, data: bytes) -> None:
        if self.broken:
            raise RuntimeError("closed")

    async def close(self, code: int, reason: str) -> None: ...


def test_a_session_whose_client_changes_to_a_socket_that_fails_knows_that_it_is_away() -> None:
    async def change() -> list[Command]:
        protocol = RealtimeProtocol("sess_1", "scripted", SessionSettings(), framed=True)
        first: Any = Socket()
        connection = FramedConnection(first, protocol, Limits(), "pcm", brotli=False, key_words=KeyWords())
        told = aiter(connection)
        second: Any = Socket(broken=True)
        await connection.attach(second, 0)
        lost = await anext(told)
        third: Any = Socket()
        attached = asyncio.create_task(connection.attach(third, 0))
        restored = await anext(told)
        attached.cancel()
        await connection.close(1000, "over")
        return [lost, restored]

    assert run_virtually(change()) == [LineLost(), LineRestored()]


async def test_a_query_that_makes_no_sense_is_refused() -> None:
    async with service(Speaker(noise(0.1))) as (url, _):
        with pytest.raises(ServiceUnreachableError, match="400"):
            async with FramedClient.connect(url, audio=("mp3",)):  # type: ignore[arg-type]
                pass
        with pytest.raises(ServiceUnreachableError, match="400"):
            async with FramedClient.connect(f"{url}?audio=pcm&resume=%C3%A4.1&"):
                pass
