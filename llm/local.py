"""The assistant's own decoder: conversations that share weights, each with its KV cache."""

from __future__ import annotations

import logging
from collections.abc import Generator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import torch

from llm import layout, packed
from llm.compiled import CompiledTransformer
from llm.decoder import Decoder
from llm.dialogue import Dialogue, Prompt, Turn
from llm.engine import Message, PromptTokens, Sampling, Token, Tool
from llm.errors import OutOfTurn
from llm.generation import Generation
from llm.layout import Weights
from llm.model import Transformer
from llm.network import Network
from llm.parts import Part
from llm.prefixes import PrefixStore
from llm.recorded import RecordedTransformer
from llm.sampling import Sampler
from llm.scheduler import Scheduler
from llm.template import ChatTemplate
from llm.tokenizer import TextStream, TextTokenizer
from llm.tool_calls import opening
from llm.vocabulary import Vocabulary
from llm.window import FREE, PRIOR, Lookup, Source, Window, window_costs

log = logging.getLogger(__name__)

CONTEXT = 4096  # positions: 100 MB of KV cache for the 0.5B model, once all are used
SLOWER = (
    "The decoder's compiled passes are missing, or this CPU has no AVX2: torch runs it instead, slower. "
    "Install a C compiler (on Debian or Ubuntu: apt-get install gcc libc6-dev), then Liushui anew."
)
REPLY_SHARE = 8  # one of so many positions stays free for the answer


def load(
    folder: Path, *, name: str, threads: int = 2, device: str = "cpu", dtype: torch.dtype | None = None
) -> LocalModel:
    """Load the weights that `gguf.convert` wrote to `folder`. Raises WeightsUnreadable.

    `threads`: of its products. `dtype` defaults to float32 (int8 products) on a CPU, to bfloat16 on other
    devices.
    """
    dtype = dtype or (torch.float32 if device == "cpu" else torch.bfloat16)
    model = from_weights(layout.read(folder), name=name, threads=threads, device=device, dtype=dtype)
    model.costs = model.scheduler.run(lambda: window_costs(model.decoder()))
    return model


def from_weights(
    weights: Weights,
    *,
    name: str,
    device: str,
    dtype: torch.dtype,
    threads: int = 2,
    context: int = CONTEXT,
) -> LocalModel:
    """Make a model of these weights; its windows cost nothing until they are measured."""
    positions, scheduler = min(context, weights.config.context), Scheduler()
    network = scheduler.run(lambda: _network(weights, positions, threads, device, dtype))
    tokenizer = TextTokenizer(weights.tokenizer_json, weights.config.stop_ids)
    vocabulary = Vocabulary(tokenizer, weights.tensors["boundary"], weights.config.stop_ids)
    template = ChatTemplate(weights.chat_template, tokenizer)
    folder = weights.folder and weights.folder / "prefixes" / str(dtype).removeprefix("torch.")
    prefixes = PrefixStore(folder)
    return LocalModel(name, network, scheduler, vocabulary, template, costs=FREE, prefixes=prefixes)


class LocalModel:
    """A `LanguageModel`. Threads may share it: one of its own computes for all their conversations."""

    def __init__(
        self,
        name: str,
        network: Network,
        scheduler: Scheduler,
        vocabulary: Vocabulary,
        template: ChatTemplate,
        *,
        costs: Sequence[float],
        prefixes: PrefixStore,
    ) -> None:
        """`scheduler`: in whose thread the network was made; `costs`: see `Window`."""
        self.name = name
        self.network = network
        self.scheduler = scheduler
        self.vocabulary = vocabulary
        self.tokenizer = vocabulary.tokenizer
        self.template = template
        self.costs = costs
        self.odds = list(PRIOR)  # of what a conversation's own text proposes, learnt by all of them
        self._prefixes = prefixes

    def chat(self, system: str, tools: Sequence[Tool] = ()) -> LocalChat:
        """Open a conversation; the first one with a system text computes it, the next ones copy that.

        Raises WeightsUnsupported if the model knows no tools.
        """
        dialogue = Dialogue(system, self.tokenizer, self.template, tools)
        return LocalChat(
            self, dialogue, self.scheduler.run_steps(self._begun(dialogue.opening()), urgent=True)
        )

    def decoder(self) -> Decoder:
        """Make a decoder with an empty cache, for the scheduler's thread."""
        return Decoder(self.network)

    def _begun(self, opening: list[int]) -> Generator[None, None, Decoder]:
        decoder = self.decoder()
        yield from self._prefixes.beginning(decoder, opening)
        return decoder


