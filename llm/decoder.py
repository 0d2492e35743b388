"""A token sequence and its KV cache, kept in step: what they share stays, the rest is computed."""

from __future__ import annotations

from collections.abc import Generator, Sequence

import torch
from torch import Tensor

from llm import parts
from llm.network import Network
from llm.parts import Part


class Decoder:
    """One sequence and its cache. Not thread-safe: one thread computes for all decoders of a network."""

    def __init__(self, network: Network) -> None:
        self._network = network
        self._cache = network.key_values()
        self._ids: list[int] = []  # what the cache holds; len(_ids) == _cache.length
        self._hidden: Tensor | None = None  # [n, D] of the last n ids, if they were the last computed

    @property
    def positions(self) -> int:
        """How many tokens a sequence may have."""
        return self._network.positions

    def prefill(self, ids: Sequence[int], *, scored: int = 1) -> int:
        """Make the cache hold exactly `ids`, at least one; returns how many of them had to be computed.

        What follows each of the last `scored` of them can be asked of `logits` afterwards.
        """
        steps = self.prefilling(ids, scored=scored)
        while True:
            try:
                next(steps)
            except StopIteration as end:
                return int(end.value)

    def prefilling(self, ids: Sequence[int], *, scored: int = 1) -> Generator[None, None, int]:
        """Do what `prefill` does, a chunk a step."""
        shared = shared_length(self._ids, ids)
        scored = min(scored, len(ids))
        if shared == len(ids) == len(self._ids) and self._hidden is not None and len(self._hidden) >= scored:
            return 0
        shared = min(shared, len(ids) - scored)  # computed again for their hidden states
        if shared < len(self._ids):
            self._crop(shared)
        hidden = []
        chunk = self._network.chunk
        for at in range(shared, len(ids), chunk):
            yield
            hidden.append(self._forward(ids[at : at + chunk]))
        self._hidden = torch.cat(hidden)[-scored:].clone()
        return len(ids) - shared

    def extend(self, *ids: int) -> None:
        """Compute a few more tokens, to the last bit as if one by one; `logits` can be asked of each."""
        self._hidden = self._forward(ids, stepwise=True)

    def drop(self, count: int) -> None:
        """Take back the last `count` tokens."""
        if count:
            self._crop(len(self._ids) - count)

    def logits(self, *before: int) -> Tensor:
        """Score what follows the last token: [V], float32, on the CPU. After `prefill` or `extend`.

        `before`: instead, what follows the token so many before the last one, each: [len(before), V].
        """
        assert self._hidden is not None
        rows = self._hidden[[len(self._hidden) - 1 - each for each in before or (0,)]]
        with torch.inference_mode():
            scores = self._network.logits(rows).float().cpu()
        return scores if before else scores[0]

    def part(self, start: int) -> Part:
        """Copy the keys and values of all that the cache holds from token `start` on, to the CPU."""
        ids = self._ids
        return Part(len(ids) - start, parts.name(ids), self._cache.part(start).cpu())

    def resume(self, ids: Sequence[int], part: Part) -> bool:
        """Make the cache hold exactly `ids`, the last of them by a part that another decoder computed.

        False, and nothing changes, unless it is a part of these ids, and the cache holds those before it.
        """
        start = len(ids) - part.tokens
        known = start >= 0 and shared_length(self._ids, ids) >= start
        fits = self._cache.fits(part.key_values) and len(ids) <= self.positions
        if not (known and fits and parts.name(ids) == part.sequence):
            return False
        if start < len(self._ids):
            self._crop(start)
        self._cache.extend(part.key_values)
        self._ids += ids[start:]
        self._hidden = None
        return True

    def _crop(self, length: int) -> None:
        del self._ids[length:]
        self._cache.length = length
        self._hidden = None

    def _forward(self, ids: Sequence[int], *, stepwise: bool = False) -> Tensor:
        with torch.inference_mode():
            hidden = self._network.forward(list(ids), self._cache, stepwise=stepwise)
        self._ids += ids
        return hidden


def extend_each(decoders: Sequence[Decoder], ids: Sequence[int]) -> Tensor:
    """Compute one token for each decoder of a network in one pass; returns what follows each: [n, V].

    As `Decoder.extend` and `logits` do, but for rounding: whether two sequences shared a pass may show in the
    last bits.
    """
    network = decoders[0]._network
    with torch.inference_mode():
        hidden = network.step(list(ids), [each._cache for each in decoders])
        logits = network.logits(hidden).float().cpu()
    for decoder, id, row in zip(decoders, ids, hidden, strict=True):
        decoder._ids.append(id)
        decoder._hidden = row[None]
    return logits


def shared_length(a: Sequence[int], b: Sequence[int]) -> int:
    """Return the length of the longest common prefix."""
    for length, (left, right) in enumerate(zip(a, b, strict=False)):
        if left != right:
            return length
    return min(len(a), len(b))
