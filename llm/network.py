"""What a decoder needs of the weights: see `model.Transformer` for one, and for the letters of the shapes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from torch import Tensor

CHUNK_TOKENS = 64  # larger chunks cost no less per token on two cores
ANOTHERS = "the cache was made by another network"


class Cache(Protocol):
    """Keys and values of one sequence. A network's own kind, which no other can read."""

    length: int  # positions that are defined; may be set back to crop

    def part(self, start: int) -> Tensor:
        """Copy what is defined from position `start` on."""
        ...

    def fits(self, part: Tensor) -> bool:
        """Whether a copied part is of such a cache."""
        ...

    def extend(self, part: Tensor) -> None:
        """Let a copied part follow."""
        ...


class Network(Protocol):
    """Weights, and their forward pass, for one thread."""

    positions: int
    chunk: int  # so much of a prompt is computed at a time; a step of another conversation waits for it

    def key_values(self) -> Cache:
        """Make an empty KV cache for one sequence."""
        ...

    def forward(self, ids: list[int], cache: Cache, *, stepwise: bool = False) -> Tensor:
        """Compute the hidden states [S, D] of tokens that follow the cache's, and extend the cache."""
        ...

    def step(self, ids: list[int], caches: Sequence[Cache]) -> Tensor:
        """Compute the hidden states [n, D] of one token for each of n sequences, and extend their caches."""
        ...

    def logits(self, hidden: Tensor) -> Tensor:
        """Score the next token: [S, D] -> [S, V]."""
        ...
