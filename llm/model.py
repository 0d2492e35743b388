"""The decoder as mathematics: Llama (arXiv:2302.13971) and Qwen2 (arXiv:2407.10671), for one sequence.

Letters of the shapes: S new positions, T positions so far with the new ones, D model width, H query heads,
G key-value heads (arXiv:2305.13245), E head width, F feed-forward width, V vocabulary.
Names of the tensors: embed, head (absent if tied), norm, and for each layer layers.0.attn_norm, .qkv, .out,
.mlp_norm, .gate_up, .down; each ends in .weight, with a .scale [rows] if it is int8, a .bias if it has one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor

from llm.layout import ModelConfig, Weights, floats
from llm.linear import Linear, linear, packing
from llm.network import ANOTHERS, CHUNK_TOKENS, Cache

Attend = Callable[[int, Tensor, Tensor, Tensor], Tensor]  # layer, q [S, H, E], k, v [S, G, E] -> [S, H * E]


class KeyValues:
    """Keys and values of one sequence, for every layer; positions from `length` on are undefined.

    Memory behind positions that were never written is not taken from the system.
    """

    def __init__(self, data: Tensor) -> None:
        self.data = data  # [2, layers, 1, G, positions, E]
        self.length = 0  # the owner moves it: on by S after a forward pass, back to crop

    def write(self, layer: int, start: int, k: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
        """Write `k` and `v` [S, G, E] from `start` on; returns all up to their end, each [1, G, T, E]."""
        end = start + len(k)
        keys, values = self.data[0, layer, :, :, :end], self.data[1, layer, :, :, :end]
        keys[0, :, start:] = k.transpose(0, 1)
        values[0, :, start:] = v.transpose(0, 1)
        return keys, values

    def part(self, start: int) -> Tensor:
        """Copy what is defined from position `start` on: [2, layers, 1, G, length - start, E]."""
        return self.data[..., start : self.length, :].clone()

    def fits(self, part: Tensor) -> bool:
        """Whether a copied part is of such a cache."""
        (*outer, _, width), shape = self.data.shape, part.shape
        return part.dtype == self.data.dtype and (*shape[:-2], shape[-1]) == (*outer, width)

    def extend(self, part: Tensor) -> None:
        """Let a copied part follow."""
        end = self.length + part.shape[-2]
        self.data[..., self.length : end, :] = part
        self.length = end


@dataclass(frozen=True, slots=True)
class Layer:
    """One transformer block's weights."""

    attn_norm: Tensor  # [D]
    qkv: Linear  # D -> (H + 2 G) * E, queries first
    out: Linear  # H * E -> D
    mlp_norm: Tensor  # [D]
    gate_up: Linear  # D -> 2 F, gate first
    down: Linear  # F -> D


