"""`POST /v1/audio/transcriptions`: a recording in, its text out, at once or segment by segment."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import dataclass
from typing import BinaryIO

from starlette.datastructures import FormData, UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from transport.errors import RefusedError
from transport.fields import Fields
from transport.limits import Limits
from transport.rest import EVENT_STREAM, Computed, Turnstile, event, limited
from transport.subtitles import srt, vtt

MOST_FIELDS = 64
MOST_FIELD_BYTES = 64 * 1024
LONGEST_NAME = 64  # of a language, by its code
_MEDIA_TYPES = {
    "json": "application/json", "verbose_json": "application/json", "text": "text/plain",
    "srt": "application/x-subrip", "vtt": "text/vtt",
}  # fmt: skip
_GRANULARITIES = ("segment", "word")
_USED = ("language", "response_format", "stream", "timestamp_granularities[]")
# Accepted, so that unmodified clients connect.
_WITHOUT_EFFECT = ("chunking_strategy", "keywords[]", "model", "prompt", "temperature")


@dataclass(frozen=True, slots=True)
class Word:
    """A word and when it was said, in seconds from the start of the recording."""

    text: str
    start_s: float
    end_s: float


@dataclass(frozen=True, slots=True)
class Segment:
    """What was said between two pauses; times in seconds from the start of the recording."""

    start_s: float
    end_s: float
    text: str
    language: str  # ISO 639-1
    score: float  # mean log-probability of a token
    no_speech: float  # probability that nothing was said
    words: tuple[Word, ...] = ()  # where they were asked for


@dataclass(frozen=True, slots=True)
class Transcript:
    """The end of a transcription."""

    duration_s: float  # of the recording


@dataclass(frozen=True, slots=True)
class TranscriptionRequest:
    """What is to be transcribed: a file in any usual format, at its start."""

    file: BinaryIO
    language: str | None  # ISO 639-1; None: as the service sees fit
    words: bool  # with the time of each


# Yields the segments, and the end; closing it stops the computation.
Transcribe = Callable[[TranscriptionRequest], AsyncGenerator[Segment | Transcript]]


class Transcriptions:
    """The endpoint."""

    def __init__(self, transcribe: Transcribe, limits: Limits) -> None:
        self._transcribe = transcribe
        self._limits = limits
        self._turnstile = Turnstile(limits)

    async def create(self, request: Request) -> Response:
        """Answer one request."""
        form = await self._read_form(request)
        try:
            file, shape, streams, granularities = _read(form)
            words = "word" in granularities
            language = shape.text("language", longest=LONGEST_NAME)
            response_format = shape.choice("response_format", tuple(_MEDIA_TYPES)) or "json"
            if words and response_format != "verbose_json":
                raise shape.rejected("timestamp_granularities[]", "needs response_format verbose_json")
        except Exception:
            await form.close()
            raise
        found = self._found(form, TranscriptionRequest(file, language or None, words))
        if streams:
            return Computed(_streamed(found), self._turnstile, self._limits, EVENT_STREAM)
        pieces = _whole(found, response_format, granularities)
        return Computed(pieces, self._turnstile, self._limits, _MEDIA_TYPES[response_format])

    async def _read_form(self, request: Request) -> FormData:
        upload = limited(request, self._limits.max_upload_bytes)
        try:
            return await upload.form(max_files=1, max_fields=MOST_FIELDS, max_part_size=MOST_FIELD_BYTES)
        except HTTPException as error:  # Starlette's own words for a malformed form
            raise RefusedError(400, error.detail, code="invalid_form") from error

    async def _found(
        self, form: FormData, asked: TranscriptionRequest
    ) -> AsyncGenerator[Segment | Transcript]:
        try:
            async with aclosing(self._transcribe(asked)) as segments:
                async for segment in segments:
                    yield segment
        finally:
            await form.close()


def _read(form: FormData) -> tuple[BinaryIO, Fields, bool, tuple[str, ...]]:
    """Return the file, the text fields, whether to stream, and the granularities."""
    upload = form.get("file")
    texts = {name: value for name, value in form.multi_items() if isinstance(value, str)}
    fields = Fields(texts)
    fields.only((*_USED, *_WITHOUT_EFFECT))
    if not isinstance(upload, UploadFile):
        raise fields.rejected("file", "is missing: upload a recording under this name")
    streams = fields.choice("stream", ("true", "false", "True", "False")) in ("true", "True")
    given = [value for value in form.getlist("timestamp_granularities[]") if isinstance(value, str)]
    read = (Fields({"timestamp_granularities[]": value}) for value in given)
    kinds = (each.choice("timestamp_granularities[]", _GRANULARITIES) for each in read)
    return upload.file, fields, streams, tuple(kind for kind in kinds if kind) or ("segment",)


async def _whole(
    found: AsyncGenerator[Segment | Transcript], response_format: str, granularities: tuple[str, ...]
) -> AsyncGenerator[bytes]:
    segments: list[Segment] = []
    async with aclosing(found):
        async for each in found:
            if isinstance(each, Segment):
                segments.append(each)
            else:
                yield _shown(segments, each.duration_s, response_format, granularities).encode()


def _shown(
    segments: list[Segment], duration_s: float, response_format: str, granularities: tuple[str, ...]
) -> str:
    text = _joined(segments)
    match response_format:
        case "text":
            return text + "\n"
        case "srt":
            return srt(segments)
        case "vtt":
            return vtt(segments)
    usage = {"type": "duration", "seconds": round(duration_s, 3)}
    shown: dict[str, object] = {"text": text, "usage": usage}
    if response_format == "verbose_json":
        language = segments[0].language if segments else ""
        shown |= {"task": "transcribe", "language": language, "duration": round(duration_s, 3)}
        if "segment" in granularities:
            shown["segments"] = [_segment(index, each) for index, each in enumerate(segments)]
        if "word" in granularities:
            shown["words"] = [_word(word) for each in segments for word in each.words]
    return json.dumps(shown, ensure_ascii=False)


async def _streamed(found: AsyncGenerator[Segment | Transcript]) -> AsyncGenerator[bytes]:
    text = ""
    async with aclosing(found):
        async for each in found:
            if isinstance(each, Segment):
                delta = _following(text, each)
                text += delta
                yield event({"type": "transcript.text.delta", "delta": delta})
            else:
                yield event({"type": "transcript.text.done", "text": text})


def _joined(segments: list[Segment]) -> str:
    """The whole text."""
    text = ""
    for segment in segments:
        text += _following(text, segment)
    return text


def _following(text: str, segment: Segment) -> str:
    """What a segment adds to the text before it; scripts without spaces get none."""
    spaced = text and text[-1].isascii() and segment.text[:1].isascii()
    return f" {segment.text}" if spaced else segment.text


def _segment(index: int, segment: Segment) -> dict[str, object]:
    """OpenAI's object. What it says of Whisper's inner workings is neutral where it is not known here."""
    return {
        "id": index,
        "seek": 0,
        "start": round(segment.start_s, 2),
        "end": round(segment.end_s, 2),
        "text": segment.text,
        "tokens": [],
        "temperature": 0.0,
        "avg_logprob": round(segment.score, 4),
        "compression_ratio": 1.0,
        "no_speech_prob": round(segment.no_speech, 4),
    }


def _word(word: Word) -> dict[str, object]:
    return {"word": word.text.strip(), "start": round(word.start_s, 2), "end": round(word.end_s, 2)}
