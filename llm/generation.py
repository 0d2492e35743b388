"""One answer in the making: what to compute next, and what came of it."""

from __future__ import annotations

from collections import deque
from dataclasses import replace
from itertools import zip_longest
from queue import SimpleQueue
from threading import Lock

from torch import Tensor

from llm.decoder import Decoder
from llm.engine import Token
from llm.sampling import Sampler
from llm.stops import StopStrings
from llm.tokenizer import TextStream
from llm.vocabulary import Vocabulary
from llm.window import Proposal, Window

# Made and not yet asked for, where several answers share passes: it hides their takers' own time. One alone
# is made as it is asked for: its first phrase is being spoken meanwhile, on the same cores.
AHEAD_TOKENS = 4
FIRST_TOKENS = 8  # while an answer has fewer, nothing of it may have been heard yet


class Generation:
    """Made by the thread that computes, taken by another."""

    def __init__(
        self,
        decoder: Decoder,
        vocabulary: Vocabulary,
        sampler: Sampler,
        window: Window,
        prompt: list[int],
        room: int,
    ) -> None:
        """An answer to `prompt`, which the decoder holds; there is room for so many tokens behind it."""
        self.decoder = decoder
        self.served_s = 0.0  # when it last got on; the scheduler's
        self._vocabulary = vocabulary
        self._sampler = sampler
        self._window = window
        self._stream = TextStream(vocabulary.tokenizer)
        self._ids = list(prompt)  # with what was said
        self._said: list[int] = []
        self._most = min(room, sampler.sampling.max_tokens)
        self._stops = StopStrings(sampler.sampling.stop) if sampler.sampling.stop else None
        self._last: Token | None = None  # with stop strings one token is kept: more text may belong to it
        self._proposal = Proposal()
        self._over = False
        self._asked = False  # the taker waits
        self._new: deque[Token | Exception | None] = deque()  # made; None, or an error: the end
        self._made: SimpleQueue[Token | Exception | None] = SimpleQueue()  # of these what was handed over
        self._lock = Lock()  # whoever stops it hands over too

    def ready(self, *, alone: bool) -> bool:
        """Whether it wants to be computed on; `alone`: there is no other answer to be made."""
        return not self._over and self._made.qsize() < (int(self._asked) if alone else AHEAD_TOKENS)

    @property
    def urgent(self) -> bool:
        """Whether somebody may be waiting for its first word."""
        return len(self._said) < FIRST_TOKENS

    def wanted(self, *, alone: bool) -> tuple[int, ...]:
        """The ids to compute next: the last one chosen and, in a pass of its own, what may follow it."""
        room = self._most - len(self._said) - 1
        self._proposal = self._window.propose(self._ids, room) if alone else Proposal()
        return (self._said[-1], *self._proposal.ids)

    def take(self, logits: Tensor) -> None:
        """Go on from what follows each id that was `wanted`, or the prompt: [n, V]. See `hand_over`."""
        followed: list[int] = []
        for row, guess in zip_longest(logits, self._proposal.ids):  # the last row's is none
            id = self._sampler.choose(row, self._said)
            followed.append(id)
            if id in self._vocabulary.stop_ids:
                self._end()
                break
            self._said.append(id)
            self._ids.append(id)
            self._give(Token(id, self._stream.push(id), self._vocabulary.boundary(row)))
            if self._over or id != guess:
                break
        self._window.learn(self._proposal, followed)
        self.decoder.drop(len(self._proposal.ids) + 1 - len(followed))
        if len(self._said) == self._most:
            self._end()

    def hand_over(self) -> None:
        """Give the taker what was made. It wakes up, and wants the interpreter for itself."""
        with self._lock:
            while self._new:
                self._made.put(self._new.popleft())

    def stop(self, error: Exception | None = None) -> None:
        """End it here, for the taker by `error` if there is one."""
        self._end(error)
        self.hand_over()

    def _end(self, error: Exception | None = None) -> None:
        if not self._over:
            self._over = True
            if self._last is not None and self._stops is not None:
                self._new.append(replace(self._last, text=self._last.text + self._stops.flush()))
            self._new.append(error)

    def _give(self, token: Token) -> None:
        if self._stops is None:
            self._new.append(token)
            return
        if self._last is not None:
            self._new.append(self._last)
        text, met = self._stops.push(token.text)
        self._last = replace(token, text=text)
        if met:
            self._end()

    def ask(self) -> None:
        """Announce a call of `next`."""
        self._asked = True

    def next(self) -> Token | None:
        """Wait for the next token; None at the end. Raises what stopped it."""
        made = self._made.get()
        self._asked = False
        if isinstance(made, Exception):
            raise made
        return made