class Transformer:
    """The weights on their device, and the forward pass. Threads may share it, with a KeyValues each."""

    chunk = CHUNK_TOKENS

    def __init__(self, weights: Weights, *, positions: int, device: str, dtype: torch.dtype) -> None:
        config, tensors = weights.config, weights.tensors
        self.config, self.positions, self.device, self.dtype = config, positions, device, dtype
        with packing(), ThreadPoolExecutor(torch.get_num_threads()) as pool:
            head = pool.submit(self._linear, tensors, "head" if "head.weight" in tensors else "embed")
            self._layers = list(
                pool.map(lambda i: self._layer(tensors, f"layers.{i}."), range(config.n_layers))
            )
            self._head = head.result()
        self._embed = tensors["embed.weight"].to(device)  # [V, D], int8 with a scale a row, or float
        self._embed_scale = tensors["embed.scale"].to(device) if "embed.scale" in tensors else None  # [V]
        self._norm = self._vector(tensors, "norm.weight")
        self._cos, self._sin = (table.to(device, dtype) for table in rotations(config, positions))

    def _linear(self, tensors: dict[str, Tensor], name: str, *, outliers: bool = False) -> Linear:
        weight, scale, bias = (tensors.get(f"{name}.{part}") for part in ("weight", "scale", "bias"))
        assert weight is not None, name
        return linear(weight, scale, bias, self.device, self.dtype, outliers=outliers)

    def _vector(self, tensors: dict[str, Tensor], name: str) -> Tensor:
        return tensors[name].to(self.device, self.dtype)

    def _layer(self, tensors: dict[str, Tensor], prefix: str) -> Layer:
        return Layer(
            attn_norm=self._vector(tensors, prefix + "attn_norm.weight"),
            qkv=self._linear(tensors, prefix + "qkv"),
            out=self._linear(tensors, prefix + "out"),
            mlp_norm=self._vector(tensors, prefix + "mlp_norm.weight"),
            gate_up=self._linear(tensors, prefix + "gate_up"),
            # What goes in has "massive activations" (arXiv:2402.17762), of the first token above all.
            down=self._linear(tensors, prefix + "down", outliers=True),
        )

    def key_values(self) -> KeyValues:
        """Make an empty KV cache for one sequence."""
        shape = key_values_shape(self.config, self.positions)
        return KeyValues(torch.empty(shape, device=self.device, dtype=self.dtype))

    def forward(self, ids: list[int], cache: Cache, *, stepwise: bool = False) -> Tensor:
        """Compute the hidden states [S, D] of tokens that follow the cache's, and extend the cache.

        `stepwise`: to the last bit those that the tokens would have one by one. Costs more for many.
        """
        assert isinstance(cache, KeyValues), ANOTHERS
        start, end = cache.length, cache.length + len(ids)
        if stepwise or len(ids) == 1:
            attend: Attend = partial(self._one_by_one, [(cache, at) for at in range(start, end)])
        else:
            attend = partial(self._together, cache, self._mask(start, end))
        positions = torch.arange(start, end, device=self.device)
        hidden = self._run(torch.tensor(ids, device=self.device), positions, attend)
        cache.length = end
        return hidden

    def step(self, ids: list[int], caches: Sequence[Cache]) -> Tensor:
        """Compute the hidden states [n, D] of one token for each of n sequences, and extend their caches."""
        places = [(cache, cache.length) for cache in caches if isinstance(cache, KeyValues)]
        assert len(places) == len(ids), ANOTHERS
        positions = torch.tensor([cache.length for cache in caches], device=self.device)
        attend = partial(self._one_by_one, places)
        hidden = self._run(torch.tensor(ids, device=self.device), positions, attend)
        for cache in caches:
            cache.length += 1
        return hidden

    def logits(self, hidden: Tensor) -> Tensor:
        """Score the next token: [S, D] -> [S, V]."""
        return self._head(hidden)

    def _embedded(self, ids: Tensor) -> Tensor:
        rows = self._embed[ids]
        return (rows if self._embed_scale is None else floats(rows, self._embed_scale[ids])).to(self.dtype)

    def _normed(self, x: Tensor, weight: Tensor) -> Tensor:
        return F.rms_norm(x, weight.shape, weight, self.config.norm_eps)

    def _run(self, ids: Tensor, positions: Tensor, attend: Attend) -> Tensor:
        """Compute the hidden states [S, D] of tokens [S] at these positions [S]."""
        x = self._embedded(ids)  # [S, D]
        cos, sin = self._cos[positions], self._sin[positions]  # [S, 1, E]
        H, G, E, S = self.config.n_heads, self.config.n_kv_heads, self.config.head_dim, len(x)
        for index, layer in enumerate(self._layers):
            qkv = layer.qkv(self._normed(x, layer.attn_norm)).view(S, H + 2 * G, E)
            rotated = rotate(qkv[:, : H + G], cos, sin)
            x = x + layer.out(attend(index, rotated[:, :H], rotated[:, H:], qkv[:, H + G :]))
            gate, up = layer.gate_up(self._normed(x, layer.mlp_norm)).chunk(2, dim=-1)  # [S, F] each
            x = x + layer.down(F.silu(gate).mul_(up))
        return self._normed(x, self._norm)

    def _mask(self, start: int, end: int) -> Tensor:
        """Causal mask to add to the scores, for the folded heads of `_together`: [H / G * S, T]."""
        mask = torch.full((end - start, end), -torch.inf, device=self.device, dtype=self.dtype).triu_(
            start + 1
        )
        return mask.repeat(self.config.n_heads // self.config.n_kv_heads, 1)

    # Attention of queries [S, H, E] to the keys and values so far and their own [S, G, E]: [S, H * E]. The
    # H / G query heads of a key-value head become rows of one query: keys and values are not copied.

    def _together(
        self, cache: KeyValues, mask: Tensor, layer: int, q: Tensor, k: Tensor, v: Tensor
    ) -> Tensor:
        (S, H, E), G = q.shape, k.shape[1]
        keys, values = cache.write(layer, cache.length, k, v)  # [1, G, T, E]
        q = q.transpose(0, 1).reshape(1, G, H // G * S, E)
        y = F.scaled_dot_product_attention(q, keys, values, attn_mask=mask)  # [1, G, H / G * S, E]
        return y.reshape(H, S, E).transpose(0, 1).reshape(S, H * E)

    def _one_by_one(
        self, places: list[tuple[KeyValues, int]], layer: int, q: Tensor, k: Tensor, v: Tensor
    ) -> Tensor:
        """Each row by itself, in its own place: with others beside it, its sums are rounded otherwise."""
        (S, H, E), G = q.shape, k.shape[1]
        rows = []
        for i, (cache, at) in enumerate(places):
            keys, values = cache.write(layer, at, k[i : i + 1], v[i : i + 1])
            rows.append(F.scaled_dot_product_attention(q[i].reshape(1, G, H // G, E), keys, values))
        return torch.cat(rows).reshape(S, H * E)


def key_values_shape(config: ModelConfig, positions: int, sequences: int = 1) -> tuple[int, ...]:
    """[2, layers, sequences, G, positions, E]: keys, then values."""
    return 2, config.n_layers, sequences, config.n_kv_heads, positions, config.head_dim


def rotations(config: ModelConfig, positions: int) -> tuple[Tensor, Tensor]:
    """Rotary embedding (arXiv:2104.09864): cosines and signed sines, each [positions, 1, E]."""
    half = torch.arange(0, config.head_dim, 2, dtype=torch.float32) / config.head_dim
    angles = torch.outer(torch.arange(positions, dtype=torch.float32), config.rope_base**-half)
    cos, sin = angles.cos(), angles.sin()
    return torch.cat((cos, cos), dim=1)[:, None], torch.cat((-sin, sin), dim=1)[:, None]


def rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Turn each pair (x[i], x[i + E/2]) by its angle: [S, heads, E]."""
    return torch.addcmul(x * cos, x.roll(x.shape[-1] // 2, dims=-1), sin)
