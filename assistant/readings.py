"""The closing utterance: its words, and whether it sounds complete."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from asr.numbers import with_digits
from asr.streaming import Utterance
from assistant import completeness
from assistant.answer import Answer
from assistant.inbox import Deaf, Scored, Transcribed
from assistant.loaded import Hearing

Put = Callable[[Deaf | Scored | Transcribed], Awaitable[None]]  # into the session's inbox


async def transcribe(
    hearing: Hearing, answer: Answer, utterance: Utterance, voiced_until: int | None, put: Put
) -> None:
    """Read the whole utterance; if that fails, there are no words in it."""
    try:
        words = await hearing.words_worker.run(utterance.final, voiced_until)
        text = with_digits(words, utterance.language)
    except Exception as error:
        await put(Deaf(error))
        text = ""
    await put(Transcribed(answer, text))


async def score(hearing: Hearing, answer: Answer, utterance: Utterance, doubtful: float, put: Put) -> None:
    """Tell the probability that it is a complete turn; doubtful ones are told again."""
    async for probability in completeness.scores(hearing, utterance, doubtful):
        await put(Scored(answer, probability))
