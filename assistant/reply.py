"""One reply, one task: tokens -> phrases -> audio."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass

import numpy as np

from assistant.playback import Piece, Playback
from assistant.workers import Worker
from llm.engine import Token
from llm.pacing import Chunk, Pacer
from llm.tool_calls import ToolCallStream
from tts.engine import Speech, Synthesizer, parts
from tts.errors import UnspeakableText

AHEAD_S = 5.0  # audio computed ahead of the ear: what a barge-in would waste; the pacer asks for half of it


@dataclass(frozen=True, slots=True)
class Voice:
    """How a reply sounds."""

    synthesizer: Synthesizer
    worker: Worker
    rate: float = 1.0  # speaking rate, 1 = the voice's own
    pause_scale: float = 1.0  # times the usual pauses between chunks


@dataclass(frozen=True, slots=True)
class ReplyNotes:
    """Whom a reply tells what happens while it is made."""

    mark: Callable[[str], None]  # a moment of metrics.TurnTimings
    delivered: Callable[[], Awaitable[None]]  # another piece is in the playback
    voice_lost: Callable[[Exception], None]  # the synthesizer failed; the reply goes on as text


class Reply:
    """Makes one answer and puts it, piece by piece, into its own playback."""

    def __init__(
        self,
        tokens: AsyncGenerator[Token],
        voice: Voice | None,
        playback: Playback,
        notes: ReplyNotes,
        *,
        calls: ToolCallStream,
        max_tokens: int,
    ) -> None:
        """`calls`: takes those of tools out of the answer; `max_tokens`: at which it was cut short."""
        self.tokens = 0  # that the model chose so far
        self.thinking_s = 0.0  # waited for them
        self._tokens = tokens
        self._calls = calls
        self._max_tokens = max_tokens
        self._voice = voice  # None: text only
        self._playback = playback
        self._notes = notes
        self._pacer = Pacer() if voice else None

    def mute(self) -> None:
        """Nobody hears it: the rest is text, and waits for no ear."""
        self._voice = None

    async def run(self) -> None:
        """Make all of it. Cancelling stops after the running step."""
        clock = asyncio.get_running_loop().time
        async with aclosing(self._tokens) as tokens:
            asked_s = clock()
            async for token in tokens:
                self.thinking_s += clock() - asked_s
                self._notes.mark("first_token")
                self.tokens += token.chosen
                await self._take(token)
                if self._calls.over:
                    break
                if (excess_s := self._queued_s() - AHEAD_S) > 0:
                    await asyncio.sleep(excess_s)
                asked_s = clock()
        await self._deliver(self._phrases(self._calls.finish(cut_short=self.cut_short)))
        await self._deliver(self._pacer.finish() if self._pacer else [])
        self._playback.complete()
        await self._notes.delivered()

    @property
    def cut_short(self) -> bool:
        """Whether the token limit came before the end."""
        return self.tokens >= self._max_tokens

    async def _take(self, token: Token) -> None:
        known = len(self._calls.calls)
        await self._deliver(self._phrases(self._calls.push(token.text), token.boundary))
        if self._calls.calling and self._pacer is not None:  # all is said
            await self._deliver(self._pacer.finish())
        if len(self._calls.calls) > known:
            await self._notes.delivered()

    def _phrases(self, text: str, boundary: float = 0.0) -> list[Chunk]:
        if self._pacer is None:  # nobody listens for phrases: every token as it comes
            return [Chunk(text)] if text else []
        return self._pacer.feed(text, boundary, self._queued_s())

    def _queued_s(self) -> float:
        return self._playback.queued_s(asyncio.get_running_loop().time())

    async def _deliver(self, chunks: list[Chunk]) -> None:
        for chunk in chunks:
            self._notes.mark("first_phrase")
            async with aclosing(self._speak(chunk)) as pieces:
                async for piece in pieces:
                    self._playback.add(piece)
                    self._notes.mark("first_audio")
                    await self._notes.delivered()

    async def _speak(self, chunk: Chunk) -> AsyncGenerator[Piece]:
        """Yield the pieces of a chunk as they are ready; what the voice leaves out is the last of them."""
        shown = 0  # characters of the chunk in the pieces so far
        try:
            if (voice := self._voice) is not None:
                spoken = parts(voice.synthesizer, chunk.text, voice.rate)
                while (speech := await voice.worker.run(lambda: next(spoken, None))) is not None:
                    piece = _sounding(chunk, speech, shown, voice.pause_scale)
                    shown += len(piece.text)
                    yield piece
        except UnspeakableText:
            pass  # another script than the voice's: shown, not spoken
        except Exception as error:
            self._voice = None
            self._notes.voice_lost(error)
        if shown < len(chunk.text):
            yield Piece(chunk.text[shown:], np.zeros(0, np.float32))


def _sounding(chunk: Chunk, speech: Speech, start: int, pause_scale: float) -> Piece:
    """Return what `speech` says of a chunk from its character `start` on; the last part has the pause."""
    end = max([start, *(word.text_end for word in speech.words)])
    audio = speech.audio
    if not any(map(str.isalnum, chunk.text[end:])):  # nothing more to say
        end = len(chunk.text)
        pause = np.zeros(int(chunk.pause_s * pause_scale * speech.sample_rate_hz), np.float32)
        audio = np.concatenate((audio, pause))
    words = tuple((word.end_s, max(0, word.text_end - start)) for word in speech.words)
    return Piece(chunk.text[start:end], audio, words)
