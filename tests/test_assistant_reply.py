"""Replies in a voice that gives a chunk part by part."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterator

import numpy as np

from assistant.playback import Playback
from assistant.reply import Reply, ReplyNotes, Voice
from assistant.workers import Worker
from llm.engine import Token
from llm.tool_calls import ToolCallStream
from tts.engine import Speech, SpokenWord

RATE_HZ = 100


class TwoParts:
    """Says a word of the chunk a second; each is a part."""

    sample_rate_hz = RATE_HZ

    def synthesize(self, text: str, *, rate: float = 1.0) -> Speech:
        raise AssertionError("it can stream")

    def stream(self, text: str, *, rate: float = 1.0) -> Iterator[Speech]:
        for word in text.rstrip(". ").split():
            start = text.index(word)
            spoken = SpokenWord(word, 0.0, 1.0, start, start + len(word))
            yield Speech(np.ones(RATE_HZ, np.float32), RATE_HZ, (spoken,))


async def test_the_words_of_each_part_are_heard_when_it_was() -> None:
    async def tokens() -> AsyncGenerator[Token]:
        yield Token(0, "One two. ", 1.0)

    async def delivered() -> None:
        queued.append(playback.said)

    queued: list[str] = []
    playback, worker = Playback(RATE_HZ), Worker("voice")
    notes = ReplyNotes(lambda mark: None, delivered, lambda error: None)
    voice = Voice(TwoParts(), worker)
    await Reply(tokens(), voice, playback, notes, calls=ToolCallStream(()), max_tokens=9).run()
    worker.close()
    assert queued[0] == "One"
    assert playback.said.rstrip() == "One two."
    assert [playback.heard(played_s) for played_s in (0.9, 1.0, 2.0)] == ["", "One", "One two"]
