"""HTTP/2 with TLS on a real socket: requests and sessions beside each other on one connection."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import socket
import ssl
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
import trustme
from openai import AsyncOpenAI, DefaultAsyncHttpxClient
from websockets.asyncio.client import connect

from tests.http2 import Http2Client, Http2WebSocket
from tests.test_transport_app import append, close_code, greet_and_listen, receive, service
from tests.test_transport_http_api import HELLO, Script, until
from tests.test_transport_keys import KEY
from transport.app import create_app
from transport.client import RealtimeClient
from transport.connection import Connection
from transport.errors import CertificateUnusableError, ServiceUnreachableError
from transport.http2 import Certificate
from transport.limits import Limits
from transport.server import serving
from transport.settings import SessionSettings

COMPLETION = json.dumps({"model": "m", "messages": HELLO, "stream": True}).encode()
SPEECH = json.dumps({"model": "m", "voice": "v", "input": "Rest.", "response_format": "pcm"}).encode()
PATH = "/v1/realtime?model=m"


@dataclass(frozen=True)
class Trust:
    """A certificate, and a client's side that believes in it."""

    certificate: Certificate
    authority: trustme.CA

    def context(self) -> ssl.SSLContext:
        context = ssl.create_default_context()
        self.authority.configure_trust(context)
        return context


@pytest.fixture(scope="module")
def tls(tmp_path_factory: pytest.TempPathFactory) -> Trust:
    return trusted(tmp_path_factory.mktemp("tls"))


def trusted(folder: Path) -> Trust:
    authority = trustme.CA()
    issued = authority.issue_cert("127.0.0.1", "localhost")
    certificate, key = folder / "cert.pem", folder / "key.pem"
    certificate.write_bytes(b"".join(blob.bytes() for blob in issued.cert_chain_pems))
    key.write_bytes(issued.private_key_pem.bytes())
    return Trust(Certificate(certificate, key), authority)


async def events(socket: Http2WebSocket) -> AsyncIterator[dict[str, Any]]:
    async for message in socket:
        yield json.loads(message)


async def test_text_and_speech_are_streamed_beside_each_other_on_one_connection(tls: Trust) -> None:
    script = Script(hold=asyncio.Event())
    async with (
        service(http_api=script.api(), tls=tls.certificate) as url,
        Http2Client.connect(url, tls.context()) as client,
    ):
        text = await client.request("POST", "/v1/chat/completions", COMPLETION)
        audio = await client.request("POST", "/v1/audio/speech", SPEECH)
        assert b"Rest" in await anext(aiter(text))
        assert await anext(aiter(audio))
        assert script.running == 2  # neither is finished, both have begun
        assert script.hold is not None
        script.hold.set()
        assert b"[DONE]" in b"".join([data async for data in text])
        assert len(b"".join([data async for data in audio])) > 48_000


async def test_a_certificate_that_nobody_here_trusts_is_named_with_what_to_do(tls: Trust) -> None:
    async with service(tls=tls.certificate) as url:
        with pytest.raises(ServiceUnreachableError, match=r"certificate.*SSL_CERT_FILE"):
            async with RealtimeClient.connect(url):
                raise AssertionError("it connected")


async def test_the_openai_sdk_speaks_http_2(tls: Trust) -> None:
    http = DefaultAsyncHttpxClient(http2=True, verify=tls.context())
    async with service(http_api=Script().api(), tls=tls.certificate) as url:
        root = url.replace("wss", "https", 1).removesuffix("/realtime")
        async with AsyncOpenAI(base_url=root, api_key="none", http_client=http) as openai:
            raw = await openai.models.with_raw_response.list()
            assert raw.http_response.http_version == "HTTP/2"
            stream = await openai.chat.completions.create(model="m", messages=HELLO, stream=True)
            said = "".join([chunk.choices[0].delta.content or "" async for chunk in stream])
    assert said == "Rest, and drink water."


async def test_a_session_runs_in_a_stream_beside_a_request(tls: Trust) -> None:
    async with (
        service(http_api=Script().api(), tls=tls.certificate) as url,
        Http2Client.connect(url, tls.context()) as client,
    ):
        session = await client.websocket(PATH, ["realtime", "liushui.v1"])
        assert (session.status, session.subprotocol) == (200, "liushui.v1")
        heard = events(session)
        assert (await anext(heard))["type"] == "session.created"
        for _ in range(50):
            await session.send(append(480))
        models = await client.request("GET", "/v1/models")
        assert b"qwen" in b"".join([data async for data in models])
        await session.send('{"type": "input_audio_buffer.commit"}')
        assert (await anext(heard))["milliseconds"] == 1000
        health = await client.request("GET", "/healthz")
        assert json.loads(b"".join([data async for data in health]))["sessions"] == 1
        await session.close()
        async with asyncio.timeout(5):
            assert [event async for event in heard] == []


async def test_a_session_over_http_1_1_is_taken_too(tls: Trust) -> None:
    async with (
        service(tls=tls.certificate) as url,
        connect(url, ssl=tls.context()) as client,
    ):
        assert (await receive(client))["type"] == "session.created"


async def test_keys_and_origins_are_checked_in_streams_too(tls: Trust) -> None:
    async with (
        service(api_keys=[KEY], tls=tls.certificate) as url,
        Http2Client.connect(url, tls.context()) as client,
    ):
        assert (await client.websocket(PATH)).status == 401
        assert (await client.websocket(PATH, ["realtime", f"openai-insecure-api-key.{KEY}"])).status == 200
        own = url.replace("wss", "https", 1).removesuffix("/v1/realtime")
        for origin, code in (("https://evil.test", "origin_not_allowed"), (own, "invalid_api_key")):
            refused = await client.request("GET", "/v1/models", headers=[("origin", origin)])
            assert code.encode() in b"".join([data async for data in refused])


