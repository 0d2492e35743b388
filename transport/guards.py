"""uvicorn's two protocols, with the limits they lack: for who asks slowly, in crumbs, or does not listen."""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn._types import ASGISendEvent
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.protocols.utils import ClientDisconnected
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.frames import Frame

from transport.deflate import TextDeflateFactory
from transport.limits import Limits

# What a fragment of a message takes of us at least, however little is in it: a bytes object and its place.
FRAGMENT_BYTES = 64
# From our side of the closing handshake to the reset of whoever does not take part in it; uvicorn's own
# figure for those who read.
CLOSING_S = 10.0
CLOSE_TOO_BIG = 1009


def http_protocol(limits: Limits) -> type[asyncio.Protocol]:
    """Return HTTP that drops a connection which brings no whole request within `handshake_s`."""

    class PromptHttp(H11Protocol):
        _deadline: asyncio.TimerHandle | None = None

        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
            super().connection_made(transport)
            self._arm()

        def connection_lost(self, exc: Exception | None) -> None:
            self._disarm()
            super().connection_lost(exc)

        def data_received(self, data: bytes) -> None:
            super().data_received(data)
            if self.cycle is not None and not self.cycle.response_complete:
                self._disarm()

        def on_response_complete(self) -> None:
            super().on_response_complete()
            self._arm()

        def handle_websocket_upgrade(self, event: Any) -> None:
            self._disarm()
            super().handle_websocket_upgrade(event)

        def _arm(self) -> None:
            self._disarm()
            loop = asyncio.get_running_loop()
            self._deadline = loop.call_later(limits.handshake_s, self.transport.abort)

        def _disarm(self) -> None:
            if self._deadline is not None:
                self._deadline.cancel()
                self._deadline = None

    return PromptHttp


class GuardedWebSocket(WebSocketsSansIOProtocol):
    """A WebSocket that bounds what uvicorn keeps of a peer's frames and for a peer that does not read."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.conn.available_extensions = [TextDeflateFactory()]
        self._fragments_bytes = 0  # of the message in progress, each at least FRAGMENT_BYTES
        self._late_pong: bytes | None = None  # to the last ping of a peer that does not read

    def data_received(self, data: bytes) -> None:
        """Take bytes; what comes after a violation is only read."""
        if self.conn.parser_exc is None:
            super().data_received(data)

    def handle_parser_exception(self) -> None:
        """Say what was wrong, and go on reading: closing over unread bytes would reset the connection.

        A reset takes from the peer what it has not read yet, our close frame with its reason.
        """
        closing = self.conn.close_sent
        assert closing is not None
        self.queue.put_nowait(
            {"type": "websocket.disconnect", "code": closing.code, "reason": closing.reason}
        )
        self.transport.write(b"".join(self.conn.data_to_send()))
        self.close_sent = True
        self.close_timer = self.loop.call_later(CLOSING_S, self.transport.abort)
        if self.transport.can_write_eof():
            self.transport.write_eof()
        if self.read_paused:
            self.read_paused = False
            self.transport.resume_reading()

    def handle_cont(self, event: Frame) -> None:
        """Take a further fragment; empty ones would otherwise be gathered without end."""
        if self.close_sent:
            return
        if len(self.frames) == 1:  # the first one began the message
            self._fragments_bytes = 0
        self._fragments_bytes += max(len(event.data), FRAGMENT_BYTES)
        if self._fragments_bytes > self.config.ws_max_size:
            self.frames = []
            self.conn.fail(CLOSE_TOO_BIG, "too many fragments")
            self.handle_parser_exception()
            return
        super().handle_cont(event)

    def handle_ping(self) -> None:
        """Answer; while the peer does not read, only its last one, when it reads (RFC 6455 section 5.5.3)."""
        pongs = self.conn.data_to_send()  # to all the pings of one read
        if self.writable.is_set():
            self.transport.write(b"".join(pongs))
        elif pongs:
            self._late_pong = pongs[-1]

    def resume_writing(self) -> None:
        """The peer reads again."""
        super().resume_writing()
        if self._late_pong is not None and not self.transport.is_closing():
            self.transport.write(self._late_pong)
        self._late_pong = None

    async def send(self, message: ASGISendEvent) -> None:
        """Send, unless the connection has just failed: asyncio would warn of every further try."""
        await self.writable.wait()
        if self.transport.is_closing():
            raise ClientDisconnected
        await super().send(message)

    async def run_asgi(self) -> None:
        """Run the application, and do not wait for ever for what it left unsent."""
        await super().run_asgi()
        self.loop.call_later(CLOSING_S, self.transport.abort)
