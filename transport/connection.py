"""One client's connection, as its session sees it: commands come in, what the protocol queued goes out."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Awaitable
from dataclasses import dataclass, fields

from starlette.websockets import WebSocket, WebSocketDisconnect

from transport.events import Command
from transport.protocol import RealtimeProtocol

CLOSE_NORMAL = 1000  # RFC 6455 section 7.4.1, and for 1013 the IANA registry
CLOSE_ABNORMAL = 1006
CLOSE_FAILED = 1011
CLOSE_TRY_LATER = 1013

# Messages read ahead of the session, each at most max_message_bytes. Eight 20 ms chunks let us notice a
# vanished client while the session is busy; beyond that the socket is not read, which is back-pressure.
INBOX_MESSAGES = 8


@dataclass(frozen=True, slots=True)
class Limits:
    """What one client may take; raises `ValueError` for a limit that would let nobody in.

    `max_message_bytes`: OpenAI takes up to 15 MiB of audio in one append event.
    `max_sessions`: conversations at a time.
    `max_sessions_per_key`: of these, with one API key; a key that many users share needs all of them.
    `max_requests`: over HTTP, of each kind, that compute at a time; they take turns with conversations.
    `max_waiting_requests`: of each kind, that wait for their turn.
    `max_body_bytes`: of JSON over HTTP; a dialogue that fills any context here takes a tenth.
    `max_upload_bytes`: of a recording to transcribe, as in OpenAI's API.
    `idle_s`: a microphone sends many messages a second; who types pauses for minutes, not longer.
    `ping_interval_s`: a ping goes out this long after the last pong.
    `ping_timeout_s`: a client that leaves a ping unanswered, or what we send unread, for so long is gone;
    20 s is the default of `websockets` and uvicorn, and leaves room for a pong behind a long upload.
    """

    max_message_bytes: int = 15 * 1024 * 1024
    max_sessions: int = 8
    max_sessions_per_key: int = 8
    max_requests: int = 1
    max_waiting_requests: int = 8
    max_body_bytes: int = 1024 * 1024
    max_upload_bytes: int = 25 * 1024 * 1024
    idle_s: float = 300.0
    ping_interval_s: float = 5.0
    ping_timeout_s: float = 20.0

    def __post_init__(self) -> None:
        for limit in fields(self):
            value = getattr(self, limit.name)
            if value <= 0:
                raise ValueError(f"Limits.{limit.name} is {value}: give a number above 0")


class Connection:
    """Iterate it for the client's commands, and call `flush` after telling `protocol` what happened.

    The iterator ends at once when the client is gone: it closed, vanished or stayed idle, or the service
    shuts down. One task iterates; any task may flush.
    """

    def __init__(self, websocket: WebSocket, protocol: RealtimeProtocol, limits: Limits) -> None:
        self.protocol = protocol
        # The close code, once the client is gone.
        self.gone: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._websocket = websocket
        self._limits = limits
        self._inbox: asyncio.Queue[str | bytes | None] = asyncio.Queue(INBOX_MESSAGES)
        # What a cancelled flush left unsent. Every flush empties it, so it holds what was queued between two.
        self._outbox: deque[str] = deque()
        self._sending = asyncio.Lock()

    async def __aiter__(self) -> AsyncIterator[Command]:
        while not self.gone.done():
            message = await self._inbox.get()
            if message is None:
                return
            commands = self.protocol.receive(message)
            await self.flush()  # answers and errors that need no session
            for command in commands:
                yield command

    async def flush(self) -> None:
        """Send everything the protocol has queued, in order; does nothing once the client is gone.

        Waits while the client reads slower than we send. Cancelling loses no event: the next flush sends it.
        """
        async with self._sending:
            self._outbox.extend(self.protocol.data_to_send())
            while self._outbox and not self.gone.done():
                await self._send(self._outbox[0])
                self._outbox.popleft()
            self._outbox.clear()

    async def read(self) -> None:
        """Read the socket until the client is gone; the server runs this beside the session."""
        try:
            while not self.gone.done():
                async with asyncio.timeout(self._limits.idle_s):
                    message = await self._websocket.receive()
                if message["type"] == "websocket.disconnect":
                    self._lose(message["code"])
                    return
                text = message.get("text")
                await self._inbox.put(message["bytes"] if text is None else text)
        except TimeoutError:
            idle = f"nothing was received for {self._limits.idle_s:g} s: connect again to go on"
            self.protocol.error(idle, "session_idle")
            await self.close(CLOSE_NORMAL, "idle")
        finally:
            self._lose(CLOSE_ABNORMAL)

    async def close(self, code: int, reason: str) -> None:
        """Send what is queued, then close the connection."""
        await self.flush()
        if not self.gone.done():
            self._lose(code)
            await self._deliver(self._websocket.close(code, reason))

    async def _send(self, text: str) -> None:
        await self._deliver(self._websocket.send_text(text))

    async def _deliver(self, sending: Awaitable[None]) -> None:
        try:
            async with asyncio.timeout(self._limits.ping_timeout_s):
                await sending
        except (TimeoutError, WebSocketDisconnect, RuntimeError):
            # RuntimeError is how Starlette and uvicorn say that the connection closed under us.
            self._lose(CLOSE_ABNORMAL)

    def _lose(self, code: int) -> None:
        """Note, once, that the client is gone, and end the iterator."""
        if self.gone.done():
            return
        self.gone.set_result(code)
        while not self._inbox.empty():
            self._inbox.get_nowait()
        self._inbox.put_nowait(None)