async def test_a_message_over_the_limit_ends_the_session_and_no_other_stream(tls: Trust) -> None:
    async with (
        service(tls=tls.certificate, max_message_bytes=10_000) as url,
        Http2Client.connect(url, tls.context()) as client,
    ):
        session = await client.websocket(PATH)
        heard = events(session)
        await anext(heard)
        await session.send("x" * 20_000)
        async with asyncio.timeout(5):
            assert [event async for event in heard] == []
        assert session.close_code == 1009
        assert (await client.request("GET", "/healthz")).headers.result()[":status"] == "200"


async def test_pings_go_out_in_a_stream(tls: Trust) -> None:
    async with (
        service(tls=tls.certificate, ping_interval_s=0.02, idle_s=0.2) as url,
        Http2Client.connect(url, tls.context()) as client,
    ):
        session = await client.websocket(PATH)
        async with asyncio.timeout(5):
            *_, last = [event async for event in events(session)]
    assert last["error"]["code"] == "session_idle"
    assert session.pings >= 2


async def test_a_reset_stream_stops_its_computation_or_its_session_alone(tls: Trust) -> None:
    script, ended = Script(hold=asyncio.Event()), asyncio.Event()

    async def note_the_end(connection: Connection) -> None:
        await greet_and_listen(connection)
        ended.set()

    async with (
        service(note_the_end, http_api=script.api(), tls=tls.certificate) as url,
        Http2Client.connect(url, tls.context()) as client,
    ):
        stream = await client.request("POST", "/v1/chat/completions", COMPLETION)
        session = await client.websocket(PATH)
        assert script.running == 1
        client.reset(stream)
        await until(lambda: script.running == 0)
        client.reset(session.stream)
        async with asyncio.timeout(5):
            await ended.wait()
        assert (await client.request("GET", "/healthz")).headers.result()[":status"] == "200"


async def test_shutting_down_tells_every_session(tls: Trust) -> None:
    async with contextlib.AsyncExitStack() as stack:  # for a client that outlives the service
        async with service(tls=tls.certificate) as url:
            client = await stack.enter_async_context(Http2Client.connect(url, tls.context()))
            session = await client.websocket(PATH)
            heard = events(session)
            await anext(heard)
        async with asyncio.timeout(5):
            assert [event async for event in heard] == []
        assert session.close_code == 1012


async def test_a_client_that_speaks_on_after_tls_farewell_leaves_no_traceback(
    tls: Trust, capfd: pytest.CaptureFixture[str]
) -> None:
    unhandled: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: unhandled.append(context))

    def speak_on(url: httpx.URL) -> bytes:
        with (
            socket.create_connection((url.host, url.port), timeout=5) as plain,
            tls.context().wrap_socket(plain, server_hostname=url.host) as client,
        ):
            client.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            answer = b"".join(iter(lambda: client.recv(65536), b""))  # to the service's close_notify
            client.sendall(b"GET /healthz HTTP/1.1\r\n\r\n")
            return answer

    async with service(tls=tls.certificate) as url:
        answer = await asyncio.to_thread(speak_on, httpx.URL(url))
        assert answer.startswith(b"HTTP/1.1 200")
    assert unhandled == []
    assert capfd.readouterr().err == ""


SERVER = """
from pathlib import Path
from tests.test_transport_app import greet_and_listen
from transport.app import create_app
from transport.limits import Limits
from transport.http2 import Certificate
from transport.server import run
from transport.settings import SessionSettings
settings = SessionSettings()
app = create_app(greet_and_listen, limits=Limits(), model="m", health=dict, default_settings=settings)
run(app, "127.0.0.1", {port}, Certificate(Path({certificate!r}), Path({key!r})))
"""


async def test_ctrl_c_closes_every_session_and_leaves_no_traceback(tls: Trust) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    files = {"certificate": str(tls.certificate.certificate), "key": str(tls.certificate.key)}
    script = SERVER.format(port=port, **files)
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", script, stderr=asyncio.subprocess.PIPE, env={**os.environ}
    )
    try:
        url = f"wss://127.0.0.1:{port}/v1/realtime"
        async for client in connect(url, ssl=tls.context()):  # until it listens
            await receive(client)
            process.send_signal(signal.SIGINT)
            assert await close_code(client) == 1012
            break
        _, errors = await asyncio.wait_for(process.communicate(), 20)
    finally:
        if process.returncode is None:
            process.kill()
    assert process.returncode == 0
    assert errors == b""


async def test_a_certificate_that_is_none_is_named(tls: Trust) -> None:
    swapped = Certificate(tls.certificate.key, tls.certificate.certificate)
    app = create_app(
        greet_and_listen, limits=Limits(), model="m", health=dict, default_settings=SessionSettings()
    )
    with pytest.raises(CertificateUnusableError, match="not a PEM certificate"):
        async with serving(app, tls=swapped):
            pass


async def test_a_plain_request_to_a_port_with_tls_gets_no_answer(tls: Trust) -> None:
    async with service(tls=tls.certificate) as url, httpx.AsyncClient() as http:
        with pytest.raises(httpx.TransportError):
            await http.get(url.replace("wss", "http", 1).replace("/v1/realtime", "/healthz"))
