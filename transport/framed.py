"""The connection of a client that takes frames: it outlives its socket, and goes on where that broke."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
from dataclasses import dataclass

from starlette.websockets import WebSocket

from transport.audio_formats import from_pcm16
from transport.connection import CLOSE_ABNORMAL, CLOSE_NORMAL, CLOSE_POLICY, Connection, delivered
from transport.errors import FrameError, OpusError, PeerTooSlowError
from transport.events import Command
from transport.frame_stream import FrameReader
from transport.frames import Acknowledgement, AudioFrame, EventsFrame
from transport.handshake import FrameAudio
from transport.key_words import KeyWords
from transport.limits import Limits
from transport.opus import OpusDecoder
from transport.outbound import Outbound
from transport.protocol import LIUSHUI_V1, RealtimeProtocol

logger = logging.getLogger(__name__)

RESUME_S = 30.0  # that a session waits for its client
CLOSE_GOING_AWAY = 1001
LEFT = frozenset({CLOSE_NORMAL, CLOSE_GOING_AWAY})  # the client meant it; anything else is a broken line


@dataclass(frozen=True, slots=True)
class LineLost(Command):
    """The client cannot be reached; it may come back."""


@dataclass(frozen=True, slots=True)
class VoiceCarried(Command):
    """Whether the link to the client is fast enough for a voice, from now on."""

    carried: bool


@dataclass(frozen=True, slots=True)
class LineRestored(Command):
    """The client is back, and has missed nothing."""


class FramedConnection(Connection):
    """As `Connection`, by binary frames; `attach` gives it another socket.

    Between two sockets `LineLost` and `LineRestored` come through the iterator, and nothing is lost in either
    direction; after RESUME_S without one the client is gone.
    """

    def __init__(
        self,
        websocket: WebSocket,
        protocol: RealtimeProtocol,
        limits: Limits,
        audio: FrameAudio,
        *,
        brotli: bool,
        key_words: KeyWords,
    ) -> None:
        super().__init__(websocket, protocol, limits)
        self.token = secrets.token_urlsafe(16)
        self._out = Outbound(audio, brotli=brotli, key_words=key_words)
        self._reader = FrameReader(most_bytes=limits.max_message_bytes)
        self._microphone = OpusDecoder()
        self._line: WebSocket | None = websocket  # None while the client cannot be reached
        self._taking = asyncio.Lock()  # frames of an old socket come before those of the next
        self._wake = asyncio.Event()
        self._pump = asyncio.create_task(self._send_frames())
        self._giving_up: asyncio.TimerHandle | None = None
        self._farewell: asyncio.Task[None] | None = None  # to a socket that was replaced
        protocol.notice("liushui.session.resumable", token=self.token, within_s=RESUME_S)

    @property
    def unsent_bytes(self) -> int:
        """What waits to be handed to the socket."""
        return self._out.waiting_bytes

    async def flush(self) -> None:
        """Let everything that the protocol has queued leave in its turn; nothing once the client is gone.

        Waits only while more than `max_unsent_bytes` wait already. Cancelling loses no event.
        """
        if self.gone.done():
            return
        try:
            for outgoing in self.protocol.outgoing():
                self._out.put(outgoing, self._clock())
        except PeerTooSlowError as error:
            logger.warning("session %s: %s", self.protocol.session_id, error)
            await self._hang_up(CLOSE_POLICY, "you read too slowly")
            return
        self._wake.set()
        await self._until(lambda: self.unsent_bytes <= self._limits.max_unsent_bytes)

    async def read(self) -> None:
        """Read the first socket until it ends."""
        await self._read_line(self._websocket)

    async def attach(self, websocket: WebSocket, received: int) -> None:
        """Accept another socket and go on by it until it ends too; `received`: the last frame the client has.

        Before that, raises `ResumeImpossibleError` or `FrameError` if the client lacks what is kept no more.
        """
        again = self._out.replay(received, self._clock())
        before = self._line
        self._wait_for_client()  # until this socket has proved itself
        if before is not None:  # it looked alive; the client knows better, and does not wait for its end
            self._farewell = asyncio.create_task(self._close_line(before, CLOSE_NORMAL, "resumed elsewhere"))
        await websocket.accept(LIUSHUI_V1)
        greeting = self._reader.greeting()
        for message in (greeting, *again):
            if not await self._deliver_on(websocket, message):
                if before is not None and self._line is None:  # no third socket is here already
                    await self._hand_on(LineLost())
                return
        self._stop_giving_up()
        self._line = websocket
        self._wake.set()
        await self._hand_on(LineRestored())
        await self._read_line(websocket)

    async def close(self, code: int, reason: str) -> None:
        """Send what is queued, then close the connection."""
        await self.flush()
        with contextlib.suppress(TimeoutError):  # what the client does not take now it never will
            async with asyncio.timeout(self._limits.ping_timeout_s):
                await self._until(lambda: not self.unsent_bytes or self._line is None)
        await self._hang_up(code, reason)

    async def _hang_up(self, code: int, reason: str) -> None:
        line = self._line
        self._lose(code)
        if line is not None:
            await self._close_line(line, code, reason)

    async def _read_line(self, line: WebSocket) -> None:
        """Read one socket until it ends; unless the client meant that, it may come back."""
        code = await self._read_from(line)
        if self._line is not line or self.gone.done():
            return
        if code in LEFT:
            self._lose(code)
        else:
            self._wait_for_client()
            await self._hand_on(LineLost())

    async def _receive(self, message: str | bytes) -> None:
        if isinstance(message, str):
            raise FrameError("a text message: a session that asked for frames sends frames alone")
        async with self._taking:
            await self._take_frame(message)

    async def _take_frame(self, data: bytes) -> None:
        frame = self._reader.take(data, self._clock())
        self._wake.set()  # there is something to acknowledge, or room for more
        match frame:
            case Acknowledgement(received):
                self._out.acknowledged(received, self._clock())
            case AudioFrame():
                await self._hear(frame)
            case EventsFrame():
                for text in self._reader.events(frame):
                    await self._hand_on(text)

    async def _hear(self, frame: AudioFrame) -> None:
        try:
            samples = self._microphone.decode(frame.payload) if frame.opus else from_pcm16(frame.payload)
        except OpusError as error:
            self.protocol.error(str(error), "invalid_audio")
            await self.flush()
            return
        await self._hand_on(samples)

    async def _send_frames(self) -> None:
        """Send what may leave, and acknowledge, for as long as there is a client."""
        carried = True
        while not self.gone.done():
            self._wake.clear()
            now_s, line = self._clock(), self._line
            message = self._next_message(now_s) if line is not None else None
            if line is None or message is None:
                await self._doze(now_s)
            elif not await self._deliver_on(line, message) and self._line is line:
                self._wait_for_client()
                await self._hand_on(LineLost())
            if self._out.carries_voice != carried:
                carried = self._out.carries_voice
                await self._hand_on(VoiceCarried(carried))
            self._moved.set()

    def _next_message(self, now_s: float) -> bytes | None:
        return self._reader.acknowledgement(now_s) or self._out.next(now_s)

    async def _doze(self, now_s: float) -> None:
        """Wait until something happens, or is due by itself."""
        due_s = [] if self._line is None else [self._out.due_s(), self._reader.due_s(now_s)]
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(min((each for each in due_s if each is not None), default=None)):
                await self._wake.wait()

    async def _deliver_on(self, line: WebSocket, message: bytes) -> bool:
        return await delivered(line.send_bytes(message), self._clock() + self._limits.ping_timeout_s)

    async def _close_line(self, line: WebSocket, code: int, reason: str) -> None:
        await delivered(line.close(code, reason), self._clock() + self._limits.ping_timeout_s)

    def _wait_for_client(self) -> None:
        """The line is down: keep everything for RESUME_S."""
        self._line = None
        self._stop_giving_up()
        loop = asyncio.get_running_loop()
        self._giving_up = loop.call_later(RESUME_S, self._lose, CLOSE_ABNORMAL)

    def _stop_giving_up(self) -> None:
        if self._giving_up is not None:
            self._giving_up.cancel()

    def _lose(self, code: int) -> None:
        super()._lose(code)
        self._line = None
        self._stop_giving_up()
        if self._pump is not asyncio.current_task():
            self._pump.cancel()
