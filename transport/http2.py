"""HTTP/2 over TLS by Hypercorn: requests, and WebSockets (RFC 8441), as streams of one connection.

Hypercorn's protocol on our own listener: its own way of running one tells sessions nothing of its end, and
then waits half a minute for clients that do not answer TLS's farewell.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from hypercorn.asyncio.tcp_server import TCPServer
from hypercorn.asyncio.worker_context import WorkerContext
from hypercorn.config import Config
from hypercorn.utils import wrap_app
from starlette.applications import Starlette

from transport.errors import CertificateUnusableError
from transport.limits import Limits

FAREWELL_S = 4  # for the sessions to be told; with the next, the 5 s that a service has to stop
CLOSING_S = 1  # for requests on their way, and for TLS's own farewell
HANDSHAKE_S = 10  # three round trips of a bad mobile network
MOST_STREAMS = 128  # at a time on a connection: no less than 100 is RFC 9113's advice, section 6.5.2
KEEP_ALIVE_S = 60  # for a connection without a stream: to open another takes two round trips


@dataclass(frozen=True, slots=True)
class Certificate:
    """What the service proves by who it is: PEM files."""

    certificate: Path  # and the chain up to its root
    key: Path

    def context(self) -> ssl.SSLContext:
        """The server's side of TLS. Raises CertificateUnusableError."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2  # RFC 9113 section 9.2
        context.set_alpn_protocols(["h2", "http/1.1"])
        try:
            context.load_cert_chain(self.certificate, self.key)
        except (OSError, ValueError) as error:
            raise CertificateUnusableError(
                f"{self.certificate} and {self.key} are not a PEM certificate and its key: {error}"
            ) from error
        return context


async def serve(
    app: Starlette, listener: socket.socket, context: ssl.SSLContext, limits: Limits, stop: asyncio.Event
) -> None:
    """Serve until `stop` is set; then sessions are told, and what has not ended soon after is broken off."""
    connections: dict[asyncio.Task[None], asyncio.StreamWriter] = {}
    application, config = wrap_app(cast("Any", app), 0, "asgi"), _config(limits)
    loop, worker = asyncio.get_running_loop(), WorkerContext(None)

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        connections[task] = writer
        try:
            await _Connection(application, loop, config, worker, {}, reader, writer)
        except asyncio.CancelledError:
            writer.transport.abort()  # the service stops
        finally:
            del connections[task]

    server = await asyncio.start_server(
        connected,
        sock=listener,
        ssl=context,
        ssl_handshake_timeout=HANDSHAKE_S,
        ssl_shutdown_timeout=CLOSING_S,
    )
    await stop.wait()
    server.close()
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(FAREWELL_S):
            await app.state.end()
    await worker.terminated.set()
    await _ended(connections, CLOSING_S)
    for task in connections:
        task.cancel()
    await _ended(connections, CLOSING_S)


class _Connection(TCPServer):
    """One that ends quietly whatever its client makes of TLS's farewell."""

    async def _close(self) -> None:
        try:
            await super()._close()
        except (ssl.SSLError, TimeoutError):  # the client speaks on after it, or leaves it unanswered
            self.writer.transport.abort()


async def _ended(connections: dict[asyncio.Task[None], asyncio.StreamWriter], timeout_s: float) -> None:
    if connections:
        await asyncio.wait(tuple(connections), timeout=timeout_s)


def _config(limits: Limits) -> Config:
    config = Config()
    config.websocket_max_message_size = limits.max_message_bytes
    # It sends pings and does not wait for the pongs: what ends a connection to a client that vanished is
    # TCP_USER_TIMEOUT, for a ping is then on its way to it.
    config.websocket_ping_interval = limits.ping_interval_s
    config.h2_max_concurrent_streams = MOST_STREAMS
    config.keep_alive_timeout = KEEP_ALIVE_S
    config.keep_alive_max_requests = 1_000_000  # a connection that holds a conversation is not closed for it
    config.include_server_header = False
    config.loglevel = "WARNING"
    return config
