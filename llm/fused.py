"""The decoder with int8 weights as a fused graph, run by ONNX Runtime: for CPUs with AVX-512 VNNI.

The mathematics of `model.Transformer`, whose letters of the shapes hold here too. Activations are rounded to
8 bits in blocks, each with a scale of its own, so that an outlier spoils only its block. Measured on two
cores, at position 100: a step takes 19 instead of 27 ms (Qwen2.5-0.5B) and 7.5 instead of 16 (SmolLM2-135M),
eight tokens together 35 instead of 36 and 19 instead of 25, sixty-four as long as in torch. The mean KL
divergence from exact products of the same weights is 0.003 and 0.009, where `linear` has 0.005 and 0.02. On
AVX2 alone a product of one row takes as long as in torch, one of several twice as long.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import onnxruntime as ort
import torch
from numpy.typing import NDArray
from torch import Tensor

from llm import layout
from llm.arena import SLOTS, Arena, Arenas, Slot, slot_of
from llm.graph import BLOCKS, HEAD_MULTIPLE, Graph
from llm.layout import Weights
from llm.model import key_values_shape
from llm.network import CHUNK_TOKENS, Cache


def suits(weights: Weights) -> bool:
    """Whether this is the quickest way to run these weights on this machine's CPU."""
    return (
        torch.cpu.get_capabilities().get("avx512_vnni", False)
        and weights.folder is not None
        and "embed.scale" in weights.tensors
        and all(width % BLOCKS[-1] == 0 for width in (weights.config.dim, weights.config.ffn_dim))
        and weights.config.head_dim % HEAD_MULTIPLE == 0
    )


class FusedTransformer:
    """The weights, and the forward pass, for one thread.

    In `forward`, a row comes out the same to the last bit whatever is beside it.
    """

    chunk = CHUNK_TOKENS

    def __init__(self, weights: Weights, *, positions: int, threads: int) -> None:
        """Build the graphs for int8 weights, which are mapped from their folder."""
        self.config, self.positions = weights.config, positions
        self._embed, self._embed_scale = weights.tensors["embed.weight"], weights.tensors["embed.scale"]
        # One position more than there are: the row that makes their number even is written too.
        self._body = Graph(weights).body(positions + 1).session(threads)
        self._head = Graph(weights).head().session(threads)
        shape = key_values_shape(self.config, positions + 1, SLOTS)
        # Pages that were never written are not taken from the system.
        self._arenas = Arenas(lambda: torch.empty(shape))
        self._bindings: dict[tuple[Arena, int, int], ort.IOBinding] = {}

    def key_values(self) -> Slot:
        """Make an empty KV cache for one sequence."""
        return self._arenas.take()

    def forward(self, ids: list[int], cache: Cache, *, stepwise: bool = False) -> Tensor:
        """Compute the hidden states [S, D] of tokens that follow the cache's, and extend the cache.

        `stepwise` makes no difference: the states are those that the tokens have one by one.
        """
        slot = slot_of(cache)
        even = [*ids, *ids[-1:]] if len(ids) % 2 else ids
        hidden = self._run(self._embedded(even), slot.arena, slot.number, 1)
        slot.length += len(ids)
        return torch.from_numpy(hidden[: len(ids)])

    def step(self, ids: list[int], caches: Sequence[Cache]) -> Tensor:
        """Compute the hidden states [n, D] of one token for each of n sequences, and extend their caches."""
        hidden = np.empty((len(ids), self.config.dim), np.float32)
        for arena, rows, slots in self._arenas.groups(caches):
            hidden[rows] = self._side_by_side([ids[row] for row in rows], arena, slots)
        return torch.from_numpy(hidden)

    def _side_by_side(self, ids: list[int], arena: Arena, slots: list[Slot]) -> NDArray[np.float32]:
        """Step for sequences of one arena: [n, D]. Slots between theirs come along, to no effect."""
        numbers = [slot.number for slot in slots]
        first = min(numbers) // 2 * 2  # an even number of rows, as in `forward`
        count = (max(numbers) + 2) // 2 * 2 - first
        rows = np.zeros(count, np.int64)
        rows[[number - first for number in numbers]] = ids
        hidden = self._run(self._embedded(rows.tolist()), arena, first, count)
        for slot in slots:
            slot.length += 1
        return hidden[[number - first for number in numbers]]

    def logits(self, hidden: Tensor) -> Tensor:
        """Score the next token: [S, D] -> [S, V]."""
        rows = hidden.numpy()
        even = np.concatenate((rows, rows[-1:])) if len(rows) % 2 else rows
        (scores,) = self._head.run(["logits"], {"hidden": even})
        return torch.from_numpy(scores[: len(hidden)])

    def _embedded(self, ids: list[int]) -> NDArray[np.float32]:
        rows = torch.tensor(ids)
        return layout.floats(self._embed[rows], self._embed_scale[rows]).numpy()  # [S, D]

    def _run(self, x: NDArray[np.float32], arena: Arena, first: int, count: int) -> NDArray[np.float32]:
        """Let embeddings follow in `count` slots from `first` on: [count * S, D] -> their hidden states."""
        hidden, width = np.empty_like(x), len(x) // count
        lengths = [arena.length(number) for number in range(first, first + count)]
        last = np.array(lengths, np.int32) + np.int32(width - 1)
        binding = self._binding(arena, first, count)
        binding.bind_cpu_input("x", x)
        binding.bind_cpu_input("shape", np.array([count, width, -1]))
        binding.bind_cpu_input("last", last)
        binding.bind_cpu_input("total", last.max(keepdims=True) + np.int32(1))
        binding.bind_output("hidden", "cpu", 0, np.float32, list(x.shape), hidden.ctypes.data)
        self._body.run_with_iobinding(binding)
        return hidden

    def _binding(self, arena: Arena, first: int, count: int) -> ort.IOBinding:
        """Bind the keys and values of these slots, in and out."""
        if (binding := self._bindings.get((arena, first, count))) is None:
            binding = self._bindings[arena, first, count] = self._body.io_binding()
            for layer in range(self.config.n_layers):
                for part, of_layer in zip(("key", "value"), arena.data[:, layer], strict=True):
                    tensor = of_layer[first : first + count]  # [count, G, positions, E], in one piece
                    where = ("cpu", 0, np.float32, list(tensor.shape), tensor.data_ptr())
                    binding.bind_input(f"past_{part}.{layer}", *where)
                    binding.bind_output(f"{part}.{layer}", *where)
        return binding
