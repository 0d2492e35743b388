"""What a language model is to the rest of the assistant."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from math import inf
from reprlib import repr as shortened
from typing import Literal, Protocol

from llm.errors import BadSampling, NotSaid

MOST_STOPS = 16  # all are searched for with every token; OpenAI's API allows 4
MOST_BIAS = 100  # either way, as in OpenAI's API; so much forces a token, or bans it
PENALTIES = (0.1, 10.0)  # in use are 1 to 1.3; these keep every float32 score finite

Role = Literal["system", "user", "assistant", "tool"]


@dataclass(frozen=True, slots=True)
class Message:
    """One message of a dialogue. A tool's is what it returned; how it was called: see `tool_calls`."""

    role: Role
    text: str


@dataclass(frozen=True, slots=True)
class Tool:
    """A function that the assistant may ask for; `parameters` is the JSON schema of its arguments."""

    name: str
    description: str = ""
    parameters: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Token:
    """One generated token."""

    id: int
    text: str  # newly completed by this token; "" inside a character of several bytes
    boundary: float  # probability that punctuation, a newline or the end of the turn stood in its place
    chosen: bool = True  # by the model; False: it stood ready, and does not count toward `max_tokens`


@dataclass(frozen=True, slots=True)
class PromptTokens:
    """What an answer was computed from."""

    total: int
    cached: int = 0  # of these, what the KV cache held already; ahead of the answer counts, too


@dataclass(frozen=True, slots=True)
class Sampling:
    """How the next token is chosen, and where an answer ends. Raises BadSampling, a ValueError.

    The defaults are greedy decoding: the same dialogue gives the same answer.
    """

    temperature: float = 0.0  # 0: the most probable token, always
    top_p: float = 1.0  # keep the smallest set of tokens with this probability mass (arXiv:1904.09751)
    min_p: float = 0.0  # keep tokens of this share of the most probable one's probability (arXiv:2407.01082)
    repetition_penalty: float = 1.0  # over the answer so far; 1: none (arXiv:1909.05858, section 4.1)
    logit_bias: tuple[tuple[int, float], ...] = ()  # pairs: a token id, and what is added to its logit
    seed: int = 0  # of each answer's own random numbers
    max_tokens: int = 160  # about a minute of speech
    stop: tuple[str, ...] = ()  # the answer ends before the first of these to appear
    call: str | None = None  # the answer begins with a call of this tool, "": of any; None: as it may be
    begin: str = ""  # the answer begins with these words

    def __post_init__(self) -> None:
        # Every check is of what is allowed: no comparison with NaN is true.
        self._require("temperature", 0 <= self.temperature < inf, "finite, and 0 (greedy) or more")
        self._require("top_p", 0 < self.top_p <= 1, "above 0 and at most 1")
        self._require("min_p", 0 <= self.min_p <= 1, "0 (off) to 1")
        least, most = PENALTIES
        self._require(
            "repetition_penalty", least <= self.repetition_penalty <= most, f"{least} to {most} (1: none)"
        )
        self._require(
            "seed", isinstance(self.seed, int) and -(2**63) <= self.seed < 2**63, "an integer of 64 bits"
        )
        self._require(
            "max_tokens", isinstance(self.max_tokens, int) and self.max_tokens >= 1, "an integer, 1 or more"
        )
        self._require_stop()
        self._require_logit_bias()

    def _require_stop(self) -> None:
        # A lone string would pass for a tuple of its characters.
        self._require("stop", isinstance(self.stop, tuple), "a tuple of strings")
        if len(self.stop) > MOST_STOPS:
            raise BadSampling("stop", f"has {len(self.stop)} strings; it must have at most {MOST_STOPS}")
        self._require("stop", all(self.stop), "strings that are not empty")

    def _require_logit_bias(self) -> None:
        self._require(
            "logit_bias", isinstance(self.logit_bias, tuple), "a tuple of pairs: a token id, its bias"
        )
        ids = set()
        for id, bias in self.logit_bias:
            if not isinstance(id, int) or id < 0 or id in ids:
                raise BadSampling(
                    "logit_bias", f"has the token id {id}; it must have ids from 0 on, each once"
                )
            if not abs(bias) <= MOST_BIAS:
                raise BadSampling(
                    "logit_bias", f"is {bias} for token {id}; it must be {-MOST_BIAS} to {MOST_BIAS}"
                )
            ids.add(id)

    def _require(self, parameter: str, fits: bool, allowed: str) -> None:
        if not fits:
            raise BadSampling(parameter, f"is {shortened(getattr(self, parameter))}; it must be {allowed}")


def heard_part(said: str, heard: str | None) -> str:
    """Return what was heard of what was said: all (None) or this prefix. Raises NotSaid."""
    if heard is None:
        return said
    if not said.startswith(heard):
        raise NotSaid(f"{heard!r} is not a prefix of what was said: {said!r}")
    return heard


class Chat(Protocol):
    """One conversation: its dialogue and its KV cache. Not thread-safe: one call at a time.

    An answer is pending from the first step of `reply` until `commit` or `discard`.
    """

    def prefill(self, user_text: str) -> int:
        """Compute the KV cache for the dialogue and this, possibly still growing, user text.

        Returns the number of tokens computed. The dialogue stays as it is.
        """
        ...

    def brief(self, text: str) -> None:
        """Let this stand behind what the next replies answer, until another text does; "": nothing.

        It is a message of the system's, and never joins the dialogue. Not while an answer is pending.
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

    @property
    def prompt_tokens(self) -> PromptTokens | None:
        """What the last `reply` was computed from.

        Known from that reply's first token on. None before, or if the engine cannot tell.
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

    def truncate(self, heard: str, index: int | None = None) -> None:
        """Cut the answer at `index` of the history (None: the last one) to this prefix, as `commit` does."""
        ...

    def add(self, message: Message, index: int | None = None) -> None:
        """Insert a message that nobody spoke here at `index` of the history; None: at its end."""
        ...

    def remove(self, index: int) -> None:
        """Take the message at `index` out of the history."""
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

    def chat(self, system: str, tools: Sequence[Tool] = ()) -> Chat:
        """Open a conversation under this system text ("": none of our own), in which tools may be called."""
        ...
