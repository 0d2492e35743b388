"""`POST /v1/audio/speech`: text in, a file of speech out, each phrase as soon as it is made."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from transport.audio_files import FORMATS, FileEncoder
from transport.audio_formats import Samples
from transport.fields import Fields
from transport.limits import Limits
from transport.rest import EVENT_STREAM, Computed, Turnstile, event, read_json
from transport.updates import read_voice

LONGEST_TEXT = 4096  # characters, as in OpenAI's API
_FIELDS = ("input", "instructions", "model", "response_format", "speed", "stream_format", "voice")


@dataclass(frozen=True, slots=True)
class SpeechRequest:
    """What is to be said, and how fast: 1.0 is the voice's own rate."""

    text: str
    speed: float
    voice: str | None = None  # None: the service's own


# Yields 24 kHz mono speech, phrase by phrase; closing it stops the computation.
Speak = Callable[[SpeechRequest], AsyncGenerator[Samples]]


class Speech:
    """The endpoint."""

    def __init__(self, speak: Speak, limits: Limits, voices: tuple[str, ...] = ()) -> None:
        """`voices` may be asked for; none: nobody minds."""
        self._speak = speak
        self._voices = voices
        self._limits = limits
        self._turnstile = Turnstile(limits)

    async def create(self, request: Request) -> Response:
        """Answer one request."""
        body = await read_json(request, self._limits.max_body_bytes)
        asked = read_speech_request(body, self._voices)
        kind = FORMATS[body.choice("response_format", tuple(FORMATS)) or "mp3"]
        as_events = body.choice("stream_format", ("audio", "sse")) == "sse"
        file = encoded(self._speak(asked), kind.encoder())
        if as_events:
            return Computed(_events(file), self._turnstile, self._limits, EVENT_STREAM)
        return Computed(file, self._turnstile, self._limits, kind.media_type)


async def encoded(phrases: AsyncGenerator[Samples], encoder: FileEncoder) -> AsyncGenerator[bytes]:
    """Yield a file in pieces, as they come. Encoding has a thread: a long phrase would hold up the others."""
    async with aclosing(phrases):
        async for samples in phrases:
            if piece := await asyncio.to_thread(encoder.feed, samples):
                yield piece
    yield await asyncio.to_thread(encoder.finish)


async def _events(file: AsyncGenerator[bytes]) -> AsyncGenerator[bytes]:
    async with aclosing(file):
        async for piece in file:
            audio = base64.b64encode(piece).decode("ascii")
            yield event({"type": "speech.audio.delta", "audio": audio})
    yield event({"type": "speech.audio.done"})


def read_speech_request(body: Fields, voices: tuple[str, ...] = ()) -> SpeechRequest:
    """Check a request. Raises `RejectedEventError`, which names the first field at fault."""
    body.only(_FIELDS)
    body.unsupported("instructions", "the voice takes none")
    text = body.required("input", body.text("input", longest=LONGEST_TEXT))
    if not text.strip():
        raise body.rejected("input", "is empty: there is nothing to say")
    speed = body.number("speed")
    return SpeechRequest(text, 1.0 if speed is None else speed, read_voice(body, voices))
