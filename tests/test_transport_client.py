from __future__ import annotations

import asyncio
import base64
import json
import socket
from collections.abc import Callable
from typing import cast

import numpy as np
import pytest
from websockets.asyncio.client import ClientConnection

from tests.test_transport_app import greet_and_listen, service
from transport.client import RealtimeClient
from transport.connection import Connection
from transport.errors import ConnectionLostError, ServiceUnreachableError
from transport.events import AudioCommitted

KEY = "0123456789abcdef"


class Recorder:
    """A clock that only sleeping moves (each sleep overshoots a little), and the messages sent on it."""

    OVERSHOOT_S = 0.003

    def __init__(self) -> None:
        self.now_s = 100.0
        self.sent: list[tuple[float, int]] = []  # when, and how many samples

    def clock(self) -> float:
        return self.now_s

    async def sleep(self, seconds: float) -> None:
        self.now_s += seconds + self.OVERSHOOT_S

    async def send(self, text: str) -> None:
        self.sent.append((self.now_s, len(base64.b64decode(json.loads(text)["audio"])) // 2))

    def client(self) -> RealtimeClient:
        return RealtimeClient(cast(ClientConnection, self), self.clock, self.sleep)


@pytest.mark.parametrize(("rate_hz", "resampled"), [(24_000, 24_000), (16_000, 24_000), (44_100, 24_000)])
async def test_audio_is_fed_at_the_speed_of_speech_without_drift(rate_hz: int, resampled: int) -> None:
    wire = Recorder()
    start_s = await wire.client().feed_realtime(np.zeros(10 * rate_hz + 100, np.float32), rate_hz)
    spoken_s = start_s
    for sent_s, samples in wire.sent:
        spoken_s += samples / resampled
        assert 0 <= sent_s - spoken_s <= 2 * Recorder.OVERSHOOT_S
    assert spoken_s - start_s == pytest.approx(10 + 100 / rate_hz, abs=1e-3)


async def test_events_arrive_stamped_and_the_iterator_ends_with_the_session() -> None:
    async def one_event(connection: Connection) -> None:
        connection.protocol.open()

    ticks = iter(range(100))
    async with (
        service(one_event) as url,
        RealtimeClient.connect(url, clock=lambda: float(next(ticks))) as client,
    ):
        received = [(event.type, event.t_s) async for event in client]
    assert received == [("session.created", 0.0)]


async def test_audio_appended_is_heard_by_the_service() -> None:
    async with service() as url, RealtimeClient.connect(url) as client:
        await client.append_audio(np.zeros(4800, np.float32))
        await client.send({"type": "input_audio_buffer.commit"})
        events = aiter(client)
        assert (await anext(events)).type == "session.created"
        assert (await anext(events)).event["milliseconds"] == 200


async def test_a_service_that_fails_is_lost_not_ended() -> None:
    async def fail(connection: Connection) -> None:
        async for command in connection:
            if isinstance(command, AudioCommitted):
                raise RuntimeError("out of memory")

    async with service(fail) as url, RealtimeClient.connect(url) as client:
        await client.append_audio(np.zeros(4800, np.float32))
        await client.send({"type": "input_audio_buffer.commit"})
        with pytest.raises(ConnectionLostError, match="1011"):
            _ = [event async for event in client]
        with pytest.raises(ConnectionLostError, match=r"cannot send response\.create"):
            await client.send({"type": "response.create"})


def unused_port() -> str:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return f"ws://127.0.0.1:{free.getsockname()[1]}/v1/realtime"


@pytest.mark.parametrize("url", [unused_port, lambda: "http://127.0.0.1/", lambda: "nonsense"])
async def test_an_address_where_nobody_answers_is_named(url: Callable[[], str]) -> None:
    address = url()
    with pytest.raises(ServiceUnreachableError, match="is the service running"):
        async with RealtimeClient.connect(address):
            pass


async def test_a_key_the_service_wants_is_sent() -> None:
    async with service(api_keys=[KEY]) as url:
        with pytest.raises(ServiceUnreachableError, match="401"):
            async with RealtimeClient.connect(url):
                pass
        async with RealtimeClient.connect(url, api_key=KEY) as client:
            assert (await anext(aiter(client))).type == "session.created"


async def test_a_slow_reader_still_gets_true_arrival_times() -> None:
    arrived = asyncio.Event()
    time_s = 0.0

    def clock() -> float:
        arrived.set()
        return time_s

    async with service(greet_and_listen) as url, RealtimeClient.connect(url, clock=clock) as client:
        await arrived.wait()
        time_s = 50.0  # the reader comes back much later
        assert (await anext(aiter(client))).t_s == 0.0
