"""A client that reads slowly or not at all, in virtual time: the real session speaks to it for minutes."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from assistant.session import Session
from tests.dialogues import room
from tests.virtual_time import run_virtually
from transport.connection import INBOX_BYTES, Connection
from transport.limits import Limits
from transport.protocol import RealtimeProtocol
from transport.settings import SessionSettings

LIMITS = Limits()
QUESTION = "tell me everything"
WORDS = 900  # nearly five minutes of speech: a client that only listens is idle after as many
REAL_TIME = 64_000  # bytes a second of speech as base64


@dataclass
class Socket:
    """A WebSocket in the server's hands, whose client reads `bytes_per_s` (0: nothing, ever)."""

    bytes_per_s: float
    from_client: asyncio.Queue[dict[str, Any]] = field(default_factory=asyncio.Queue)
    delivered: list[dict[str, Any]] = field(default_factory=list)
    close_code: int | None = None

    def send(self, **event: object) -> None:
        self.from_client.put_nowait({"type": "websocket.receive", "text": json.dumps(event)})

    async def receive(self) -> dict[str, Any]:
        return await self.from_client.get()

    async def send_text(self, text: str) -> None:
        if not self.bytes_per_s:
            await asyncio.Event().wait()
        await asyncio.sleep(len(text) / self.bytes_per_s)
        self.delivered.append(json.loads(text))

    async def close(self, code: int, reason: str) -> None:
        self.close_code = code


@dataclass
class Talk:
    socket: Socket
    connection: Connection
    most_unsent: int = 0  # bytes


def listen(bytes_per_s: float, script: Callable[[Talk], Awaitable[None]], limits: Limits = LIMITS) -> Talk:
    """Have the client ask for a five-minute answer, and follow it for as long as `script` does."""

    async def both() -> Talk:
        here = room()
        here.chat.answers[QUESTION] = " ".join(["word"] * WORDS) + "."
        socket = Socket(bytes_per_s)
        protocol = RealtimeProtocol("sess_1", "scripted", SessionSettings())
        talk = Talk(socket, Connection(socket, protocol, limits))  # type: ignore[arg-type]
        watching = asyncio.create_task(watch(talk))
        reading = asyncio.create_task(talk.connection.read())
        session = asyncio.create_task(Session(talk.connection, here.engines).run())
        content = [{"type": "input_text", "text": QUESTION}]
        item = {"type": "message", "role": "user", "content": content}
        socket.send(type="conversation.item.create", item=item)
        socket.send(type="response.create", response={"max_output_tokens": WORDS})
        await script(talk)
        socket.from_client.put_nowait({"type": "websocket.disconnect", "code": 1001})
        await asyncio.wait({session, reading})
        watching.cancel()
        session.result()
        return talk

    return run_virtually(both())


async def watch(talk: Talk) -> None:
    while True:
        talk.most_unsent = max(talk.most_unsent, talk.connection.unsent_bytes)
        await asyncio.sleep(0.05)


async def until_given_up(talk: Talk) -> None:
    async with asyncio.timeout(600):
        await talk.connection.gone


@pytest.mark.parametrize("share", [0.0, 0.02, 0.25, 0.5, 0.8])
def test_a_client_that_falls_behind_by_20_s_is_given_up_and_little_is_kept_for_it(share: float) -> None:
    took_s: list[float] = []

    async def follow(talk: Talk) -> None:
        await until_given_up(talk)
        took_s.append(asyncio.get_running_loop().time())

    talk = listen(share * REAL_TIME, follow)
    assert talk.connection.gone.result() == 1006
    assert LIMITS.ping_timeout_s <= took_s[0] < LIMITS.ping_timeout_s / (1 - share) + 5
    assert talk.most_unsent < 1.1 * REAL_TIME * LIMITS.ping_timeout_s < LIMITS.max_unsent_bytes
    assert talk.connection.unsent_bytes == 0  # nothing is kept for who is gone


def test_a_client_that_keeps_up_is_told_everything() -> None:
    async def listen_to_the_end(talk: Talk) -> None:
        await asyncio.sleep(WORDS * 0.32 + 5)
        assert talk.socket.delivered[-1]["type"] == "response.done"

    talk = listen(1.5 * REAL_TIME, listen_to_the_end)
    assert talk.most_unsent < 2 * REAL_TIME
    heard = [event for event in talk.socket.delivered if event["type"] == "response.output_audio.delta"]
    assert sum(len(event["delta"]) for event in heard) == pytest.approx(WORDS * 0.32 * REAL_TIME, rel=0.01)


def test_the_session_obeys_at_once_a_client_that_reads_nothing() -> None:
    async def cancel(talk: Talk) -> None:
        await asyncio.sleep(10)
        assert talk.connection.protocol.response_id is not None
        talk.socket.send(type="response.cancel")
        await asyncio.sleep(0.05)
        assert talk.connection.protocol.response_id is None

    listen(0, cancel)


def test_a_producer_faster_than_its_client_is_held_up_at_the_bound() -> None:
    limits = Limits(max_unsent_bytes=10_000)

    async def produce() -> None:
        protocol = RealtimeProtocol("sess_1", "m", SessionSettings())
        connection = Connection(Socket(1000), protocol, limits)  # type: ignore[arg-type]
        most = 0
        while not connection.gone.done():
            protocol.notice("liushui.count", padding="x" * 900)
            await connection.flush()
            most = max(most, connection.unsent_bytes)
        assert most <= limits.max_unsent_bytes

    async def for_a_minute() -> None:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(60):
                await produce()

    run_virtually(for_a_minute())


def test_large_messages_are_not_read_ahead_of_a_busy_session() -> None:
    async def busy() -> int:
        socket = Socket(1e9)
        protocol = RealtimeProtocol("sess_1", "m", SessionSettings())
        connection = Connection(socket, protocol, LIMITS)  # type: ignore[arg-type]
        for _ in range(10):
            socket.send(type="input_audio_buffer.append", audio="A" * (INBOX_BYTES * 3 // 5))
        reading = asyncio.create_task(connection.read())
        await asyncio.sleep(1)
        reading.cancel()
        return socket.from_client.qsize()

    assert run_virtually(busy()) == 10 - 3  # two in the inbox, one in hand


def test_a_client_that_floods_is_told_and_closed_with_1008() -> None:
    async def flood(talk: Talk) -> None:
        for _ in range(100):
            for _ in range(10):
                talk.socket.send(type="input_audio_buffer.clear")
            await asyncio.sleep(0.1)

    talk = listen(1e9, flood, Limits(messages_per_s=50, message_burst=100, flood_s=2))
    assert talk.socket.close_code == talk.connection.gone.result() == 1008
    assert talk.socket.delivered[-1]["error"]["code"] == "rate_limit_exceeded"
