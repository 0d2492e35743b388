"""Speech over HTTP, in the voice that the conversations have."""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, Iterator
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

    def __init__(self, synthesizer: Synthesizer, worker: Worker) -> None:
        """`worker`: the voice's. Conversations get it between two phrases."""
        self._synthesizer = synthesizer
        self._worker = worker

    async def __call__(self, asked: SpeechRequest) -> AsyncGenerator[Audio]:
        """Yield the speech part by part; see `Speak`. Raises RefusedError.

        What the voice cannot pronounce is left out, if there is anything else.
        """
        spoke = False
        for chunk in phrased(asked.text):
            spoken = parts(self._synthesizer, chunk.text, asked.speed)
            try:
                async with aclosing(self._worker.stream(spoken)) as speeches:
                    async for speech in speeches:
                        spoke = spoke or len(speech.audio) > 0
                        yield speech.audio
            except UnspeakableText:
                continue
            except UnsupportedRate as error:
                raise RefusedError(400, str(error), code="invalid_value", param="speed") from error
            yield np.zeros(int(chunk.pause_s * self._synthesizer.sample_rate_hz), np.float32)
        if not spoke:
            raise RefusedError(
                400, "the voice cannot pronounce any of this text", code="invalid_value", param="input"
            )
