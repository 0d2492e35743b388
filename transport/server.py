"""The application on a real socket, set for many small messages that must not wait.

Plain HTTP/1.1 is uvicorn's; with a certificate it is Hypercorn's HTTP/2, requests and WebSockets (RFC 8441)
beside each other on one connection, and HTTP/1.1 for who speaks no other.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
import ssl
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

import uvicorn
from hypercorn.asyncio.run import worker_serve
from hypercorn.config import Config, Sockets
from hypercorn.utils import wrap_app
from starlette.applications import Starlette
from uvicorn.config import LOGGING_CONFIG

from transport.errors import AddressUnavailableError
from transport.guards import GuardedWebSocket, http_protocol
from transport.limits import Limits

# Longer than a session's farewell, shorter than the 10 s for which process supervisors usually wait.
SHUTDOWN_S = 5
SIGNAL_S = 0.1  # between looks for another signal while the service drains; uvicorn looks as often
CLOSING_S = 1  # of them, for what is left after the sessions: requests on their way
MOST_STREAMS = 128  # at a time on a connection of HTTP/2, as RFC 9113 section 6.5.2 advises; each is small
KEEP_ALIVE_S = 60  # for a connection of HTTP/2 without a request: opening another takes two round trips


@dataclass(frozen=True, slots=True)
class Certificate:
    """What the service proves by who it is: PEM files."""

    certificate: Path  # and the chain up to its root
    key: Path

    def check(self) -> None:
        """Raise AddressUnavailableError for files that are no certificate and its key."""
        try:
            ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(self.certificate, self.key)
        except (OSError, ValueError) as error:
            raise AddressUnavailableError(
                f"{self.certificate} and {self.key} are not a PEM certificate and its key: {error}"
            ) from error


def run(
    app: Starlette, host: str, port: int, tls: Certificate | None = None, *, log_level: str = "info"
) -> None:
    """Serve until Ctrl-C, which ends every session, or SIGTERM, which lets answers in progress end.

    Raises `AddressUnavailableError`.
    """
    limits = _limits(app)
    with contextlib.suppress(KeyboardInterrupt), _listen(host, port, limits) as listener:
        if tls is None:
            _DrainingServer(_config(app, limits, log_level), app.state.drain).run(sockets=[listener])
        else:
            asyncio.run(_serve_tls(app, listener, tls))


@contextlib.asynccontextmanager
async def serving(
    app: Starlette, host: str = "127.0.0.1", port: int = 0, tls: Certificate | None = None
) -> AsyncIterator[str]:
    """Serve in this event loop and yield the URL of /v1/realtime; port 0 is any free one.

    Leaving ends every session. Raises `AddressUnavailableError`.
    """
    limits = _limits(app)
    listener = _listen(host, port, limits)
    # The socket listens already: who connects before the server has started waits in its backlog.
    address = f"{host}:{listener.getsockname()[1]}/v1/realtime"
    if tls is not None:
        stop = asyncio.Event()
        running = asyncio.create_task(_http2(app, listener, tls, stop))
        try:
            yield f"wss://{address}"
        finally:
            stop.set()
            await running
        return
    server = _GuestServer(_config(app, limits, "warning", log_config=None))
    running = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        yield f"ws://{address}"
    finally:
        server.should_exit = True
        await running


class _GuestServer(uvicorn.Server):
    """A server inside somebody else's program, which keeps its own signal handlers and logging."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class _DrainingServer(uvicorn.Server):
    """A server that, on SIGTERM, drains the application before it closes; a second signal ends that."""

    def __init__(self, config: uvicorn.Config, drain: Callable[[], Coroutine[None, None, None]]) -> None:
        super().__init__(config)
        self._drain = drain
        self._gently = False  # SIGTERM came, and no other signal after it

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        self._gently = sig == signal.SIGTERM and not self.should_exit
        super().handle_exit(sig, frame)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        if self._gently:
            draining = asyncio.create_task(self._drain())
            while self._gently and not draining.done():
                await asyncio.wait({draining}, timeout=SIGNAL_S)
            draining.cancel()
        await super().shutdown(sockets)


async def _serve_tls(app: Starlette, listener: socket.socket, tls: Certificate) -> None:
    drain, stop = asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, drain.set)
    loop.add_signal_handler(signal.SIGINT, stop.set)

    async def drained() -> None:
        await drain.wait()
        await app.state.drain()
        stop.set()

    draining = asyncio.create_task(drained())
    await _http2(app, listener, tls, stop)
    draining.cancel()


async def _http2(app: Starlette, listener: socket.socket, tls: Certificate, stop: asyncio.Event) -> None:
    """Serve until `stop`; then the sessions are told, which Hypercorn does not do."""

    async def stopped() -> None:
        await stop.wait()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(SHUTDOWN_S - CLOSING_S):
                await app.state.end()

    tls.check()
    sockets = Sockets(secure_sockets=[listener], insecure_sockets=[], quic_sockets=[])
    config = _http2_config(_limits(app), tls)
    application = wrap_app(app, config.wsgi_max_body_size, "asgi")
    await worker_serve(application, config, sockets=sockets, shutdown_trigger=stopped)


def _http2_config(limits: Limits, tls: Certificate) -> Config:
    config = Config()
    config.certfile, config.keyfile = str(tls.certificate), str(tls.key)
    config.websocket_max_message_size = limits.max_message_bytes
    # It sends pings and does not wait for the pongs: what ends a connection to a client that vanished is
    # TCP_USER_TIMEOUT, for a ping is then on its way to it.
    config.websocket_ping_interval = limits.ping_interval_s
    config.h2_max_concurrent_streams = MOST_STREAMS
    config.keep_alive_timeout = KEEP_ALIVE_S
    config.keep_alive_max_requests = 1_000_000  # a connection that holds a conversation is not closed for it
    config.graceful_timeout = CLOSING_S
    config.include_server_header = False
    config.accesslog = None
    config.loglevel = "WARNING"
    return config


def _limits(app: Starlette) -> Limits:
    limits: Limits = app.state.limits
    return limits


def _config(
    app: Starlette, limits: Limits, log_level: str, log_config: dict[str, Any] | None = LOGGING_CONFIG
) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        http=http_protocol(limits),
        # The `websockets` library without its deprecated legacy layer. It reads no further message before the
        # application took the last one: back-pressure. asyncio sets TCP_NODELAY on every connection.
        ws=GuardedWebSocket,
        ws_max_size=limits.max_message_bytes,
        ws_ping_interval=limits.ping_interval_s,
        ws_ping_timeout=limits.ping_timeout_s,
        ws_per_message_deflate=False,  # takes 27 % off spoken PCM for 0.2 ms a message: three encodings' time
        lifespan="off",
        access_log=False,
        log_level=log_level,
        log_config=log_config,
        timeout_graceful_shutdown=SHUTDOWN_S,
    )


def _listen(host: str, port: int, limits: Limits) -> socket.socket:
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        listener = socket.create_server((host, port), family=family)
    except OSError as error:
        raise AddressUnavailableError(
            f"cannot listen on {host}:{port} ({error}): choose another port"
        ) from error
    if hasattr(socket, "TCP_USER_TIMEOUT"):
        # Linux hands this to every accepted connection: a peer that vanished while data was on its way to it
        # holds the socket for this long, not for the quarter of an hour of TCP's own retries.
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, round(1000 * limits.ping_timeout_s))
    return listener
