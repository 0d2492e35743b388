"""What a language model is to the rest of the assistant."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, Protocol

Role = Literal["system", "user", "assistant"]


@dataclass(frozen=True, slots=True)
class Message:
    """One message of a dialogue."""

    role: Role
    text: str


@dataclass(frozen=True, slots=True)
class Token:
    """One generated token."""

    id: int
    text: str  # newly completed by this token; "" inside a character of several bytes
    boundary: float  # probability that punctuation, a newline or the end of the turn stood in its place


@dataclass(frozen=True, slots=True)
class Sampling:
    """How the next token is chosen. Raises ValueError for values out of range.

    The defaults are greedy decoding: the same dialogue gives the same answer.
    """

    temperature: float = 0.0  # 0: the most probable token, always
    top_p: float = 1.0  # keep the smallest set of tokens with this probability mass (arXiv:1904.09751)
    repetition_penalty: float = 1.0  # over the answer so far; 1: none (arXiv:1909.05858, section 4.1)
    seed: int = 0  # of each answer's own random numbers
    max_tokens: int = 160  # about a minute of speech

    def __post_init__(self) -> None:
        if self.temperature < 0:
            raise ValueError(f"temperature is {self.temperature}; it must be 0 (greedy) or more")
        if not 0 < self.top_p <= 1:
            raise ValueError(f"top_p is {self.top_p}; it must be above 0 and at most 1")
        if self.repetition_penalty <= 0:
            raise ValueError(f"repetition_penalty is {self.repetition_penalty}; it must be above 0 (1: none)")
        if self.max_tokens < 1:
            raise ValueError(f"max_tokens is {self.max_tokens}; it must be 1 or more")


class Chat(Protocol):
    """One conversation: its dialogue and its KV cache. Not thread-safe: one call at a time.

    An answer is pending from the first step of `reply` until `commit` or `discard`.
    """

    def prefill(self, user_text: str) -> int:
        """Compute the KV cache for the dialogue and this, possibly still growing, user text.

        Returns the number of tokens computed. The dialogue stays as it is.
        """
        ...

    def reply(self, user_text: str | None, sampling: Sampling) -> Iterator[Token]:
        """Answer the user's text (None: the dialogue as it stands), one decode step per `next()`.

        Nothing happens before the first `next()`. Closing the iterator stops it; what was said stays pending.
        """
        ...

    @property
    def turn_over(self) -> float | None:
        """The probability that the user text of the last `reply` is a whole turn, going by its words.

        Known from that reply's first token on. None before, without a text, or if the engine cannot tell.
        """
        ...

    def commit(self, heard: str | None = None) -> None:
        """Keep the pending user turn and what was heard of the answer: all (None), or this prefix of it.

        The answer is cut after the last token that was heard whole; "" keeps no answer.
        """
        ...

    def discard(self) -> None:
        """Forget the pending turn, if there is one: the user went on speaking."""
        ...

    def truncate(self, heard: str) -> None:
        """Cut the last committed answer to this prefix, as `commit` does."""
        ...

    def add(self, message: Message) -> None:
        """Append a message that nobody spoke here: typed text, a note of the system."""
        ...

    @property
    def history(self) -> tuple[Message, ...]:
        """The committed dialogue, the system's text first. What no longer fits the context is not in it."""
        ...

    def close(self) -> None:
        """Free the KV cache. No other call may follow, except `close`."""
        ...


class LanguageModel(Protocol):
    """Weights that any number of conversations share."""

    name: str

    def chat(self, system: str) -> Chat:
        """Open a conversation under this system text ("": none of our own)."""
        ...
