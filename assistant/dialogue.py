"""What was said so far. Calls return at once; the conversation's thread does them in order."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterator

from assistant.workers import Worker
from llm.engine import Chat, LanguageModel, Message, Sampling, Token
from llm.errors import OutOfTurn


class Dialogue:
    """One conversation's chat. An answer is open from `reply` until `keep` or `forget`."""

    def __init__(self, model: LanguageModel, worker: Worker, instructions: str) -> None:
        self._model = model
        self._worker = worker
        self._instructions = instructions  # the latest wish; only the event loop looks at it
        # Below: only the worker's thread touches it.
        self._chat: Chat | None = None  # None until it is needed: most of what a silent connection would take
        self._started_from = ""  # instructions of `_chat`
        self._waiting: list[Message] = []  # came while an answer was open; bounded by the client's item limit
        self._open = False

    def instruct(self, instructions: str) -> None:
        """Put other instructions before what was said; an open answer is made under the old ones."""
        if instructions != self._instructions:
            self._instructions = instructions
            self._worker.submit(self._renew, instructions)

    def expect(self, user_text: str) -> None:
        """Compute ahead for a turn that begins with `user_text`."""
        self._worker.submit(lambda: self._current().prefill(user_text))

    def reply(
        self, user_text: str | None, sampling: Sampling, *, note: str | None = None
    ) -> AsyncGenerator[Token]:
        """Answer `user_text` (None: what stands there), after a `note` of the system for this answer."""
        return self._worker.stream(self._reply(user_text, sampling, note))

    @property
    def turn_over(self) -> float | None:
        """The probability that the last reply's user text is a whole turn; for after its first token."""
        return self._chat.turn_over if self._chat else None  # the worker's thread wrote it before that token

    def keep(self, user_text: str | None, heard: str | None = None) -> None:
        """Close the answer: the user's turn and the words `heard` (None: all) have happened."""
        self._worker.submit(self._keep, user_text, heard)

    def forget(self) -> None:
        """Close the answer: neither it nor the user's turn has happened."""
        self._worker.submit(self._forget)

    def cut(self, heard: str) -> None:
        """Of the last answer kept, only `heard` has happened."""
        self._worker.submit(lambda: self._current().truncate(heard))

    def add(self, message: Message) -> None:
        """A message that nobody spoke; behind the answer, if one is open."""
        self._worker.submit(self._add, message)

    def close(self) -> None:
        """The conversation is over."""
        self._worker.submit(self._close)
        self._worker.leave()

    def _close(self) -> None:
        if self._chat is not None:
            self._chat.close()

    def _current(self) -> Chat:
        if self._chat is None:
            self._renew(self._instructions)
        assert self._chat is not None
        return self._chat

    def _renew(self, instructions: str) -> None:
        if self._open:  # `_settle` comes back to it
            return
        before, self._chat = self._chat, self._model.chat(instructions)
        self._started_from = instructions
        for message in before.history if before else ():
            if message.role != "system":
                self._chat.add(message)
        if before is not None:
            before.close()

    def _reply(self, user_text: str | None, sampling: Sampling, note: str | None) -> Iterator[Token]:
        chat, self._open = self._current(), True
        if note:
            chat.add(Message("system", note))
        yield from chat.reply(user_text, sampling)

    def _keep(self, user_text: str | None, heard: str | None) -> None:
        try:
            self._current().commit(heard)
        except OutOfTurn:  # stopped before its first step: the question stands all the same
            if user_text:
                self._current().add(Message("user", user_text))
        self._settle()

    def _forget(self) -> None:
        self._current().discard()
        self._settle()

    def _add(self, message: Message) -> None:
        if self._open:
            self._waiting.append(message)
        else:
            self._current().add(message)

    def _settle(self) -> None:
        self._open = False
        if self._started_from != self._instructions:
            self._renew(self._instructions)
        for message in self._waiting:
            self._current().add(message)
        self._waiting.clear()
