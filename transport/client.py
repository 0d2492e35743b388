"""The client's side of the wire, for the terminal, the benchmarks and the tests."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass
from ssl import SSLCertVerificationError
from typing import Any

import soxr
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidURI
from websockets.typing import Subprotocol

from transport.audio_formats import PCM_RATE_HZ, AudioFormat, Samples, encode_audio
from transport.errors import ConnectionLostError, ServiceUnreachableError
from transport.protocol import LIUSHUI_V1

# Events kept for a reader that is busy: over a minute of audio in 20 ms deltas. Beyond that the socket waits.
INBOX_EVENTS = 4096
# The longest audio delta we could be sent is a whole answer; OpenAI's own clients set no bound at all.
MAX_EVENT_BYTES = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Received:
    """One server event, and when it arrived on the client's clock."""

    event: dict[str, Any]
    t_s: float

    @property
    def type(self) -> str:
        """The event's type."""
        return str(self.event["type"])


class RealtimeClient:
    """One connection: iterate it for what the service sends; it ends when the service closes normally.

    The iterator and every sending method raise `ConnectionLostError` when the connection broke.
    """

    def __init__(
        self,
        socket: ClientConnection,
        clock: Callable[[], float],
        sleep: Callable[[float], Awaitable[None]],
    ) -> None:
        self._socket = socket
        self._clock = clock
        self._sleep = sleep
        self._inbox: asyncio.Queue[Received | None] = asyncio.Queue(INBOX_EVENTS)
        self._lost: ConnectionClosed | None = None  # set unless the service closed normally

    @classmethod
    @contextlib.asynccontextmanager
    async def connect(
        cls,
        url: str,
        *,
        api_key: str | None = None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> AsyncIterator[RealtimeClient]:
        """Open a liushui.v1 session at `url` (ws://host:port/v1/realtime) and close it on leaving.

        `clock` stamps arrivals and, with `sleep`, paces real-time audio. Raises `ServiceUnreachableError`.
        """
        with refused_as_unreachable(url):
            socket = await dial(url, api_key)
        async with socket:
            client = cls(socket, clock, sleep)
            reading = asyncio.create_task(client._read())
            try:
                yield client
            finally:
                reading.cancel()
                await asyncio.wait({reading})

    async def __aiter__(self) -> AsyncIterator[Received]:
        while (received := await self._inbox.get()) is not None:
            yield received
        if self._lost:
            raise ConnectionLostError(f"the service is gone: {self._lost}") from self._lost

    async def send(self, event: Mapping[str, object]) -> None:
        """Send one client event."""
        try:
            await self._socket.send(json.dumps(event))
        except ConnectionClosed as error:
            raise ConnectionLostError(f"cannot send {event.get('type')}: {error}") from error

    async def append_audio(self, samples: Samples) -> None:
        """Append mono float32 samples at 24 kHz to the input audio buffer."""
        await self.send(
            {"type": "input_audio_buffer.append", "audio": encode_audio(samples, AudioFormat.PCM)}
        )

    async def feed_realtime(self, samples: Samples, sample_rate_hz: int, chunk_ms: int = 20) -> float:
        """Append mono float32 samples as a microphone would; returns when, on the clock, sample 0 was spoken.

        A chunk leaves when its last sample has been spoken. The schedule is absolute: delays do not add up.
        """
        start_s = self._clock()
        async for piece in as_spoken(samples, sample_rate_hz, chunk_ms, self._clock, self._sleep):
            await self.append_audio(piece)
        return start_s

    async def _read(self) -> None:
        try:
            async for message in self._socket:
                arrived_s = self._clock()
                await self._inbox.put(Received(json.loads(message), arrived_s))
        except ConnectionClosed as error:
            self._lost = error
        await self._inbox.put(None)


async def dial(url: str, api_key: str | None) -> ClientConnection:
    """Open a socket for liushui.v1. Raises `OSError`, `InvalidHandshake` or `InvalidURI`."""
    return await connect(
        url,
        subprotocols=[Subprotocol(LIUSHUI_V1)],
        additional_headers={"Authorization": f"Bearer {api_key}"} if api_key else None,
        compression=None,
        max_size=MAX_EVENT_BYTES,
    )


@contextlib.contextmanager
def refused_as_unreachable(url: str) -> Iterator[None]:
    """Raise `ServiceUnreachableError` for what `dial` raises."""
    try:
        yield
    except SSLCertVerificationError as error:
        why = f"is not trusted ({error.verify_message})"
        advice = "name it, or who signed it, in the variable SSL_CERT_FILE"
        raise ServiceUnreachableError(f"the certificate at {url} {why}: {advice}") from error
    except (OSError, InvalidHandshake, InvalidURI) as error:
        raise ServiceUnreachableError(f"no session at {url} ({error}): is the service running?") from error


async def as_spoken(
    samples: Samples,
    sample_rate_hz: int,
    chunk_ms: int,
    clock: Callable[[], float],
    sleep: Callable[[float], Awaitable[None]],
) -> AsyncIterator[Samples]:
    """Yield chunks at 24 kHz, each when a microphone would have it; delays do not add up."""
    if sample_rate_hz != PCM_RATE_HZ:
        samples = soxr.resample(samples, sample_rate_hz, PCM_RATE_HZ)
    chunk, start_s = PCM_RATE_HZ * chunk_ms // 1000, clock()
    for begin in range(0, len(samples), chunk):
        piece = samples[begin : begin + chunk]
        spoken_s = start_s + (begin + len(piece)) / PCM_RATE_HZ
        await sleep(max(0.0, spoken_s - clock()))
        yield piece
