"""The assistant's own decoder: conversations that share weights, each with its KV cache."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock

import torch
from torch import Tensor

from llm import layout
from llm.decoder import Decoder, PrefixStore
from llm.dialogue import Dialogue, Turn
from llm.engine import Message, Sampling, Token
from llm.errors import OutOfTurn
from llm.layout import Weights
from llm.model import Transformer
from llm.sampling import Sampler
from llm.template import ChatTemplate
from llm.tokenizer import TextStream, TextTokenizer

CONTEXT = 4096  # positions: 100 MB of KV cache for the 0.5B model, once all are used
REPLY_SHARE = 8  # one of so many positions stays free for the answer


def load(
    folder: Path, *, name: str, threads: int = 2, device: str = "cpu", dtype: torch.dtype | None = None
) -> LocalModel:
    """Load the weights that `gguf.convert` wrote to `folder`. Raises WeightsUnreadable.

    `threads` becomes torch's setting for the whole process. `dtype` defaults to float32 (int8 products) on a
    CPU, to bfloat16 on other devices.
    """
    torch.set_num_threads(threads)
    dtype = dtype or (torch.float32 if device == "cpu" else torch.bfloat16)
    return LocalModel(layout.read(folder), name=name, device=device, dtype=dtype)


class LocalModel:
    """A `LanguageModel`. Threads may share it: the steps of their conversations take turns."""

    def __init__(
        self, weights: Weights, *, name: str, device: str, dtype: torch.dtype, context: int = CONTEXT
    ) -> None:
        self.name = name
        self.tokenizer = TextTokenizer(weights.tokenizer_json, weights.config.stop_ids)
        self.template = ChatTemplate(weights.chat_template, self.tokenizer)
        self.stop_ids = frozenset(weights.config.stop_ids)
        self._boundary_ids = weights.tensors["boundary"].nonzero()[:, 0]
        positions = min(context, weights.config.context)
        self._transformer = Transformer(weights, positions=positions, device=device, dtype=dtype)
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
        return Decoder(self._transformer, self._step_lock)

    def boundary(self, logits: Tensor) -> float:
        """Return the probability that the next token ends a phrase: [V] -> 0 to 1."""
        return float(logits.softmax(dim=0)[self._boundary_ids].sum())


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
        if user is None:
            logits = decoder.logits()
        else:
            user_end, logits = decoder.logits(len(prompt.opening), 0)
            self._turn_over = float(user_end.softmax(dim=0)[prompt.opening[0]])
        sampler, stream = Sampler(sampling), TextStream(self._model.tokenizer)
        for _ in range(min(sampling.max_tokens, decoder.positions - len(prompt.ids))):
            id = sampler.choose(logits, pending.said)
            if id in self._model.stop_ids:
                return
            pending.said.append(id)
            yield Token(id, stream.push(id), self._model.boundary(logits))
            if self._pending is not pending:  # committed or discarded: the cache is no longer ours
                return
            decoder.extend(id)
            logits = decoder.logits()

    @property
    def turn_over(self) -> float | None:
        """See `Chat`: of what could follow the user's text, the share of the token that ends a turn."""
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
