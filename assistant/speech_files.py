"""Speech over HTTP, in the voices that conversations may have."""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import aclosing

import numpy as np

from assistant.workers import Worker
from llm.pacing import Chunk, Pacer
from transport.errors import RefusedError
from transport.speech import SpeechRequest
from tts.engine import Audio, Synthesizer, parts
from tts.errors import UnspeakableText, UnsupportedRate

UNHURRIED_S = 60.0  # audio in hand, as pacing sees it, once the first phrase is out: cut at strong boundaries
_PIECE = re.compile(r"\s*\S{1,16}|\s+$")  # about what a token has


def phrased(text: str) -> Iterator[Chunk]:
    """Cut a text as it is needed: each cut looks at what is near, the whole text at once takes seconds."""
    pacer, queued_s = Pacer(), 0.0
    for piece in _PIECE.findall(text):
        for chunk in pacer.feed(piece, 0.0, queued_s):
            queued_s = UNHURRIED_S
            yield chunk
    yield from pacer.finish()


class SpeechFiles:
    """Speaks texts, phrased as an answer would be: the first phrase is short, for somebody waits for it."""

    def __init__(self, speaker: Callable[[str | None], tuple[Synthesizer, Worker] | None]) -> None:
        """`speaker`: who has a name, with its worker. Conversations get that between two phrases."""
        self._speaker = speaker

    async def __call__(self, asked: SpeechRequest) -> AsyncGenerator[Audio]:
        """Yield the speech part by part; see `Speak`. Raises RefusedError.

        What the voice cannot pronounce is left out, if there is anything else.
        """
        spoke = False
        if (speaker := self._speaker(asked.voice)) is None:
            raise RefusedError(503, "the service runs without a voice", code="engine_unavailable")
        synthesizer, worker = speaker
        for chunk in phrased(asked.text):
            spoken = parts(synthesizer, chunk.text, asked.speed)
            try:
                async with aclosing(worker.stream(spoken)) as speeches:
                    async for speech in speeches:
                        spoke = spoke or len(speech.audio) > 0
                        yield speech.audio
            except UnspeakableText:
                continue
            except UnsupportedRate as error:
                raise RefusedError(400, str(error), code="invalid_value", param="speed") from error
            yield np.zeros(int(chunk.pause_s * synthesizer.sample_rate_hz), np.float32)
        if not spoke:
            raise RefusedError(
                400, "the voice cannot pronounce any of this text", code="invalid_value", param="input"
            )
