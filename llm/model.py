"""The decoder as mathematics, for one sequence: Llama (arXiv:2302.13971), Qwen2 (arXiv:2407.10671), Qwen3
(arXiv:2505.09388), Gemma 3 (arXiv:2503.19786).

Letters of the shapes: S new positions, T positions so far with the new ones, D model width, H query heads,
G key-value heads (arXiv:2305.13245), E head width, F feed-forward width, V vocabulary.
Names of the tensors: embed, head (absent if tied), norm, and for each layer layers.0.attn_norm, .qkv, .out,
.mlp_norm, .gate_up, .down; each ends in .weight, with a .scale [rows] if it is int8, a .bias if it has one.
In some families also .q_norm and .k_norm, of each head, .post_attn_norm and .post_mlp_norm, of what is added
to the residual, and for all layers rope_factors [E / 2], by which rotations are slower (arXiv:2407.21783).
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
    head_norm: Tensor | None  # [H + G, E], queries first
    post_attn_norm: Tensor | None  # [D]
    post_mlp_norm: Tensor | None  # [D]
    cos: Tensor  # [positions, 1, E]
    sin: Tensor  # [positions, 1, E], signed


class Transformer:
    """The weights on their device, and the forward pass. Threads may share it, with a KeyValues each."""

    chunk = CHUNK_TOKENS

    def __init__(self, weights: Weights, *, positions: int, device: str, dtype: torch.dtype) -> None:
        config, tensors = weights.config, weights.tensors
        self.config, self.positions, self.device, self.dtype = config, positions, device, dtype
        turns = [
            tuple(table.to(device, dtype) for table in rotations(weights, positions, local=local))
            for local in (False, True)
        ]
        with packing(), ThreadPoolExecutor(torch.get_num_threads()) as pool:
            head = pool.submit(self._linear, tensors, "head" if "head.weight" in tensors else "embed")
            self._layers = list(
                pool.map(
                    lambda n: self._layer(tensors, f"layers.{n}", *turns[n in config.local_layers]),
                    range(config.n_layers),
                )
            )
            self._head = head.result()
        self._embed = tensors["embed.weight"].to(device)  # [V, D], int8 with a scale a row, or float
        self._embed_scale = tensors["embed.scale"].to(device) if "embed.scale" in tensors else None  # [V]
        self._norm = self._vector(tensors, "norm.weight")

    def _linear(self, tensors: dict[str, Tensor], name: str, *, outliers: bool = False) -> Linear:
        weight, scale, bias = (tensors.get(f"{name}.{part}") for part in ("weight", "scale", "bias"))
        assert weight is not None, name
        return linear(weight, scale, bias, self.device, self.dtype, outliers=outliers)

    def _vector(self, tensors: dict[str, Tensor], name: str) -> Tensor:
        return tensors[name].to(self.device, self.dtype)

    def _layer(self, tensors: dict[str, Tensor], name: str, cos: Tensor, sin: Tensor) -> Layer:
        def norm(part: str) -> Tensor | None:
            stored = f"{name}.{part}.weight"
            return self._vector(tensors, stored) if stored in tensors else None

        q, k = norm("q_norm"), norm("k_norm")
        heads, groups = self.config.n_heads, self.config.n_kv_heads
        return Layer(
            attn_norm=self._vector(tensors, f"{name}.attn_norm.weight"),
            qkv=self._linear(tensors, f"{name}.qkv"),
            out=self._linear(tensors, f"{name}.out"),
            mlp_norm=self._vector(tensors, f"{name}.mlp_norm.weight"),
            gate_up=self._linear(tensors, f"{name}.gate_up"),
            # What goes in has "massive activations" (arXiv:2402.17762), of the first token above all.
            down=self._linear(tensors, f"{name}.down", outliers=True),
            head_norm=None if q is None or k is None else torch.stack([q] * heads + [k] * groups),
            post_attn_norm=norm("post_attn_norm"),
            post_mlp_norm=norm("post_mlp_norm"),
            cos=cos,
            sin=sin,
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
            masks = [self._mask(start, end, window) for window in sorted({0, self.config.window})]
            attend = partial(self._together, cache, masks[0], masks[-1])
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
        rows = rows if self._embed_scale is None else floats(rows, self._embed_scale[ids])
        return rows.to(self.dtype) * self.config.embed_scale

    def _normed(self, x: Tensor, weight: Tensor | None) -> Tensor:
        return x if weight is None else F.rms_norm(x, weight.shape, weight, self.config.norm_eps)

    def _run(self, ids: Tensor, positions: Tensor, attend: Attend) -> Tensor:
        """Compute the hidden states [S, D] of tokens [S] at these positions [S]."""
        x = self._embedded(ids)  # [S, D]
        H, G, E, S = self.config.n_heads, self.config.n_kv_heads, self.config.head_dim, len(x)
        activated = partial(F.gelu, approximate="tanh") if self.config.gelu else F.silu
        for index, layer in enumerate(self._layers):
            qkv = layer.qkv(self._normed(x, layer.attn_norm)).view(S, H + 2 * G, E)
            heads, cos, sin = qkv[:, : H + G], layer.cos[positions], layer.sin[positions]
            if layer.head_norm is not None:
                heads = F.rms_norm(heads, (E,), eps=self.config.norm_eps) * layer.head_norm
            rotated = rotate(heads, cos, sin)
            y = layer.out(attend(index, rotated[:, :H], rotated[:, H:], qkv[:, H + G :]))
            x = x + self._normed(y, layer.post_attn_norm)
            gate, up = layer.gate_up(self._normed(x, layer.mlp_norm)).chunk(2, dim=-1)  # [S, F] each
            x = x + self._normed(layer.down(activated(gate).mul_(up)), layer.post_mlp_norm)
        return self._normed(x, self._norm)

    def _mask(self, start: int, end: int, window: int) -> Tensor:
        """Causal mask to add to the scores, for the folded heads of `_together`: [H / G * S, T]."""
        mask = torch.full((end - start, end), -torch.inf, device=self.device, dtype=self.dtype)
        mask = mask.triu(start + 1) if not window else mask.triu(start + 1) + mask.tril(start - window)
        return mask.repeat(self.config.n_heads // self.config.n_kv_heads, 1)

    # Attention of queries [S, H, E] to the keys and values so far and their own [S, G, E]: [S, H * E]. The
    # H / G query heads of a key-value head become rows of one query: keys and values are not copied.

    def _together(
        self, cache: KeyValues, mask: Tensor, local: Tensor, layer: int, q: Tensor, k: Tensor, v: Tensor
    ) -> Tensor:
        (S, H, E), G = q.shape, k.shape[1]
        keys, values = cache.write(layer, cache.length, k, v)  # [1, G, T, E]
        q = q.transpose(0, 1).reshape(1, G, H // G * S, E)
        mask = local if layer in self.config.local_layers else mask
        y = self._attended(q, keys, values, mask)  # [1, G, H / G * S, E]
        return y.reshape(H, S, E).transpose(0, 1).reshape(S, H * E)

    def _one_by_one(
        self, places: list[tuple[KeyValues, int]], layer: int, q: Tensor, k: Tensor, v: Tensor
    ) -> Tensor:
        """Each row by itself, in its own place: with others beside it, its sums are rounded otherwise."""
        (S, H, E), G = q.shape, k.shape[1]
        first = -self.config.window if layer in self.config.local_layers else 0
        rows = []
        for i, (cache, at) in enumerate(places):
            keys, values = (each[:, :, first:] for each in cache.write(layer, at, k[i : i + 1], v[i : i + 1]))
            rows.append(self._attended(q[i].reshape(1, G, H // G, E), keys, values))
        return torch.cat(rows).reshape(S, H * E)

    def _attended(self, q: Tensor, keys: Tensor, values: Tensor, mask: Tensor | None = None) -> Tensor:
        return F.scaled_dot_product_attention(q, keys, values, attn_mask=mask, scale=self.config.scale)


def key_values_shape(config: ModelConfig, positions: int, sequences: int = 1) -> tuple[int, ...]:
    """[2, layers, sequences, G, positions, E]: keys, then values."""
    return 2, config.n_layers, sequences, config.n_kv_heads, positions, config.head_dim


def rotations(weights: Weights, positions: int, *, local: bool = False) -> tuple[Tensor, Tensor]:
    """Rotary embedding (arXiv:2104.09864): cosines and signed sines, each [positions, 1, E].

    `local`: of the layers that see only a window.
    """
    c = weights.config
    turns = (c.local_rope_base if local else c.rope_base) ** -(torch.arange(0, c.head_dim, 2) / c.head_dim)
    if not local and "rope_factors" in weights.tensors:
        turns = turns / weights.tensors["rope_factors"]
    angles = torch.outer(torch.arange(positions, dtype=torch.float32), turns)
    cos, sin = angles.cos(), angles.sin()
    return torch.cat((cos, cos), dim=1)[:, None], torch.cat((-sin, sin), dim=1)[:, None]


def rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Turn each pair (x[i], x[i + E/2]) by its angle: [S, heads, E]."""
    return torch.addcmul(x * cos, x.roll(x.shape[-1] // 2, dims=-1), sin)
