"""SIGTERM to a real process: answers end, everybody is told, nobody else comes in."""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
import sys
import time
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.typing import Subprotocol

from assistant.own_service import free_port
from transport.app import create_app
from transport.connection import Connection
from transport.events import ResponseRequested
from transport.limits import Limits
from transport.server import run
from transport.settings import SessionSettings

WORDS = 20
DRAIN_S = 2.0


async def answer_slowly(connection: Connection) -> None:
    """Answer in as many words as the client allows, 20 a second."""
    connection.protocol.open()
    await connection.flush()
    async for command in connection:
        if isinstance(command, ResponseRequested):
            connection.protocol.response_started("text")
            for _ in range(command.max_output_tokens or WORDS):
                connection.protocol.response_text("word ")
                await connection.flush()
                await asyncio.sleep(0.05)
            connection.protocol.response_finished("completed")
            await connection.flush()


def main() -> None:
    """The process under test."""
    limits = Limits(drain_s=DRAIN_S)
    app = create_app(answer_slowly, limits=limits, model="m", health=dict, default_settings=SessionSettings())
    run(app, "127.0.0.1", int(sys.argv[1]))
    print("the program went on", file=sys.stderr)


@contextlib.asynccontextmanager
async def service() -> AsyncIterator[tuple[asyncio.subprocess.Process, str]]:
    port = free_port()
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", __name__, str(port), stderr=asyncio.subprocess.PIPE
    )
    url = f"ws://127.0.0.1:{port}/v1/realtime"
    try:
        async for _ in connect(url):
            break  # it listens
        yield process, url
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def opened(url: str, *subprotocols: str) -> ClientConnection:
    client = await connect(url, subprotocols=[Subprotocol(name) for name in subprotocols] or None)
    await client.recv()
    return client


async def ask(client: ClientConnection, words: int) -> None:
    response = {"max_output_tokens": words}
    await client.send(json.dumps({"type": "response.create", "response": response}))
    while (await event(client))["type"] != "response.output_text.delta":
        pass


async def event(client: ClientConnection) -> dict[str, Any]:
    received: dict[str, Any] = json.loads(await client.recv())
    return received


async def rest(client: ClientConnection) -> tuple[list[str], int | None]:
    """The types of the events that still come, an error's code for its type, and the close code."""
    types = []
    with contextlib.suppress(ConnectionClosed):
        while True:
            received = await event(client)
            types.append(received["error"]["code"] if received["type"] == "error" else received["type"])
    return types, client.close_code


async def test_answers_in_progress_end_and_who_is_idle_or_new_is_sent_away() -> None:
    async with service() as (process, url):
        idle, ours, theirs = (
            await opened(url, "liushui.v1"),
            await opened(url, "liushui.v1"),
            await opened(url),
        )
        await ask(ours, WORDS)
        await ask(theirs, WORDS)
        process.send_signal(signal.SIGTERM)
        assert await rest(idle) == (["liushui.draining", "server_draining"], 1012)
        with pytest.raises(InvalidStatus) as refused:
            await connect(url)
        assert refused.value.response.status_code == 503
        assert b"server_draining" in (refused.value.response.body or b"")
        async with httpx.AsyncClient() as http:
            health = await http.get(url.replace("ws", "http").replace("/v1/realtime", "/healthz"))
        assert (health.status_code, health.json()["status"], health.json()["sessions"]) == (
            503,
            "draining",
            2,
        )
        for client in (ours, theirs):
            types, code = await rest(client)
            assert types.count("response.output_text.delta") == WORDS - 1
            assert types[-2:] == ["response.done", "server_draining"]
            assert code == 1012
            assert ("liushui.draining" in types) is (client is ours)
        _, errors = await asyncio.wait_for(process.communicate(), 10)
        assert b"Traceback" not in errors
        assert b"the program went on" in errors  # to close what it has open
        assert process.returncode == 0


async def test_an_answer_without_end_is_cut_when_its_time_is_over() -> None:
    async with service() as (process, url):
        client = await opened(url)
        await ask(client, 4096)
        process.send_signal(signal.SIGTERM)
        start_s = time.monotonic()
        types, code = await rest(client)
        assert types[-1] == "server_draining" and "response.done" not in types
        assert code == 1012
        assert DRAIN_S <= time.monotonic() - start_s < DRAIN_S + 2
        await asyncio.wait_for(process.wait(), 10)


async def test_ctrl_c_does_not_wait_for_answers_not_even_after_sigterm() -> None:
    async with service() as (process, url):
        client = await opened(url)
        await ask(client, 4096)
        process.send_signal(signal.SIGTERM)
        await event(client)
        start_s = time.monotonic()
        process.send_signal(signal.SIGINT)
        assert (await rest(client))[1] in (1006, 1012)
        await asyncio.wait_for(process.wait(), 10)
        assert time.monotonic() - start_s < DRAIN_S


if __name__ == "__main__":
    main()
