"""Transcriptions over HTTP, by the recognizer that the conversations have."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Generator
from contextlib import aclosing
from typing import BinaryIO

from asr.engine import SAMPLE_RATE_HZ, Recognizer
from asr.errors import NotAudio, UnknownLanguage
from asr.numbers import with_digits
from asr.recording import Cutter, Piece, blocks
from asr.vad import VoiceDetector
from assistant.loaded import Hearing
from assistant.workers import Worker
from transport.errors import RefusedError
from transport.transcriptions import Segment, Transcript, TranscriptionRequest, Word


class Transcription:
    """Reads recordings piece by piece; conversations get the recognizer between two of them."""

    def __init__(self, hearing: Hearing) -> None:
        self._hearing = hearing

    async def __call__(self, asked: TranscriptionRequest) -> AsyncGenerator[Segment | Transcript]:
        """Yield the segments, then the end; see `Transcribe`. Raises RefusedError."""
        worker = Worker("recording")
        try:
            recognizer = self._hearing.recognizer_of(asked.language)
            steps = _pieces(asked.file, self._hearing.new_detector())
            async with aclosing(worker.stream(steps)) as pieces:
                async for piece in pieces:
                    if isinstance(piece, Transcript):
                        yield piece
                        continue
                    segment = await self._hearing.words_worker.run(_read, recognizer, piece, asked.words)
                    if segment.text:
                        yield segment
        except NotAudio as error:
            raise RefusedError(400, str(error), code="invalid_value", param="file") from error
        except UnknownLanguage as error:
            raise RefusedError(400, str(error), code="invalid_value", param="language") from error
        finally:
            worker.leave()


def _pieces(file: BinaryIO, detector: VoiceDetector) -> Generator[Piece | Transcript]:
    cutter = Cutter(detector)
    for block in blocks(file):
        yield from cutter.feed(block)
    yield from cutter.finish()
    yield Transcript(cutter.fed / SAMPLE_RATE_HZ)


def _read(recognizer: Recognizer, piece: Piece, words: bool) -> Segment:
    found = recognizer.recognize(piece.audio)
    start_s = piece.start / SAMPLE_RATE_HZ
    timed = recognizer.align(piece.audio, found.text) if words and found.text else ()
    return Segment(
        start_s=piece.voice_start / SAMPLE_RATE_HZ,
        end_s=piece.voice_end / SAMPLE_RATE_HZ,
        text=with_digits(found.text, found.language).strip(),
        language=found.language,
        score=found.score,
        no_speech=found.no_speech,
        words=tuple(Word(word.text, start_s + word.start_s, start_s + word.end_s) for word in timed),
    )
