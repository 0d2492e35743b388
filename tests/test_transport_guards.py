"""What a peer cannot make the socket's server keep, wait for or do."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

import httpx
import pytest

from tests.test_transport_app import greet_and_listen, slot_is_free
from tests.test_transport_websocket_conformance import CONT, PING, TEXT, Peer, frame, peer
from transport.app import create_app
from transport.guards import GuardedWebSocket
from transport.limits import Limits
from transport.server import serving
from transport.settings import SessionSettings


@contextlib.asynccontextmanager
async def service(limits: Limits) -> AsyncIterator[str]:
    app = create_app(
        greet_and_listen, limits=limits, model="m", health=dict, default_settings=SessionSettings()
    )
    async with serving(app) as url:
        yield url


async def test_a_message_that_is_written_without_end_is_dropped_as_idle() -> None:
    async with service(Limits(idle_s=0.3)) as url, peer(url) as client:
        await client.send(frame(TEXT, b"{", fin=False))
        feeding = asyncio.create_task(drip(client))
        assert b"session_idle" in (await client.frame()).payload
        assert (await client.frame()).code == 1000
        feeding.cancel()
        await slot_is_free(url)


async def drip(client: Peer) -> None:
    while True:
        await client.send(frame(CONT, b" ", fin=False))
        await asyncio.sleep(0.01)


async def test_pings_alone_keep_no_session() -> None:
    async with service(Limits(idle_s=0.2)) as url, peer(url) as client:
        await client.send(*(frame(PING, bytes([n])) for n in range(3)))
        for n in range(3):
            assert (await client.frame()).payload == bytes([n])
        assert b"session_idle" in (await client.frame()).payload


async def test_pongs_for_a_peer_that_does_not_read_do_not_pile_up(monkeypatch: pytest.MonkeyPatch) -> None:
    held: list[int] = []
    all_heard = asyncio.Event()

    def watched(socket: GuardedWebSocket) -> None:
        plain(socket)
        held.append(socket.transport.get_write_buffer_size())
        if len(held) == 100_000:
            all_heard.set()

    plain = GuardedWebSocket.handle_ping
    monkeypatch.setattr(GuardedWebSocket, "handle_ping", watched)
    pings = b"".join(frame(PING, bytes(125)) for _ in range(1000))
    async with service(Limits()) as url, peer(url) as client:
        for _ in range(100):  # 13 MB: what the kernel holds for both, and a few MB more
            await client.send(pings)
        await all_heard.wait()
        assert max(held) < 400_000  # what asyncio reads at a time, and its mark for a full buffer
        while (await client.frame()).payload != bytes(125):
            pass


async def test_an_http_connection_may_ask_twice_and_is_dropped_when_it_asks_no_more() -> None:
    async with service(Limits(handshake_s=0.3)) as url:
        health = url.replace("ws", "http").replace("/v1/realtime", "/healthz")
        async with httpx.AsyncClient() as http:
            for _ in range(3):
                assert (await http.get(health)).status_code == 200
                await asyncio.sleep(0.2)
