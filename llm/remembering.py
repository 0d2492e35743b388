"""Any language model, with replies to common questions kept: asked again, they stream at once."""

from __future__ import annotations

import re
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, field

from llm.engine import Chat, LanguageModel, Message, PromptTokens, Sampling, Token, Tool, heard_part
from llm.errors import OutOfTurn
from llm.local import LocalChat
from llm.parts import Part
from llm.replies import OPENING, CommonReplies, Reply, digest

PIECE = re.compile(r"\s*\S+(?:\s+$)?")  # a word with the space before it, and with that behind the last one


class RememberingModel:
    """A `LanguageModel` that asks `replies` before it asks `model`. Threads may share it."""

    def __init__(self, model: LanguageModel, replies: Callable[[str], CommonReplies]) -> None:
        """`replies`: opens what is kept under a system text."""
        self.name = model.name
        self._model = model
        self._open = replies
        self._replies: dict[str, CommonReplies] = {}  # by system text: a service has a handful

    def chat(self, system: str, tools: Sequence[Tool] = ()) -> Chat:
        """Open a conversation; with tools, whose answers depend on more than words, nothing is kept."""
        if tools:
            return self._model.chat(system, tools)
        if system not in self._replies:
            self._replies[system] = self._open(system)
        return RememberingChat(self._model.chat(system), self._replies[system])


@dataclass(slots=True)
class _Answer:
    question: str | None
    context: str
    kept: Reply | None  # it was found, not computed
    said: str = ""
    ids: list[int] = field(default_factory=list)
    ended: bool = False  # nothing more was to come
    whole: bool = False  # it ended by itself, not at a limit


class RememberingChat:
    """A `Chat`: a kept reply is pending, committed and cut as a computed one is."""

    def __init__(self, chat: Chat, replies: CommonReplies) -> None:
        self._chat = chat
        self._replies = replies
        self._answer: _Answer | None = None
        self._brief = ""
        if isinstance(chat, LocalChat):
            chat.propose_from(replies.corpus)

    def prefill(self, user_text: str) -> int:
        """See `Chat`. Computes nothing while an answer is pending."""
        return self._chat.prefill(user_text) if self._answer is None else 0

    def brief(self, text: str) -> None:
        """See `Chat`. A reply that was made under one is kept for that one."""
        self._chat.brief(text)
        self._brief = text

    def reply(self, user_text: str | None, sampling: Sampling) -> Generator[Token]:
        """See `Chat`. Only greedy decoding repeats itself: only there is a kept reply used."""
        self._require_settled()
        context = self._context(sampling)
        found = None
        if user_text is not None and sampling == Sampling(
            max_tokens=sampling.max_tokens, begin=sampling.begin
        ):
            found = self._replies.find(user_text, context)
            if found is not None and not _is_what_comes(found, sampling):
                found = None
        self._answer = answer = _Answer(user_text, context, found)
        if found is None:
            chosen = 0
            for token in self._chat.reply(user_text, sampling):
                answer.said += token.text
                answer.ids.append(token.id)
                chosen += token.chosen
                yield token
            answer.ended, answer.whole = True, chosen < sampling.max_tokens
            return
        for piece in PIECE.findall(found.text):
            answer.said += piece
            yield Token(-1, piece, 0.0, chosen=False)
            if self._answer is not answer:  # committed or discarded
                return

    @property
    def turn_over(self) -> float | None:
        """See `Chat`. None for a kept reply: nothing was computed that could tell."""
        return None if self._is_kept else self._chat.turn_over

    @property
    def prompt_tokens(self) -> PromptTokens | None:
        """See `Chat`. None for a kept reply: nothing was computed."""
        return None if self._is_kept else self._chat.prompt_tokens

    @property
    def _is_kept(self) -> bool:
        return self._answer is not None and self._answer.kept is not None

    def commit(self, heard: str | None = None) -> None:
        """See `Chat`. A computed answer that was heard to its end is learnt from."""
        answer = self._answer
        if answer is None:
            raise OutOfTurn("there is no pending turn to commit")
        if answer.kept is not None:
            self._recall(answer, answer.kept, heard)
        else:
            try:
                self._chat.commit(heard)
            except OutOfTurn:  # it failed before its first token
                self._answer = None
                raise
            if heard is None and answer.ended and answer.question is not None:
                self._replies.learn(
                    answer.question,
                    answer.context,
                    answer.ids,
                    answer.said,
                    whole=answer.whole,
                    part=self._part,
                )
        self._answer = None

    def _recall(self, answer: _Answer, reply: Reply, heard: str | None) -> None:
        assert answer.question is not None
        kept = heard_part(answer.said, heard)
        if isinstance(self._chat, LocalChat):
            self._chat.recall(answer.question, reply.ids, kept, reply.part)
            return
        self._chat.add(Message("user", answer.question))
        if kept:
            self._chat.add(Message("assistant", kept))

    def _part(self) -> Part | None:
        """Copy what the answer that was just committed added to the KV cache, where that is our own."""
        return self._chat.part() if isinstance(self._chat, LocalChat) else None

    def discard(self) -> None:
        """See `Chat`."""
        if self._answer is not None and self._answer.kept is None:
            self._chat.discard()
        self._answer = None

    def truncate(self, heard: str, index: int | None = None) -> None:
        """See `Chat`."""
        self._chat.truncate(heard, index)

    def add(self, message: Message, index: int | None = None) -> None:
        """See `Chat`. Raises OutOfTurn while an answer is pending."""
        self._require_settled()
        self._chat.add(message, index)

    def remove(self, index: int) -> None:
        """See `Chat`. Raises OutOfTurn while an answer is pending."""
        self._require_settled()
        self._chat.remove(index)

    @property
    def history(self) -> tuple[Message, ...]:
        """See `Chat`."""
        return self._chat.history

    def close(self) -> None:
        """See `Chat`."""
        self._answer = None
        self._chat.close()

    def _require_settled(self) -> None:
        if self._answer is not None:
            raise OutOfTurn("an answer is pending; commit or discard it first")

    def _context(self, sampling: Sampling) -> str:
        """Name the dialogue so far: the same words may mean something else under another."""
        said = [
            f"{message.role}: {message.text}" for message in self._chat.history if message.role != "system"
        ]
        said += filter(None, (self._brief, sampling.begin))
        return digest(*said) if said else OPENING


def _is_what_comes(reply: Reply, sampling: Sampling) -> bool:
    """Whether computing would give this reply, or one that ends at another limit."""
    length = len(reply.ids)
    return length < sampling.max_tokens if reply.whole else length == sampling.max_tokens
