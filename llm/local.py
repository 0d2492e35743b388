"""The assistant's own decoder: conversations that share weights, each with its KV cache."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import zip_longest
from pathlib import Path
from threading import Lock

import torch
from torch import Tensor

from llm import layout
from llm.decoder import Decoder, Network, PrefixStore
from llm.dialogue import Dialogue, Turn
from llm.engine import Message, Sampling, Token
from llm.errors import OutOfTurn
from llm.fused import FusedTransformer, suits
from llm.layout import Weights
from llm.model import Transformer
from llm.sampling import Sampler
from llm.template import ChatTemplate
from llm.tokenizer import TextStream, TextTokenizer
from llm.window import FREE, Proposal, Window, window_costs

CONTEXT = 4096  # positions: 100 MB of KV cache for the 0.5B model, once all are used
REPLY_SHARE = 8  # one of so many positions stays free for the answer


def load(
    folder: Path, *, name: str, threads: int = 2, device: str = "cpu", dtype: torch.dtype | None = None
) -> LocalModel:
    """Load the weights that `gguf.convert` wrote to `folder`. Raises WeightsUnreadable.

    `threads` becomes torch's setting for the whole process, or 1 if torch computes no products. `dtype`
    defaults to float32 (int8 products) on a CPU, to bfloat16 on other devices.
    """
    torch.set_num_threads(threads)
    dtype = dtype or (torch.float32 if device == "cpu" else torch.bfloat16)
    model = LocalModel(layout.read(folder), name=name, device=device, dtype=dtype)
    if isinstance(model.network, FusedTransformer):
        torch.set_num_threads(1)  # for the little that is left to it: more would spin on the graph's cores
    model.costs = window_costs(model.decoder())
    return model


class LocalModel:
    """A `LanguageModel`. Threads may share it: the steps of their conversations take turns."""

    def __init__(
        self, weights: Weights, *, name: str, device: str, dtype: torch.dtype, context: int = CONTEXT
    ) -> None:
        self.name = name
        self.tokenizer = TextTokenizer(weights.tokenizer_json, weights.config.stop_ids)
        self.template = ChatTemplate(weights.chat_template, self.tokenizer)
        self.costs: Sequence[float] = FREE  # see `Window`
        self.stop_ids = frozenset(weights.config.stop_ids)
        self._boundary_ids = weights.tensors["boundary"].nonzero()[:, 0]
        pieces = {id: self.tokenizer.decode([id]).strip() for id in self._boundary_ids.tolist()}
        self._question_ids = [id for id, piece in pieces.items() if piece.startswith(("?", "？"))]
        positions = min(context, weights.config.context)
        self.network = _network(weights, positions, device, dtype)
        self._step_lock = Lock()
        self._prefixes = PrefixStore()

    def chat(self, system: str) -> LocalChat:
        """Open a conversation; the first one with a system text computes it, the next ones copy that."""
        dialogue = Dialogue(system, self.tokenizer, self.template)
        decoder = self.decoder()
        self._prefixes.begin(decoder, dialogue.opening())
        return LocalChat(self, dialogue, decoder)

    def decoder(self) -> Decoder:
        """Make a decoder with an empty cache."""
        return Decoder(self.network, self._step_lock)

    def boundary(self, logits: Tensor) -> float:
        """Return the probability that the next token ends a phrase: [V] -> 0 to 1."""
        return float(logits.softmax(dim=0)[self._boundary_ids].sum())

    def turn_over(self, logits: Tensor, end: int) -> float:
        """Return the probability that a turn ends here: by the token `end`, or a question mark not heard.

        A recognizer may write without marks. A full stop does not count: statements mostly lead on.
        """
        return float(logits.softmax(dim=0)[[end, *self._question_ids]].sum())


def _network(weights: Weights, positions: int, device: str, dtype: torch.dtype) -> Network:
    if device == "cpu" and dtype == torch.float32 and suits(weights):
        return FusedTransformer(weights, positions=positions, threads=torch.get_num_threads())
    return Transformer(weights, positions=positions, device=device, dtype=dtype)


@dataclass(slots=True)
class _Pending:
    user: Turn | None
    said: list[int] = field(default_factory=list)


class LocalChat:
    """A `Chat`: a changed word, a barge-in and a truncation are all a crop of the KV cache."""

    def __init__(self, model: LocalModel, dialogue: Dialogue, decoder: Decoder) -> None:
        self._model = model
        self._dialogue = dialogue
        self._decoder: Decoder | None = decoder  # None: closed
        self._pending: _Pending | None = None
        self._room = decoder.positions - decoder.positions // REPLY_SHARE  # for prompts
        self._turn_over: float | None = None
        self._window = Window(model.costs)

    def prefill(self, user_text: str) -> int:
        """See `Chat`. Computes nothing while an answer is pending: its end decides what the dialogue will be.

        Raises ContextOverflow.
        """
        decoder = self._open()
        if self._pending is not None:
            return 0
        prompt = self._dialogue.prompt(self._dialogue.turn("user", user_text), self._room)
        return decoder.prefill(prompt.ids, scored=len(prompt.opening) + 1)

    def reply(self, user_text: str | None, sampling: Sampling) -> Iterator[Token]:
        """See `Chat`. The answer ends early where the context does. Raises ContextOverflow or OutOfTurn."""
        decoder = self._open()
        if self._pending is not None:
            raise OutOfTurn("an answer is pending; commit or discard it first")
        user = None if user_text is None else self._dialogue.turn("user", user_text)
        self._pending = pending = _Pending(user)
        self._turn_over = None
        prompt = self._dialogue.prompt(user, self._room)
        decoder.prefill(prompt.ids, scored=len(prompt.opening) + 1)
        logits = decoder.logits(len(prompt.opening), 0)
        if user is not None:
            self._turn_over = self._model.turn_over(logits[0], prompt.opening[0])
        yield from self._decode(decoder, pending, prompt.ids, logits[1:], sampling)

    def _decode(
        self, decoder: Decoder, pending: _Pending, prompt: list[int], logits: Tensor, sampling: Sampling
    ) -> Iterator[Token]:
        """Go on from `logits` [1, V], what follows the prompt: a window a pass, yielded token by token."""
        sampler, stream, said = Sampler(sampling), TextStream(self._model.tokenizer), pending.said
        room = min(sampling.max_tokens, decoder.positions - len(prompt))
        proposal = Proposal()
        while True:
            followed: list[int] = []
            for row, guess in zip_longest(logits, proposal.ids):  # the last row's is none
                id = sampler.choose(row, said)
                followed.append(id)
                if id in self._model.stop_ids:
                    decoder.drop(len(proposal.ids) + 1 - len(followed))
                    return
                said.append(id)
                yield Token(id, stream.push(id), self._model.boundary(row))
                if self._pending is not pending:  # committed or discarded: the cache is no longer ours
                    return
                if id != guess:
                    break
            self._window.learn(proposal, followed)
            if len(said) == room:
                return
            decoder.drop(len(proposal.ids) + 1 - len(followed))
            proposal = self._window.propose(prompt + said, room - len(said) - 1)
            decoder.extend(id, *proposal.ids)
            logits = decoder.logits(*range(len(proposal.ids), -1, -1))

    @property
    def turn_over(self) -> float | None:
        """See `Chat`: of what could follow the user's text, the share of what ends a turn."""
        return self._turn_over

    def commit(self, heard: str | None = None) -> None:
        """See `Chat`. Raises OutOfTurn without a pending turn, NotSaid for what the answer did not say."""
        self._open()
        if self._pending is None:
            raise OutOfTurn("there is no pending turn to commit")
        answer = self._dialogue.answer(self._pending.said, heard)
        if self._pending.user is not None:
            self._dialogue.append(self._pending.user)
        self._dialogue.append(answer)
        self._pending = None

    def discard(self) -> None:
        """See `Chat`."""
        self._pending = None

    def truncate(self, heard: str) -> None:
        """See `Chat`. Raises NotSaid, or OutOfTurn without an answer in the dialogue."""
        self._dialogue.truncate(heard)

    def add(self, message: Message) -> None:
        """See `Chat`. Raises OutOfTurn while an answer is pending."""
        if self._pending is not None:
            raise OutOfTurn("an answer is pending; commit or discard it first")
        self._dialogue.append(self._dialogue.turn(message.role, message.text))

    @property
    def history(self) -> tuple[Message, ...]:
        """See `Chat`."""
        return self._dialogue.history

    def close(self) -> None:
        """See `Chat`."""
        self._decoder = self._pending = None

    def _open(self) -> Decoder:
        if self._decoder is None:
            raise OutOfTurn("the chat is closed")
        return self._decoder