def _network(weights: Weights, positions: int, threads: int, device: str, dtype: torch.dtype) -> Network:
    """Load the weights in the thread that is going to compute with them."""
    torch.set_num_threads(threads)
    if device == "cpu" and dtype == torch.float32 and packed.packable(weights):
        if (library := packed.quickest()) is not None:
            torch.set_num_threads(1)  # for the little that is left to it
            return CompiledTransformer(weights, positions=positions, threads=threads, library=library)
        log.warning(SLOWER)
    kind = RecordedTransformer if device.startswith("cuda") else Transformer
    return kind(weights, positions=positions, device=device, dtype=dtype)


@dataclass(slots=True)
class _Pending:
    user: Turn | None
    stops: bool  # the answer may end inside a token
    start: int = 0  # how many tokens stand before the user's
    said: list[int] = field(default_factory=list)
    text: str = ""


class LocalChat:
    """A `Chat`: a changed word, a barge-in and a truncation are all a crop of the KV cache."""

    def __init__(self, model: LocalModel, dialogue: Dialogue, decoder: Decoder) -> None:
        self._model = model
        self._dialogue = dialogue
        self._decoder: Decoder | None = decoder  # None: closed
        self._pending: _Pending | None = None
        self._generation: Generation | None = None  # of the pending answer
        self._room = decoder.positions - decoder.positions // REPLY_SHARE  # for prompts
        self._turn_over: float | None = None
        self._prompt_tokens: PromptTokens | None = None
        self._start = 0  # how many tokens stood before the question that was committed last
        self._window = Window(model.costs, Lookup(model.odds))

    def prefill(self, user_text: str) -> int:
        """See `Chat`. Computes nothing while an answer is pending: its end decides what the dialogue will be.

        Raises ContextOverflow.
        """
        decoder = self._open()
        if self._pending is not None:
            return 0
        prompt = self._dialogue.prompt(self._dialogue.turn("user", user_text), self._room)
        steps = decoder.prefilling(prompt.ids, scored=len(prompt.opening) + 1)
        return self._model.scheduler.run_steps(steps, urgent=False)

    def brief(self, text: str) -> None:
        """See `Chat`. Raises OutOfTurn while an answer is pending."""
        self._require_settled()
        self._dialogue.brief = self._dialogue.turn("system", text) if text else None

    def prompt_ids(self, user_text: str) -> list[int]:
        """Return what an answer to this text would be computed from. Raises ContextOverflow."""
        return self._dialogue.prompt(self._dialogue.turn("user", user_text), self._room).ids

    def reply(self, user_text: str | None, sampling: Sampling) -> Generator[Token]:
        """See `Chat`. The answer ends early where the context does.

        Raises ContextOverflow, OutOfTurn, or BadSampling for a token that the vocabulary does not have.
        """
        decoder = self._open()
        self._require_settled()
        sampler = Sampler(sampling, vocabulary=self._model.vocabulary.size)
        user = None if user_text is None else self._dialogue.turn("user", user_text)
        self._pending = pending = _Pending(user, stops=bool(sampling.stop))
        self._turn_over = self._prompt_tokens = None
        prompt = self._dialogue.prompt(user, self._room)
        pending.start = prompt.start
        forced = self._forced(sampling)
        beginning = self._beginning(decoder, prompt, forced, sampler, spoken=user is not None)
        self._generation = generation = self._model.scheduler.run_steps(beginning, urgent=True)
        stream = TextStream(self._model.tokenizer)
        for id in forced:
            token = Token(id, stream.push(id), 0.0, chosen=False)
            pending.said.append(id)
            pending.text += token.text
            yield token
            if self._pending is not pending:
                return
        with closing(self._model.scheduler.tokens(generation)) as tokens:
            for token in tokens:
                pending.said.append(token.id)
                pending.text += token.text
                yield token
                if self._pending is not pending:  # committed or discarded: what follows is nobody's
                    return

    def _forced(self, sampling: Sampling) -> list[int]:
        """Return the ids that the answer begins with, whatever the model would say."""
        begin = sampling.begin
        if sampling.call is not None:
            begin += opening(sampling.call, self._dialogue.tools)
        return self._model.tokenizer.encode_answer(begin) if begin else []

    def _beginning(
        self, decoder: Decoder, prompt: Prompt, forced: list[int], sampler: Sampler, *, spoken: bool
    ) -> Generator[None, None, Generation]:
        """Compute the prompt and the answer's `forced` tokens, and begin what follows them."""
        vocabulary, ids = self._model.vocabulary, [*prompt.ids, *forced]
        behind = len(prompt.opening) + len(forced)  # the user's text
        computed = yield from decoder.prefilling(ids, scored=behind + 1)
        self._prompt_tokens = PromptTokens(len(prompt.ids), max(0, len(prompt.ids) - computed))
        over, first = decoder.logits(behind, 0)
        if spoken:
            self._turn_over = vocabulary.turn_over(over, prompt.opening[0])
        room = decoder.positions - len(ids)
        generation = Generation(decoder, vocabulary, sampler, self._window, ids, room)
        generation.take(first[None])
        generation.hand_over()
        return generation

    @property
    def turn_over(self) -> float | None:
        """See `Chat`: of what could follow the user's text, the share of what ends a turn."""
        return self._turn_over

    @property
    def prompt_tokens(self) -> PromptTokens | None:
        """See `Chat`."""
        return self._prompt_tokens

    def commit(self, heard: str | None = None) -> None:
        """See `Chat`. Raises OutOfTurn without a pending turn, NotSaid for what the answer did not say."""
        self._open()
        if self._pending is None:
            raise OutOfTurn("there is no pending turn to commit")
        if heard is None and self._pending.stops:
            heard = self._pending.text
        answer = self._dialogue.answer(self._pending.said, heard)
        if self._pending.user is not None:
            self._dialogue.add(self._pending.user)
        self._dialogue.add(answer)
        self._start = self._pending.start
        self.discard()

    def part(self) -> Part:
        """Copy what the question and the answer that were just committed added to the KV cache."""
        decoder = self._open()
        return self._model.scheduler.run(lambda: decoder.part(self._start))

    def recall(self, user_text: str, said: Sequence[int], heard: str, part: Part | None) -> None:
        """Append a question and what was heard of an answer that was computed before.

        With its `part`, if that is of these very tokens, the conversation goes on as if it had been computed
        here. Raises NotSaid, ContextOverflow, or OutOfTurn while an answer is pending.
        """
        decoder = self._open()
        self._require_settled()
        user, answer = self._dialogue.turn("user", user_text), self._dialogue.answer(said, heard)
        prompt = self._dialogue.prompt(user, self._room)
        if part is not None:
            ids = [*prompt.ids, *said][: prompt.start + part.tokens]
            self._model.scheduler.run(lambda: decoder.resume(ids, part))
        self._dialogue.add(user)
        self._dialogue.add(answer)

    def propose_from(self, source: Source) -> None:
        """Let what answers may repeat be proposed from there too: they come sooner, and stay the same."""
        self._window.add(source)

    def discard(self) -> None:
        """See `Chat`."""
        if self._generation is not None:
            self._generation.stop()
        self._pending = self._generation = None

    def truncate(self, heard: str, index: int | None = None) -> None:
        """See `Chat`. Raises NotSaid, or OutOfTurn without an answer in the dialogue."""
        self._dialogue.truncate(heard, index)

    def add(self, message: Message, index: int | None = None) -> None:
        """See `Chat`. Raises OutOfTurn while an answer is pending."""
        self._require_settled()
        self._dialogue.add(self._dialogue.turn(message.role, message.text), index)

    def remove(self, index: int) -> None:
        """See `Chat`. Raises OutOfTurn while an answer is pending, or for the system's own text."""
        self._require_settled()
        self._dialogue.remove(index)

    @property
    def history(self) -> tuple[Message, ...]:
        """See `Chat`."""
        return self._dialogue.history

    def close(self) -> None:
        """See `Chat`."""
        self.discard()
        self._decoder = None

    def _require_settled(self) -> None:
        if self._pending is not None:
            raise OutOfTurn("an answer is pending; commit or discard it first")

    def _open(self) -> Decoder:
        if self._decoder is None:
            raise OutOfTurn("the chat is closed")
        return self._decoder
