"""Chat completions over HTTP, on the model that the conversations use."""

from __future__ import annotations

import secrets
from collections.abc import AsyncGenerator, Generator, Sequence
from contextlib import aclosing

from assistant.advice import Advice
from assistant.advised import advice_on
from assistant.errors import PictureUnread
from assistant.loaded import Engines
from assistant.reports import NOBODY, Reports
from assistant.written_report import CompletionReport
from llm.engine import LanguageModel, Message, Sampling
from llm.errors import BadSampling, ContextOverflow, ServerFailed
from transport.chat_completions import ChatEnd, ChatMessage, ChatRequest, Finish
from transport.errors import RefusedError

Pieces = AsyncGenerator[str | Advice | ChatEnd]

MOST_TOKENS = 4096  # of an answer that asks for no limit: the context ends it before


class Completion:
    """Answers dialogues that clients keep themselves: by the model alone, or by a domain's adviser."""

    def __init__(self, engines: Engines, reports: Reports = NOBODY) -> None:
        self._engines = engines
        self._reports = reports

    async def __call__(self, asked: ChatRequest) -> AsyncGenerator[str | ChatEnd]:
        """Yield the answer, then how it ended; see `Complete`. Raises RefusedError."""
        domain = asked.domain.name if asked.domain else None
        with CompletionReport(self._reports, asked.id, domain) as report:
            async with aclosing(self._pieces(asked, report)) as pieces:
                async for piece in pieces:
                    report.take(piece)
                    if not isinstance(piece, Advice):
                        yield piece

    async def _pieces(self, asked: ChatRequest, report: CompletionReport) -> Pieces:
        system = asked.domain.settings.instructions if asked.domain else ""
        worker = self._engines.new_dialogue_worker()
        try:
            messages = [await self._read(message) for message in asked.messages]
            report.asked(messages)
            steps = _answer(self._engines.model, system, messages, _sampling(asked))
            async with aclosing(worker.stream(steps)) as pieces:
                async for piece in pieces:
                    yield piece
        except BadSampling as error:
            raise RefusedError(400, str(error), code="invalid_value", param=error.parameter) from error
        except ContextOverflow as error:
            raise RefusedError(400, str(error), code="context_length_exceeded", param="messages") from error
        except ServerFailed as error:
            raise RefusedError(502, str(error), code="model_server_failed") from error
        except PictureUnread as error:
            raise RefusedError(400, str(error), code="invalid_image", param="messages") from error
        finally:
            worker.leave()

    async def _read(self, message: ChatMessage) -> Message:
        """The message as the model reads it: what its pictures say stands before its text."""
        told = [(await self._engines.pictures.read(picture)).told() for picture in message.pictures]
        return Message(message.role, "\n".join(filter(None, (*told, message.text))))


def _answer(
    model: LanguageModel, system: str, messages: Sequence[Message], sampling: Sampling
) -> Generator[str | Advice | ChatEnd]:
    """Compute an answer, a token a step; what is told of it comes behind the first.

    A client's system text is a message like the others: one that begins a chat, as a domain's does, would be
    kept for the next one, and these are strangers'.
    """
    chat = model.chat(system)
    try:
        *before, last = messages
        question = last.text if last.role == "user" else None
        for message in before if question is not None else (*before, last):
            chat.add(message)
        count, advice = 0, None
        for token in chat.reply(question, sampling):
            count += token.chosen
            if advice is None and (advice := advice_on(chat)) is not None:
                yield advice
            yield token.text
        finish: Finish = "length" if count >= sampling.max_tokens else "stop"
        prompt = chat.prompt_tokens
        total, cached = (None, 0) if prompt is None else (prompt.total, prompt.cached)
        notices = tuple({"type": kind} | fields for kind, fields in advice.told) if advice else ()
        yield ChatEnd(finish, total, count, cached, notices)
    finally:
        chat.close()


def _sampling(asked: ChatRequest) -> Sampling:
    usual = Sampling()
    return Sampling(
        temperature=usual.temperature if asked.temperature is None else asked.temperature,
        top_p=usual.top_p if asked.top_p is None else asked.top_p,
        seed=secrets.randbits(62) if asked.seed is None else asked.seed,
        max_tokens=asked.max_tokens or MOST_TOKENS,
        stop=asked.stop,
    )
