"""The application on a real socket, set for many small messages that must not wait.

Plain HTTP/1.1 is uvicorn's. With a certificate it is Hypercorn's HTTP/2, and HTTP/1.1 for who speaks no
other.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
import ssl
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from types import FrameType
from typing import Any

import uvicorn
from starlette.applications import Starlette
from uvicorn.config import LOGGING_CONFIG

from transport import http2
from transport.errors import AddressUnavailableError
from transport.guards import GuardedWebSocket, http_protocol
from transport.http2 import Certificate
from transport.limits import Limits

# Longer than a session's farewell, shorter than the 10 s for which process supervisors usually wait.
SHUTDOWN_S = 5
SIGNAL_S = 0.1  # between looks for another signal while the service drains; uvicorn looks as often


def run(
    app: Starlette,
    host: str,
    port: int,
    tls: Certificate | None = None,
    *,
    log_level: str = "info",
    own_logs: bool = True,
) -> None:
    """Serve until Ctrl-C, which ends every session, or SIGTERM, which lets answers in progress end.

    `own_logs`: the server writes its logs itself; else they go the way of the program's own.
    Raises `AddressUnavailableError`, `CertificateUnusableError`.
    """
    limits = _limits(app)
    context = tls.context() if tls else None
    with _until_told(), _listen(host, port, limits) as listener:
        if context is None:
            config = _config(app, limits, log_level, LOGGING_CONFIG if own_logs else None)
            _DrainingServer(config, app.state.drain).run(sockets=[listener])
        else:
            asyncio.run(_run_http2(app, listener, context))


@contextlib.asynccontextmanager
async def serving(
    app: Starlette, host: str = "127.0.0.1", port: int = 0, tls: Certificate | None = None
) -> AsyncIterator[str]:
    """Serve in this event loop and yield the URL of /v1/realtime; port 0 is any free one.

    Leaving ends every session. Raises `AddressUnavailableError`, `CertificateUnusableError`.
    """
    limits = _limits(app)
    context = tls.context() if tls else None
    listener = _listen(host, port, limits)
    # The socket listens already: who connects before the server has started waits in its backlog.
    address = f"{host}:{listener.getsockname()[1]}/v1/realtime"
    if context is not None:
        stop = asyncio.Event()
        running = asyncio.create_task(http2.serve(app, listener, context, limits, stop))
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


class _ToldToEnd(Exception):
    """SIGTERM came."""


@contextlib.contextmanager
def _until_told() -> Iterator[None]:
    """Go on after Ctrl-C and SIGTERM: uvicorn raises them anew when it is done, and the program is not."""

    def end(sig: int, frame: FrameType | None) -> None:
        raise _ToldToEnd

    before = signal.signal(signal.SIGTERM, end)
    try:
        with contextlib.suppress(KeyboardInterrupt, _ToldToEnd):
            yield
    finally:
        signal.signal(signal.SIGTERM, before)


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


async def _run_http2(app: Starlette, listener: socket.socket, context: ssl.SSLContext) -> None:
    drain, stop = asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, drain.set)
    loop.add_signal_handler(signal.SIGINT, stop.set)

    async def drained() -> None:
        await drain.wait()
        await app.state.drain()
        stop.set()

    draining = asyncio.create_task(drained())
    await http2.serve(app, listener, context, _limits(app), stop)
    draining.cancel()


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
        ws_per_message_deflate=False,  # `GuardedWebSocket` has its own
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
