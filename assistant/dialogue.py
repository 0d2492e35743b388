"""What was said so far. Calls return at once; the conversation's thread does them in order."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from dataclasses import dataclass

from assistant.advice import Advice
from assistant.advised import advice_on
from assistant.tracked_chat import ItemId, TrackedChat
from assistant.workers import Worker
from llm.engine import LanguageModel, Message, PromptTokens, Sampling, Token, Tool
from llm.errors import LlmError, OutOfTurn


@dataclass(frozen=True, slots=True)
class Aside:
    """What is answered in a chat of its own: under another text, with other tools, about something else."""

    instructions: str
    tools: tuple[Tool, ...] = ()
    messages: tuple[Message, ...] | None = None  # None: what was said in the conversation
    is_kept: bool = False  # the answer joins the conversation


class Dialogue:
    """One conversation's chat. An answer is open from `reply` until `keep` or `forget`."""

    def __init__(
        self, model: LanguageModel, worker: Worker, instructions: str, tools: tuple[Tool, ...] = ()
    ) -> None:
        self._model = model
        self._worker = worker
        self._wish = (instructions, tools)  # the latest; only the event loop looks at it
        # Below: only the worker's thread touches it.
        # None until it is needed: most of what a silent connection would take
        self._chat: TrackedChat | None = None
        self._started_from: object = None  # the wish that `_chat` fulfils
        self._unfit: LlmError | None = None  # why it does not fulfil the latest
        self._waiting: list[
            Callable[[], None]
        ] = []  # came while an answer was open; the client's limits bound it
        self._open = False
        self._aside: tuple[Aside, TrackedChat] | None = None  # the open answer is made there
        self._note: str | None = None  # stands before the open answer

    def instruct(self, instructions: str, tools: tuple[Tool, ...] = ()) -> None:
        """Put other instructions and tools before what was said; an open answer is made under the old."""
        if (instructions, tools) != self._wish:
            self._wish = (instructions, tools)
            self._worker.submit(self._renew)

    def expect(self, user_text: str) -> None:
        """Compute ahead for a turn that begins with `user_text`."""
        self._worker.submit(lambda: self._current().chat.prefill(user_text))

    def reply(
        self,
        user_text: str | None,
        sampling: Sampling,
        *,
        note: str | None = None,
        aside: Aside | None = None,
    ) -> AsyncGenerator[Token]:
        """Answer `user_text` (None: what stands there), after a `note` of the system for this answer."""
        return self._worker.stream(self._reply(user_text, sampling, note, aside))

    def apart(
        self, aside: Aside, sampling: Sampling, prompted: Callable[[PromptTokens | None], None]
    ) -> AsyncGenerator[Token]:
        """Answer beside the conversation, which may go on meanwhile and never hears of it.

        `prompted` is told, before the first token, what the answer is computed from.
        """
        return self._worker.stream(self._apart(aside, sampling, prompted))

    @property
    def turn_over(self) -> float | None:
        """The probability that the last reply's user text is a whole turn; for after its first token."""
        if self._chat is None and self._aside is None:
            return None
        return self._answering().chat.turn_over  # the worker's thread wrote it before that token

    @property
    def advice(self) -> Advice | None:
        """What is told of the open answer's passages and safety; for after its first token."""
        if self._chat is None and self._aside is None:
            return None
        return advice_on(self._answering().chat)

    @property
    def prompt_tokens(self) -> PromptTokens | None:
        """What the open answer is computed from; for after its first token."""
        return None if self._chat is None and self._aside is None else self._answering().chat.prompt_tokens

    def keep(
        self,
        user_text: str | None,
        heard: str | None = None,
        *,
        user_item: ItemId = None,
        item: ItemId = None,
        calls: Sequence[tuple[Message, ItemId]] = (),
    ) -> None:
        """Close the answer: the user's turn and the words `heard` (None: all) happened, as these items.

        Behind them stand the calls that the answer made.
        """
        self._worker.submit(self._keep, user_text, heard, user_item, item, calls)

    def forget(self) -> None:
        """Close the answer: neither it nor the user's turn has happened."""
        self._worker.submit(self._forget)

    def cut(self, item_id: str, heard: str) -> None:
        """Of an answer kept as this item, only `heard` has happened."""
        self._change(lambda: self._current().truncate(item_id, heard))

    def add(self, message: Message, item_id: ItemId = None, behind: Sequence[str] | None = None) -> None:
        """A message that nobody spoke, behind the first of these items that is known; None: at the end.

        The end is behind the answer, if one is open.
        """
        self._change(lambda: self._current().add(message, item_id, behind))

    def remove(self, item_id: str) -> None:
        """This item has not happened."""
        self._change(lambda: self._current().remove(item_id))

    def close(self) -> None:
        """The conversation is over."""
        self._worker.submit(self._close)
        self._worker.leave()

    def _current(self) -> TrackedChat:
        if self._chat is None:
            self._renew()
        assert self._chat is not None
        return self._chat

    def _answering(self) -> TrackedChat:
        return self._aside[1] if self._aside else self._current()

    def _renew(self) -> None:
        if self._open or self._wish == self._started_from:  # `_settle` comes back to it
            return
        instructions, tools = wish = self._wish
        try:
            chat = TrackedChat(self._model.chat(instructions, tools))
        except LlmError as error:  # such as of a model that knows no tools: whoever asks is told
            if self._chat is None:
                self._chat = TrackedChat(self._model.chat(instructions))
            self._unfit = error
            return
        before, self._chat, self._started_from, self._unfit = self._chat, chat, wish, None
        if before is not None:
            for message, item_id in before.messages():
                chat.add(message, item_id)
            before.chat.close()

    def _reply(
        self, user_text: str | None, sampling: Sampling, note: str | None, aside: Aside | None
    ) -> Iterator[Token]:
        self._current()  # begun before the answer is open
        self._open = True
        if aside is not None:
            self._aside = aside, self._begun(aside)
        elif self._unfit is not None:
            raise self._unfit
        if note:
            self._note = note
            self._answering().add(Message("system", note))
        yield from self._answering().chat.reply(user_text, sampling)

    def _begun(self, aside: Aside) -> TrackedChat:
        """Open a chat of its own for an answer."""
        own = (
            self._current().messages()
            if aside.messages is None
            else [(each, None) for each in aside.messages]
        )
        chat = TrackedChat(self._model.chat(aside.instructions, aside.tools))
        for message, item_id in own:
            chat.add(message, item_id)
        return chat

    def _apart(
        self, aside: Aside, sampling: Sampling, prompted: Callable[[PromptTokens | None], None]
    ) -> Iterator[Token]:
        chat = self._begun(aside).chat
        try:
            for number, token in enumerate(chat.reply(None, sampling)):
                if not number:
                    prompted(chat.prompt_tokens)
                yield token
        finally:
            chat.close()

    def _keep(
        self,
        user_text: str | None,
        heard: str | None,
        user_item: ItemId,
        item: ItemId,
        calls: Sequence[tuple[Message, ItemId]],
    ) -> None:
        answering = self._answering()
        try:
            answering.commit(heard, user_item, item)
        except OutOfTurn:  # stopped before its first step: the question stands all the same
            if user_text:
                answering.add(Message("user", user_text), user_item)
        for call, item_id in calls:
            answering.add(call, item_id)
        if self._aside is not None and self._aside[0].is_kept:
            new = {user_item, item, *(item_id for _, item_id in calls)} - {None}
            for message, item_id in answering.messages():
                if item_id in new:
                    self._current().add(message, item_id)
        self._settle()

    def _forget(self) -> None:
        self._answering().chat.discard()
        self._settle()

    def _change(self, change: Callable[[], None]) -> None:
        """Change what was said, once no answer is open."""
        self._worker.submit(lambda: self._waiting.append(change) if self._open else change())

    def _settle(self) -> None:
        self._open = False
        if self._aside is not None:
            self._aside[1].chat.close()
            self._aside = None
        elif self._note is not None:
            self._current().remove_note(self._note)
        self._note = None
        self._renew()
        waiting, self._waiting = self._waiting, []
        for change in waiting:
            change()

    def _close(self) -> None:
        for each in (self._chat, self._aside and self._aside[1]):
            if each is not None:
                each.chat.close()
