"""A language model on a server of the OpenAI API: conversations here, weights and KV cache there."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import closing
from dataclasses import dataclass

from llm.completions import Endpoint
from llm.engine import Message, Sampling, Token, Tool, heard_part
from llm.errors import ContextOverflow, OutOfTurn, ServerFailed

NO_ID = -1  # a piece of text is no token: its id, if it is one, is known to the server alone
NO_BOUNDARY = 0.0  # servers give no distribution of what could have followed


class RemoteModel:
    """A `LanguageModel`. Threads may share it."""

    def __init__(self, base_url: str, name: str = "", *, api_key: str | None = None) -> None:
        """`base_url`: what comes before /chat/completions. `name`: of the model; "": the only one there.

        Raises ServerFailed if it has to ask for the name, and that fails or there are several.
        """
        self.endpoint = Endpoint(base_url, api_key)
        self.name = name or self._only_model()

    def chat(self, system: str, tools: Sequence[Tool] = ()) -> RemoteChat:
        """Open a conversation; the server hears of it with the first question."""
        return RemoteChat(self, system, tools)

    def _only_model(self) -> str:
        names = self.endpoint.models()
        if len(names) != 1:
            known = ", ".join(names) or "none"
            address = self.endpoint.address
            raise ServerFailed(f"{address} has {len(names)} models ({known}): name one, {address}#NAME")
        return names[0]


@dataclass(slots=True)
class _Pending:
    user: Message | None
    said: str = ""


class RemoteChat:
    """A `Chat` as text. The server finds by itself what it has computed before."""

    def __init__(self, model: RemoteModel, system: str, tools: Sequence[Tool] = ()) -> None:
        self._model = model
        self._tools = tools
        self._messages = [Message("system", system)] if system else []
        self._fixed = len(self._messages)  # messages that are never dropped
        self._pending: _Pending | None = None
        self._brief = ""
        self._closed = False

    def prefill(self, user_text: str) -> int:
        """See `Chat`. Nothing is computed here, and nothing is asked of the server."""
        self._require_open()
        return 0

    def brief(self, text: str) -> None:
        """See `Chat`."""
        self._require_settled()
        self._brief = text

    def reply(self, user_text: str | None, sampling: Sampling) -> Generator[Token]:
        """See `Chat`. One piece of text per `next()`; closing it closes the connection, and the server stops.

        Raises OutOfTurn, ServerFailed, or ContextOverflow if the last question alone is too long.
        """
        self._require_open()
        self._require_settled()
        user = None if user_text is None else Message("user", user_text)
        self._pending = pending = _Pending(user, sampling.begin)
        if sampling.begin:
            yield Token(NO_ID, sampling.begin, NO_BOUNDARY, chosen=False)
        with closing(self._texts(user, sampling)) as texts:
            for text in texts:
                pending.said += text
                yield Token(NO_ID, text, NO_BOUNDARY)
                if self._pending is not pending:  # committed or discarded: what follows is nobody's
                    return

    def _texts(self, user: Message | None, sampling: Sampling) -> Generator[str]:
        asked = [] if user is None else [user]
        brief = [Message("system", self._brief)] if self._brief else []
        # What the answer begins with stands there as said: servers go on from it, or with a message after it.
        begun = [Message("assistant", sampling.begin)] if sampling.begin else []
        while True:
            try:
                messages = [*self._messages, *asked, *brief, *begun]
                yield from self._model.endpoint.answer(self._model.name, messages, sampling, self._tools)
                return
            except ContextOverflow:  # only before the first text
                if not self._shorten(keep_last=user is None):
                    raise

    def _shorten(self, *, keep_last: bool) -> bool:
        """Drop the older half of the questions, each with its answers; False if there are none to drop.

        Half: the server computes again what follows a gap, so one gap is made for many turns to come.
        """
        starts = {i for i, message in enumerate(self._messages) if message.role == "user"}
        starts |= {self._fixed} | (set() if keep_last else {len(self._messages)})
        if len(starts) < 2:
            return False
        del self._messages[self._fixed : sorted(starts)[len(starts) // 2]]
        return True

    @property
    def turn_over(self) -> None:
        """See `Chat`. The server does not say."""
        return None

    @property
    def prompt_tokens(self) -> None:
        """See `Chat`. Not every server says."""
        return None

    def commit(self, heard: str | None = None) -> None:
        """See `Chat`. Raises OutOfTurn without a pending turn, NotSaid for what the answer did not say.

        The answer is cut where `heard` ends: there are no tokens to keep whole.
        """
        self._require_open()
        if self._pending is None:
            raise OutOfTurn("there is no pending turn to commit")
        said = heard_part(self._pending.said, heard)
        if self._pending.user is not None:
            self._insert(self._pending.user, len(self._messages))
        self._insert(Message("assistant", said), len(self._messages))
        self._pending = None

    def discard(self) -> None:
        """See `Chat`."""
        self._pending = None

    def truncate(self, heard: str, index: int | None = None) -> None:
        """See `Chat`. Raises NotSaid, or OutOfTurn without an answer in the dialogue."""
        index = self._last_answer() if index is None else index
        cut = Message("assistant", heard_part(self._messages[index].text, heard))
        self._messages[index : index + 1] = [cut] if cut.text else []

    def _last_answer(self) -> int:
        for index in reversed(range(self._fixed, len(self._messages))):
            if self._messages[index].role == "assistant":
                return index
        raise OutOfTurn("there is no answer to truncate")

    def add(self, message: Message, index: int | None = None) -> None:
        """See `Chat`. Raises OutOfTurn while an answer is pending."""
        self._require_settled()
        self._insert(message, len(self._messages) if index is None else max(index, self._fixed))

    def remove(self, index: int) -> None:
        """See `Chat`. Raises OutOfTurn while an answer is pending, or for the system's own text."""
        self._require_settled()
        if not self._fixed <= index < len(self._messages):
            raise OutOfTurn(f"message {index} of {len(self._messages)} cannot be removed")
        del self._messages[index]

    @property
    def history(self) -> tuple[Message, ...]:
        """See `Chat`. What exceeds the context goes when the server has said so."""
        return tuple(self._messages)

    def close(self) -> None:
        """See `Chat`. The connections are the model's."""
        self._pending = None
        self._closed = True

    def _insert(self, message: Message, index: int) -> None:
        if message.text:  # one without says nothing, and is left out
            self._messages.insert(index, message)

    def _require_open(self) -> None:
        if self._closed:
            raise OutOfTurn("the chat is closed")

    def _require_settled(self) -> None:
        if self._pending is not None:
            raise OutOfTurn("an answer is pending; commit or discard it first")
