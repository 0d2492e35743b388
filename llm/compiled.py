"""The decoder with int8 weights as compiled code: `c/forward.c`.

The mathematics of `model.Transformer`, whose letters of the shapes hold here too. Activations are rounded to
8 bits in blocks, each with a scale of its own, so that an outlier spoils only its block. A weight is read
from memory once for all rows of a pass, and multiplied with eight of them while it is in a register.
"""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from ctypes import byref
from weakref import finalize

import torch
from torch import Tensor

from llm.layout import Weights, floats
from llm.model import KeyValues, key_values_shape
from llm.network import ANOTHERS, CHUNK_TOKENS, Cache
from llm.packed import Packed, Place


class TiledKeyValues(KeyValues):
    """Keys in tiles of as many positions as a vector has floats, [positions / tile, E, tile]."""

    def __init__(self, data: Tensor, tile: int) -> None:
        """`data`: [2, layers, 1, G, positions, E] of whole tiles, float16."""
        super().__init__(data)
        self._tile = tile
        *outer, positions, width = data[0].shape
        self._tiles = data[0].view(*outer, positions // tile, width, tile)

    def part(self, start: int) -> Tensor:
        """Copy what is defined from position `start` on, untiled: [2, layers, 1, G, length - start, E]."""
        held = self._untiled(start, self.length)
        first = start // self._tile * self._tile
        keys = held[..., start - first : self.length - first, :]
        return torch.stack((keys, self.data[1, ..., start : self.length, :]))

    def extend(self, part: Tensor) -> None:
        """Let a copied part follow."""
        start, end = self.length, self.length + part.shape[-2]
        held, first = self._untiled(start, end), start // self._tile
        held[..., start - first * self._tile : end - first * self._tile, :] = part[0]
        places = self._tiles[..., first : first + held.shape[-2] // self._tile, :, :]
        places[...] = held.view(places.transpose(-1, -2).shape).transpose(-1, -2)
        self.data[1, ..., start:end, :] = part[1]
        self.length = end

    def _untiled(self, start: int, end: int) -> Tensor:
        """Copy the keys of the tiles that hold these positions: [layers, 1, G, whole tiles, E]."""
        tiles = self._tiles[..., start // self._tile : -(-end // self._tile), :, :]
        return tiles.transpose(-1, -2).flatten(-3, -2)


class CompiledTransformer:
    """The weights, and the forward pass, for one thread.

    A row comes out the same to the last bit whatever is beside it.
    """

    chunk = CHUNK_TOKENS

    def __init__(self, weights: Weights, *, positions: int, threads: int, library: ctypes.CDLL) -> None:
        """Pack weights that are `packable`. Raises MemoryError."""
        self.config, self.positions = weights.config, positions
        self._embed, self._embed_scale = weights.tensors["embed.weight"], weights.tensors["embed.scale"]
        self.library, self._tile = library, int(library.forward_lanes())
        self._shape = key_values_shape(self.config, -(-positions // self._tile) * self._tile)
        packed = Packed(weights, tile=self._tile, positions=positions, cached=self._shape[-2])
        self._forward = library.forward_open(byref(packed.network), CHUNK_TOKENS, threads)
        if self._forward is None:
            raise MemoryError(f"a pass of {CHUNK_TOKENS} tokens on {threads} threads could not be set up")
        self._outputs = int(packed.network.head.outputs)  # the vocabulary, and zeros up to a whole strip
        finalize(self, _close, library, self._forward, packed)

    def key_values(self) -> TiledKeyValues:
        """Make an empty KV cache for one sequence; memory that was never written is not taken."""
        return TiledKeyValues(torch.empty(self._shape, dtype=torch.float16), self._tile)

    def forward(self, ids: list[int], cache: Cache, *, stepwise: bool = False) -> Tensor:
        """Compute the hidden states [S, D] of tokens that follow the cache's, and extend the cache.

        `stepwise` makes no difference: the states are those that the tokens have one by one.
        """
        hidden = self._run(ids, [cache] * len(ids), range(cache.length, cache.length + len(ids)))
        cache.length += len(ids)
        return hidden

    def step(self, ids: list[int], caches: Sequence[Cache]) -> Tensor:
        """Compute the hidden states [n, D] of one token for each of n sequences, and extend their caches."""
        hidden = self._run(ids, caches, [cache.length for cache in caches])
        for cache in caches:
            cache.length += 1
        return hidden

    def logits(self, hidden: Tensor) -> Tensor:
        """Score the next token: [S, D] -> [S, V]."""
        hidden, logits = hidden.contiguous(), torch.empty(len(hidden), self._outputs)
        for at in range(0, len(hidden), CHUNK_TOKENS):
            some = hidden[at : at + CHUNK_TOKENS]
            self.library.forward_head(self._forward, len(some), some.data_ptr(), logits[at].data_ptr())
        return logits[:, : self.config.vocab_size]

    def _run(self, ids: list[int], caches: Sequence[Cache], positions: Sequence[int]) -> Tensor:
        """Let each token follow in its cache, at its position: their states [n, D]."""
        rows = torch.tensor(ids)
        hidden = floats(self._embed[rows], self._embed_scale[rows]) * self.config.embed_scale
        places = [self._place(*each) for each in zip(caches, positions, strict=True)]
        for at in range(0, len(ids), CHUNK_TOKENS):
            some, where = hidden[at : at + CHUNK_TOKENS], places[at : at + CHUNK_TOKENS]
            self.library.forward_body(self._forward, len(some), some.data_ptr(), (Place * len(some))(*where))
        return hidden

    def _place(self, cache: Cache, position: int) -> Place:
        assert isinstance(cache, TiledKeyValues), ANOTHERS
        assert position < self.positions, f"position {position} of {self.positions}"  # or memory breaks
        return Place(cache.data.data_ptr(), position)


def _close(library: ctypes.CDLL, forward: int, packed: Packed) -> None:
    library.forward_close(forward)
    del packed  # not before
