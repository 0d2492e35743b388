"""The service on a real socket, with scripted sessions in place of a conversation."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Sequence
from dataclasses import Field, fields
from typing import Any

import httpx
import numpy as np
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.typing import Subprotocol

from transport.app import OWN_PAGES, Serve, create_app
from transport.connection import Connection
from transport.domains import Domain
from transport.errors import AddressUnavailableError
from transport.events import AudioAppended, AudioCommitted
from transport.http2 import Certificate
from transport.http_api import HttpApi
from transport.keys import ApiKeys
from transport.limits import Limits
from transport.origins import Origins
from transport.protocol import LIUSHUI_V1
from transport.server import serving
from transport.settings import SessionSettings

OURS = [Subprotocol("realtime"), Subprotocol(LIUSHUI_V1)]


async def greet_and_listen(connection: Connection) -> None:
    """A session that only counts the audio it hears."""
    connection.protocol.open()
    await connection.flush()
    heard_ms = 0.0
    async for command in connection:
        match command:
            case AudioAppended():
                heard_ms += command.duration_ms
            case AudioCommitted():
                connection.protocol.notice("liushui.heard", milliseconds=heard_ms)
        await connection.flush()


@contextlib.asynccontextmanager
async def service(
    serve: Serve = greet_and_listen,
    *,
    api_keys: Sequence[str] = (),
    origins: Origins = OWN_PAGES,
    http_api: HttpApi | None = None,
    tls: Certificate | None = None,
    domains: Sequence[Domain] = (),
    **limits: Any,
) -> AsyncIterator[str]:
    app = create_app(
        serve,
        limits=Limits(**limits),
        model="qwen",
        health=lambda: {"asr": "whisper-base"},
        default_settings=SessionSettings(),
        keys=ApiKeys(api_keys),
        origins=origins,
        http_api=http_api,
        domains=domains,
    )
    async with serving(app, tls=tls) as url:
        yield url


async def receive(client: ClientConnection) -> dict[str, Any]:
    event: dict[str, Any] = json.loads(await client.recv())
    return event


async def close_code(client: ClientConnection) -> int:
    """What the service closed with, after whatever it still had to say."""
    with contextlib.suppress(ConnectionClosed):
        while True:
            await client.recv()
    assert client.close_code is not None
    return client.close_code


async def sessions(url: str) -> int:
    async with httpx.AsyncClient() as http:
        report = (await http.get(url.replace("ws", "http").replace("/v1/realtime", "/healthz"))).json()
    count: int = report["sessions"]
    return count


async def slot_is_free(url: str) -> None:
    async with asyncio.timeout(5):
        while await sessions(url):
            pass


def append(samples: int) -> str:
    return json.dumps(
        {"type": "input_audio_buffer.append", "audio": base64.b64encode(bytes(2 * samples)).decode()}
    )


async def test_a_client_is_greeted_heard_and_reported_on() -> None:
    async with (
        service() as url,
        connect(f"{url}?model=gpt-realtime", subprotocols=OURS) as client,
    ):
        assert client.subprotocol == "liushui.v1"
        assert (await receive(client))["session"]["model"] == "qwen"
        for _ in range(50):
            await client.send(append(480))
        await client.send('{"type": "input_audio_buffer.commit"}')
        assert (await receive(client))["milliseconds"] == 1000
        assert await sessions(url) == 1
        await client.close()
        await slot_is_free(url)


@pytest.mark.parametrize(
    ("query", "headers", "user"),
    [
        ("", {}, None),
        ("?user=", {}, None),
        ("?user=alice%20b", {}, "alice b"),
        ("?user=alice", {"OpenAI-Safety-Identifier": "a1b2"}, "a1b2"),
    ],
)
async def test_a_client_may_say_who_speaks(query: str, headers: dict[str, str], user: str | None) -> None:
    async def tell(connection: Connection) -> None:
        connection.protocol.notice("liushui.user", user=connection.protocol.user)

    async with (
        service(tell) as url,
        connect(url + query, subprotocols=OURS, additional_headers=headers) as client,
    ):
        assert (await receive(client))["user"] == user


async def test_a_client_that_knows_only_openais_events_gets_no_others() -> None:
    async def change(connection: Connection) -> None:
        connection.protocol.notice("liushui.turn.timings", v2v_ms=1)
        connection.protocol.mode_changed("text", "the voice failed")

    theirs = [Subprotocol("realtime")]
    async with service(change) as url, connect(url, subprotocols=theirs) as client:
        assert client.subprotocol == "realtime"
        assert (await receive(client))["session"]["output_modalities"] == ["text"]
        assert (await receive(client))["error"]["code"] == "mode_changed"
        assert await close_code(client) == 1000


async def test_health_reports_slots_and_what_the_service_adds() -> None:
    async with service(max_sessions=3) as url, httpx.AsyncClient() as http:
        report = await http.get(url.replace("ws", "http").replace("/v1/realtime", "/healthz"))
    assert report.json() == {
        "status": "ok", "model": "qwen", "sessions": 0, "max_sessions": 3, "asr": "whisper-base"
    }  # fmt: skip


@pytest.mark.parametrize(
    "message",
    [
        "nonsense",
        "[]",
        '{"type": "no.such.event"}',
        b"binary",
        append(1).replace("AAA=", "AAAA"),
        append(1)[:-6],
    ],
)
async def test_a_bad_message_gets_an_error_event_and_the_session_lives(message: str | bytes) -> None:
    async with service() as url, connect(url, subprotocols=OURS) as client:
        await receive(client)
        await client.send(message)
        assert (await receive(client))["type"] == "error"
        await client.send(append(4800))
        await client.send('{"type": "input_audio_buffer.commit"}')
        assert (await receive(client))["milliseconds"] == 200


async def test_a_message_over_the_limit_closes_the_connection_with_1009() -> None:
    async with service(max_message_bytes=10_000) as url, connect(url) as client:
        await receive(client)
        await client.send("x" * 20_000)
        assert await close_code(client) == 1009
        await slot_is_free(url)


async def test_an_idle_client_is_told_and_let_go() -> None:
    async with service(idle_s=0.05) as url, connect(url) as client:
        await receive(client)
        fault = (await receive(client))["error"]
        assert fault["code"] == "session_idle"
        assert "nothing was received for 0.05 s" in fault["message"]
        assert await close_code(client) == 1000
        await slot_is_free(url)


async def test_one_session_too_many_is_told_so_and_closed_with_1013() -> None:
    async with service(max_sessions=1) as url, connect(url) as first:
        await receive(first)
        async with connect(url) as second:
            fault = (await receive(second))["error"]
            assert (fault["code"], fault["type"]) == ("too_many_sessions", "server_error")
            assert await close_code(second) == 1013
        await first.close()
        await slot_is_free(url)
        async with connect(url) as third:
            assert (await receive(third))["type"] == "session.created"


async def test_a_client_that_vanishes_frees_its_slot_even_from_a_session_that_does_not_listen() -> None:
    cancelled = asyncio.Event()

    async def deaf(connection: Connection) -> None:
        connection.protocol.open()
        await connection.flush()
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()

    async with service(deaf) as url, connect(url) as client:
        await receive(client)
        client.transport.abort()
        async with asyncio.timeout(5):
            await cancelled.wait()
        await slot_is_free(url)


async def test_a_half_open_client_is_noticed_by_its_missing_pong() -> None:
    async with service(ping_interval_s=0.05, ping_timeout_s=0.05) as url:
        host, port = url.removeprefix("ws://").split("/")[0].split(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(
            b"GET /v1/realtime HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n\r\n"
        )
        assert b"101" in await reader.readline()
        await slot_is_free(url)  # this client never answers anything
        writer.close()


async def test_a_client_that_does_not_read_holds_a_flush_up_and_is_then_given_up() -> None:
    given_up = asyncio.Event()

    async def flood(connection: Connection) -> None:
        connection.protocol.response_started("audio")
        while not connection.gone.done():
            connection.protocol.response_audio(np.zeros(24_000, np.float32))
            await connection.flush()
        given_up.set()

    async with service(flood, ping_timeout_s=0.2) as url, connect(url, max_queue=1) as client:
        async with asyncio.timeout(10):
            await given_up.wait()
        client.transport.abort()


async def test_a_client_that_outpaces_the_session_is_held_back() -> None:
    go = asyncio.Event()
    heard: list[float] = []

    async def slow(connection: Connection) -> None:
        await go.wait()
        async for command in connection:
            if isinstance(command, AudioAppended):
                heard.append(command.duration_ms)

    async with service(slow, max_sessions=1) as url, connect(url, compression=None) as client:
        sending = asyncio.create_task(send_all(client, [append(24_000)] * 600))  # 10 minutes, 38 MB
        _, pending = await asyncio.wait({sending}, timeout=0.5)
        assert pending, "the whole of it was read ahead of the session"
        go.set()
        await sending
        await client.close()
        await slot_is_free(url)
    assert len(heard) >= 590  # what was read ahead is dropped when the client has gone


async def send_all(client: ClientConnection, messages: list[str]) -> None:
    for message in messages:
        await client.send(message)


async def test_a_cancelled_flush_loses_no_event() -> None:
    """Barge-in cancels a reply while it flushes; what others had queued must still arrive, in order."""

    async def interrupted(connection: Connection) -> None:
        async def reply() -> None:
            while True:
                for _ in range(100):
                    connection.protocol.notice("liushui.count", n=next(numbers), padding="x" * 1000)
                await connection.flush()

        numbers = iter(range(1_000_000))
        task = asyncio.create_task(reply())
        await asyncio.wait({task}, timeout=0.2)  # by now it waits for the client to read
        task.cancel()
        await asyncio.wait({task})
        last = next(numbers)
        connection.protocol.notice("liushui.count", n=last)
        connection.protocol.notice("liushui.end", n=last)
        await connection.flush()

    async with service(interrupted) as url, connect(url, subprotocols=OURS, max_queue=1) as client:
        counted = []
        async for message in client:
            event = json.loads(message)
            if event["type"] == "liushui.end":
                break
            counted.append(event["n"])
    assert counted == list(range(event["n"] + 1))


async def test_a_session_that_fails_tells_its_client_and_spares_the_others(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def fail(connection: Connection) -> None:
        raise RuntimeError("the decoder is out of memory")

    async with service(fail) as url, connect(url) as client:
        fault = (await receive(client))["error"]
        assert (fault["type"], fault["code"]) == ("server_error", "session_failed")
        assert await close_code(client) == 1011
        await slot_is_free(url)
    assert "out of memory" in caplog.text


async def test_shutting_down_ends_every_session_cleanly(caplog: pytest.LogCaptureFixture) -> None:
    ended: list[int] = []

    async def note_the_end(connection: Connection) -> None:
        await greet_and_listen(connection)
        ended.append(connection.gone.result())

    async with contextlib.AsyncExitStack() as stack:
        async with service(note_the_end) as url:
            clients = [await stack.enter_async_context(connect(url)) for _ in range(3)]
            for client in clients:
                await receive(client)
        assert [await close_code(client) for client in clients] == [1012] * 3
    assert ended == [1012] * 3
    assert not caplog.records


async def test_a_taken_port_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        app = create_app(
            greet_and_listen, limits=Limits(), model="m", health=dict, default_settings=SessionSettings()
        )
        with pytest.raises(AddressUnavailableError, match=f"cannot listen on 127.0.0.1:{port}"):
            async with serving(app, port=port):
                pass


@pytest.mark.parametrize("limit", fields(Limits), ids=lambda limit: limit.name)
def test_a_limit_that_lets_nobody_in_is_refused(limit: Field[Any]) -> None:
    with pytest.raises(ValueError, match=f"Limits.{limit.name} is 0"):
        Limits(**{limit.name: 0})


SERVER = """
from tests.test_transport_app import greet_and_listen
from transport.app import create_app
from transport.limits import Limits
from transport.server import run
from transport.settings import SessionSettings
settings = SessionSettings()
app = create_app(greet_and_listen, limits=Limits(), model="m", health=dict, default_settings=settings)
run(app, "127.0.0.1", {port})
"""


async def test_ctrl_c_closes_every_session_and_leaves_no_traceback() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", SERVER.format(port=port), stderr=asyncio.subprocess.PIPE, env={**os.environ}
    )
    try:
        async for client in connect(f"ws://127.0.0.1:{port}/v1/realtime"):  # until it listens
            await receive(client)
            process.send_signal(signal.SIGINT)
            assert await close_code(client) == 1012
            break
        _, errors = await asyncio.wait_for(process.communicate(), 20)
    finally:
        if process.returncode is None:
            process.kill()
    assert process.returncode == 0
    assert b"Traceback" not in errors


DOMAINS = [
    Domain(name, name.title(), SessionSettings(instructions=f"Know {name}.")) for name in ("tea", "cake")
]


@pytest.mark.parametrize(
    ("query", "instructions"),
    [("", "Know tea."), ("?domain=cake", "Know cake."), ("?domain=tea", "Know tea.")],
)
async def test_a_client_chooses_its_domain_or_gets_the_first(query: str, instructions: str) -> None:
    async with service(domains=DOMAINS) as url, connect(url + query) as client:
        assert (await receive(client))["session"]["instructions"] == instructions


async def test_an_unknown_domain_is_refused_with_those_there_are() -> None:
    async with service(domains=DOMAINS) as url:
        with pytest.raises(InvalidStatus) as refused:
            await connect(f"{url}?domain=law")
    assert refused.value.response.status_code == 404
    assert "no domain 'law' here; there are: tea, cake" in refused.value.response.body.decode()


async def test_a_secret_opens_any_domain_and_keeps_instructions_of_its_own() -> None:
    async with service(domains=DOMAINS, api_keys=["a-key-of-the-tests"]) as url, httpx.AsyncClient() as http:
        issue = url.replace("ws", "http") + "/client_secrets"
        for session, expected in (({}, "Know cake."), ({"instructions": "Be a pirate."}, "Be a pirate.")):
            body = {"session": {"type": "realtime", **session}}
            issued = (
                await http.post(issue, headers={"Authorization": "Bearer a-key-of-the-tests"}, json=body)
            ).json()
            headers = {"Authorization": f"Bearer {issued['value']}"}
            async with connect(f"{url}?domain=cake", additional_headers=headers) as client:
                assert (await receive(client))["session"]["instructions"] == expected
