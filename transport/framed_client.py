"""A client that takes frames: the other end of `transport.framed`, and an example for other languages."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections import deque
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed, InvalidHandshake

from transport.audio_formats import Samples, from_pcm16, to_pcm16
from transport.client import INBOX_EVENTS, MAX_EVENT_BYTES, as_spoken, dial, refused_as_unreachable
from transport.errors import ConnectionLostError, FrameError, TransportError
from transport.frame_stream import FrameReader, FrameWriter
from transport.frames import Acknowledgement, AudioFrame, EventsFrame, decode
from transport.handshake import FrameAudio
from transport.opus import OpusDecoder, OpusEncoder

MICROPHONE_BIT_RATE = 24_000
RETRY_S = 0.25  # between two tries to come back


@dataclass(frozen=True, slots=True)
class Heard:
    """A stretch of the answers' audio; what is missing before its media time is silence: it came too late."""

    media_time: int  # of the first sample, at 24 kHz
    samples: Samples = field(repr=False)
    size: int  # bytes on the wire, the head left away
    t_s: float  # when it arrived


@dataclass(frozen=True, slots=True)
class Told:
    """An event, and when it arrived."""

    event: dict[str, Any]
    t_s: float


class FramedClient:
    """One conversation: iterate it for what the service sends; it ends when the service closes normally.

    When the line breaks it comes back by itself, and neither side misses anything. When that cannot be done
    the iterator and every sending method raise `ConnectionLostError`.
    """

    def __init__(self, url: str, api_key: str | None, audio: tuple[FrameAudio, ...], *, brotli: bool) -> None:
        self.reconnections = 0
        self._url, self._api_key = url, api_key
        self._asked = {"audio": ",".join(audio), **({"compression": "brotli"} if brotli else {})}
        self._clock = time.monotonic
        self._writer = FrameWriter(brotli=brotli)
        self._reader = FrameReader(most_bytes=MAX_EVENT_BYTES)
        self._voice = OpusDecoder()
        self._microphone = OpusEncoder(MICROPHONE_BIT_RATE, packet_ms=20) if audio[0] == "opus" else None
        self._said = 0  # samples of the microphone so far
        self._waiting: deque[str | tuple[int, bytes]] = deque()  # events, and audio with its media time
        self._inbox: asyncio.Queue[Heard | Told | None] = asyncio.Queue(INBOX_EVENTS)
        self._wake = asyncio.Event()
        self._socket: ClientConnection | None = None  # None while the line is down
        self._token, self._within_s = "", 0.0
        self._lost: ConnectionLostError | None = None

    @classmethod
    @contextlib.asynccontextmanager
    async def connect(
        cls,
        url: str,
        *,
        api_key: str | None = None,
        audio: tuple[FrameAudio, ...] = ("opus", "pcm"),
        brotli: bool = True,
    ) -> AsyncIterator[FramedClient]:
        """Open a session at `url` (ws://host:port/v1/realtime) and close it on leaving.

        Raises `ServiceUnreachableError`.
        """
        client = cls(url, api_key, audio, brotli=brotli)
        with refused_as_unreachable(url):
            client._socket = await client._open()
        tasks = {asyncio.create_task(client._read()), asyncio.create_task(client._send())}
        try:
            yield client
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)
            if client._socket is not None:
                await client._socket.close()

    async def __aiter__(self) -> AsyncIterator[Heard | Told]:
        while (received := await self._inbox.get()) is not None:
            yield received
        if self._lost:
            raise self._lost

    async def send(self, event: Mapping[str, object]) -> None:
        """Send one client event; while the line is down it waits."""
        self._put(json.dumps(event, ensure_ascii=False))

    async def append_audio(self, samples: Samples) -> None:
        """Send mono float32 samples at 24 kHz of the microphone."""
        if self._microphone is None:
            self._put((self._said, to_pcm16(samples)))
        else:
            for packet in self._microphone.encode(samples):
                self._put((packet.first_sample, packet.data))
        self._said += len(samples)

    async def feed_realtime(self, samples: Samples, sample_rate_hz: int, chunk_ms: int = 20) -> float:
        """Append mono float32 samples as a microphone would; returns when sample 0 was spoken."""
        start_s = self._clock()
        async for piece in as_spoken(samples, sample_rate_hz, chunk_ms, self._clock, asyncio.sleep):
            await self.append_audio(piece)
        return start_s

    def _put(self, message: str | tuple[int, bytes]) -> None:
        if self._lost:
            raise self._lost
        self._waiting.append(message)
        self._wake.set()

    async def _open(self, resume: str | None = None) -> ClientConnection:
        asked = self._asked if resume is None else {**self._asked, "resume": resume}
        return await dial(f"{self._url}?{urlencode(asked, safe=',')}", self._api_key)

    async def _read(self) -> None:
        """Take what comes, over as many connections as it takes."""
        socket = self._socket
        while socket is not None:
            try:
                async for message in socket:
                    await self._take(message)
                break  # the service closed normally
            except ConnectionClosed as error:
                self._socket = None
                socket = await self._come_back(error)
        await self._inbox.put(None)

    async def _take(self, message: str | bytes) -> None:
        if isinstance(message, str):
            raise ConnectionLostError(f"a text message in a session of frames: {message[:80]}")
        now_s = self._clock()
        frame = self._reader.take(message, now_s)
        self._wake.set()
        match frame:
            case Acknowledgement(received):
                self._writer.link.acknowledged(received, now_s)
            case AudioFrame():
                samples = self._voice.decode(frame.payload) if frame.opus else from_pcm16(frame.payload)
                await self._inbox.put(Heard(frame.media_time, samples, len(frame.payload), now_s))
            case EventsFrame():
                for text in self._reader.events(frame):
                    await self._inbox.put(Told(self._noted(json.loads(text)), now_s))

    def _noted(self, event: dict[str, Any]) -> dict[str, Any]:
        if event["type"] == "liushui.session.resumable":
            self._token, self._within_s = event["token"], event["within_s"]
        return event

    async def _come_back(self, broken: ConnectionClosed) -> ClientConnection | None:
        """Resume on another connection; None when that cannot be done."""
        until_s = self._clock() + self._within_s
        error: Exception = broken
        while self._token and self._clock() < until_s:
            try:
                socket = await self._open(f"{self._token}.{self._reader.link.received}")
                await self._repeat(socket)
            except (OSError, ConnectionClosed) as failure:  # the network is still down
                error = failure
                await asyncio.sleep(RETRY_S)
            except (InvalidHandshake, TransportError) as refusal:
                error = refusal
                break
            else:
                self.reconnections += 1
                self._socket = socket
                self._wake.set()
                return socket
        self._lost = ConnectionLostError(f"the service is gone: {error}")
        return None

    async def _repeat(self, socket: ClientConnection) -> None:
        """Send what the service did not receive; it begins by saying how much it has."""
        greeting = decode(await socket.recv(decode=False))
        if not isinstance(greeting, Acknowledgement):
            raise FrameError("a resumed connection begins with an acknowledgement")
        for frame in self._writer.link.replay(greeting.received, self._clock()):
            await socket.send(frame)

    async def _send(self) -> None:
        """Send what waits as the link has room, and acknowledge what came."""
        while True:
            self._wake.clear()
            now_s, socket = self._clock(), self._socket
            message = self._next_message(now_s) if socket is not None else None
            if socket is None or message is None:
                due_s = None if socket is None else self._reader.due_s(now_s)
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(due_s):
                        await self._wake.wait()
                continue
            with contextlib.suppress(ConnectionClosed):  # it is kept, and sent again on the next connection
                await socket.send(message)

    def _next_message(self, now_s: float) -> bytes | None:
        if (acknowledgement := self._reader.acknowledgement(now_s)) is not None:
            return acknowledgement
        if not self._waiting or not self._writer.link.may_send(now_s):
            return None
        message = self._waiting.popleft()
        if isinstance(message, str):
            return self._writer.events([message], now_s)
        media_time, payload = message
        return self._writer.audio(payload, media_time, now_s, opus=self._microphone is not None)
