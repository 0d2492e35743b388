"""One client's connection, as its session sees it: commands come in, what the protocol queued goes out."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import numpy as np
from starlette.websockets import WebSocket, WebSocketDisconnect

from transport.audio_formats import Samples
from transport.errors import CompressionError, FloodingError, FrameError
from transport.events import Command
from transport.intake import Intake
from transport.limits import Limits
from transport.outbox import Outbox
from transport.protocol import RealtimeProtocol

CLOSE_NORMAL = 1000  # RFC 6455 section 7.4.1, and for 1012 and 1013 the IANA registry
CLOSE_ABNORMAL = 1006
CLOSE_POLICY = 1008
CLOSE_FAILED = 1011
CLOSE_RESTART = 1012
CLOSE_TRY_LATER = 1013
RESTARTING = "the service is restarting: connect again in a moment"

# Read ahead of the session: eight 20 ms chunks let us notice a vanished client while the session is busy;
# beyond that, or behind a message of so many bytes, the socket is not read, which is back-pressure.
INBOX_MESSAGES = 8
INBOX_BYTES = 1024 * 1024
# What waits for the session: a client's message, or of one that takes frames also audio, or news of its line.
Message = str | bytes | Samples | Command


class Connection:
    """Iterate it for the client's commands, and call `flush` after telling `protocol` what happened.

    The iterator ends at once when the client is gone: it closed, vanished, stayed idle, flooded us or did not
    read, or the service shuts down. One task iterates; any task may flush.
    """

    def __init__(self, websocket: WebSocket, protocol: RealtimeProtocol, limits: Limits) -> None:
        loop = asyncio.get_running_loop()
        self.protocol = protocol
        # The close code, once the client is gone.
        self.gone: asyncio.Future[int] = loop.create_future()
        self._websocket = websocket
        self._limits = limits
        self._clock = loop.time
        self._intake = Intake(limits, self._clock())
        self._inbox: asyncio.Queue[Message | None] = asyncio.Queue(INBOX_MESSAGES)
        self._inbox_bytes = 0
        self._outbox = Outbox()
        self._sending: asyncio.Task[None] | None = None  # while the outbox holds something
        self._moved = asyncio.Event()  # set whenever a queue changed, or the client is gone

    async def __aiter__(self) -> AsyncIterator[Command]:
        while not self.gone.done():
            message = await self._inbox.get()
            if message is None:
                return
            self._inbox_bytes -= _size(message)
            self._moved.set()
            commands = self._understood(message)
            await self.flush()  # answers and errors that need no session
            for command in commands:
                yield command

    def _understood(self, message: Message) -> list[Command]:
        """Return what a message asks of the session; one that came as a command or audio is no text."""
        if isinstance(message, Command):
            return [message]
        if isinstance(message, np.ndarray):
            return self.protocol.receive_audio(message)
        return self.protocol.receive(message)

    @property
    def unsent_bytes(self) -> int:
        """What waits to be handed to the socket."""
        return self._outbox.size_bytes

    async def flush(self) -> None:
        """Have everything sent that the protocol has queued, in order; nothing once the client is gone.

        Waits only while more than `max_unsent_bytes` wait already. Cancelling loses no event.
        """
        if not self.gone.done():
            self._outbox.put(self.protocol.data_to_send(), self._clock())
            if self._outbox and self._sending is None:
                self._sending = asyncio.create_task(self._send())
            self._moved.set()
            await self._until(lambda: self._outbox.size_bytes <= self._limits.max_unsent_bytes)

    async def read(self) -> None:
        """Read the socket until the client is gone; the server runs this beside the session."""
        code = CLOSE_ABNORMAL
        try:
            code = await self._read_from(self._websocket)
        finally:
            self._lose(code)

    async def _read_from(self, websocket: WebSocket) -> int:
        """Read a socket until it ends, or we end it; returns the client's close code."""
        try:
            while not self.gone.done():
                async with asyncio.timeout(self._limits.idle_s):
                    message = await websocket.receive()
                if message["type"] == "websocket.disconnect":
                    return int(message["code"])
                text = message.get("text")
                await self._take(message["bytes"] if text is None else text)
        except TimeoutError:
            idle = f"nothing was received for {self._limits.idle_s:g} s: connect again to go on"
            self.protocol.error(idle, "session_idle")
            await self.close(CLOSE_NORMAL, "idle")
        except FloodingError as flooding:
            self.protocol.error(str(flooding), "rate_limit_exceeded")
            await self.close(CLOSE_POLICY, "too many messages")
        except (FrameError, CompressionError) as error:
            self.protocol.error(str(error), "invalid_frame")
            await self.close(CLOSE_POLICY, "invalid frame")
        return CLOSE_ABNORMAL

    async def drain(self) -> None:
        """End the connection before the service does: at once, or when the answer in progress has ended.

        An answer that takes longer than `drain_s` is cut.
        """
        if self.protocol.extended:
            self.protocol.notice("liushui.draining", within_s=self._limits.drain_s)
        try:
            async with asyncio.timeout(self._limits.drain_s):
                await self.flush()
                await self._until(lambda: self.protocol.response_id is None)
        except TimeoutError:
            pass  # it had its time
        self.protocol.error(RESTARTING, "server_draining", server_fault=True)
        await self.close(CLOSE_RESTART, "restarting")

    async def close(self, code: int, reason: str) -> None:
        """Send what is queued, then close the connection."""
        await self.flush()
        await self._until(lambda: not self._outbox)
        if not self.gone.done():
            self._lose(code)
            await self._deliver(self._websocket.close(code, reason), self._clock())

    async def _take(self, message: str | bytes) -> None:
        """Hand a message on, no faster than this client may send."""
        wait_s = self._intake.wait_s(len(message), self._clock())
        await self._receive(message)
        if wait_s:
            await asyncio.wait({self.gone}, timeout=wait_s)

    async def _receive(self, message: str | bytes) -> None:
        await self._hand_on(message)

    async def _hand_on(self, message: Message) -> None:
        await self._until(lambda: self._inbox_bytes < INBOX_BYTES)
        self._inbox_bytes += _size(message)
        await self._inbox.put(message)

    async def _until(self, true: Callable[[], bool]) -> None:
        """Wait until something is true, or the client is gone."""
        while not (true() or self.gone.done()):
            self._moved.clear()
            await self._moved.wait()

    async def _send(self) -> None:
        """Send until nothing waits."""
        try:
            while self._outbox and not self.gone.done():
                message, since_s = self._outbox.oldest
                if await self._deliver(self._websocket.send_text(message), since_s):
                    self._outbox.sent()
                self._moved.set()
        finally:
            self._sending = None

    async def _deliver(self, sending: Awaitable[None], since_s: float) -> bool:
        """Wait for the socket to take what waits since then; a client for which that is too long is gone."""
        if await delivered(sending, since_s + self._limits.ping_timeout_s):
            return True
        self._lose(CLOSE_ABNORMAL)
        return False

    def _lose(self, code: int) -> None:
        """Note, once, that the client is gone, and end the iterator."""
        if self.gone.done():
            return
        self.gone.set_result(code)
        self._outbox.clear()
        self._moved.set()
        if self._sending is not None and self._sending is not asyncio.current_task():
            self._sending.cancel()
        while not self._inbox.empty():
            self._inbox.get_nowait()
        self._inbox.put_nowait(None)


async def delivered(sending: Awaitable[None], until_s: float) -> bool:
    """Wait for a socket to take something; False when it has not by then, or is closed."""
    try:
        async with asyncio.timeout_at(until_s):
            await sending
    except (TimeoutError, WebSocketDisconnect, RuntimeError):
        # RuntimeError is how Starlette and uvicorn say that the connection closed under us.
        return False
    return True


def _size(message: Message) -> int:
    if isinstance(message, np.ndarray):
        return message.nbytes
    return 0 if isinstance(message, Command) else len(message)
