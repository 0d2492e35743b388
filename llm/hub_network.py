"""A decoder of `transformers` behind `network.Network`: its own forward pass, a KV cache that can be cropped.

Letters of the shapes as in `llm.model`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from transformers import DynamicCache, PreTrainedModel
from transformers.cache_utils import DynamicLayer, DynamicSlidingWindowLayer

from llm.errors import WeightsUnsupported
from llm.network import ANOTHERS, CHUNK_TOKENS, Cache

PROBE = [0, 1, 2]  # any ids: what is compared are two ways through the same weights
TOLERANCE = 0.02  # logits in bfloat16 that differ in the order of two products


@dataclass(frozen=True, slots=True)
class LayerShape:
    """What one layer keeps of a position; layers that use another's keys and values have none."""

    index: int
    keys: tuple[int, ...]  # [1, G, E]
    values: tuple[int, ...]


class HubCache:
    """A `DynamicCache`. Its layers keep every position, those with a sliding window too: any tail can go."""

    def __init__(self, shapes: tuple[LayerShape, ...], device: torch.device, dtype: torch.dtype) -> None:
        self.cache = DynamicCache()
        self._layers = shapes
        self._shapes = [each for shape in shapes for each in (shape.keys, shape.values)]
        self._widths = [math.prod(shape) for shape in self._shapes]  # of a row of a copied part
        self._device, self._dtype = device, dtype

    @property
    def length(self) -> int:
        """Positions in it; set it to crop."""
        return int(self.cache.get_seq_length())

    @length.setter
    def length(self, length: int) -> None:
        self.cache.crop(length - self.length)  # negative: how many go

    def part(self, start: int) -> Tensor:
        """Copy what is there from position `start` on: [T - start, widths of all keys and values]."""
        return torch.cat([_rows(each)[start:] for _, *both in _kept(self.cache) for each in both], dim=1)

    def fits(self, part: Tensor) -> bool:
        """Whether a copied part is of such a cache."""
        return part.dtype == self._dtype and part.shape[1:] == (sum(self._widths),)

    def extend(self, part: Tensor) -> None:
        """Let a copied part follow."""
        columns = zip(torch.split(part.to(self._device), self._widths, dim=1), self._shapes, strict=True)
        tensors = [column.reshape(-1, *shape).movedim(0, 2) for column, shape in columns]
        for layer, keys, values in zip(self._layers, tensors[::2], tensors[1::2], strict=True):
            self.cache.update(keys, values, layer.index)  # [1, G, T, E] each


def _kept(cache: DynamicCache) -> Iterator[tuple[int, Tensor, Tensor]]:
    """Yield the index, keys and values [1, G, T, E] of each layer that has its own."""
    for index, layer in enumerate(cache.layers):
        if isinstance(layer, DynamicLayer) and layer.keys is not None and layer.values is not None:
            yield index, layer.keys, layer.values


def _rows(tensor: Tensor) -> Tensor:
    """[1, G, T, E] -> [T, G * E]."""
    return tensor.movedim(2, 0).flatten(1)


class HubNetwork:
    """A `Network`. Raises WeightsUnsupported for a model that cannot be one."""

    chunk = CHUNK_TOKENS

    def __init__(self, model: PreTrainedModel, context: int) -> None:
        _require_croppable(model)
        config = model.config.get_text_config()
        self.positions = min(context, getattr(config, "max_position_embeddings", None) or context)
        self.end_ids = _end_ids(model)
        self._body = model.base_model
        self._head = _head(model)
        self._device, self._dtype = model.device, model.dtype
        # What some families do to the scores: Cohere, Granite; Gemma (arXiv:2408.00118, section 2).
        self._scale = getattr(config, "logit_scale", None) or 1 / (
            getattr(config, "logits_scaling", None) or 1
        )
        self._cap = getattr(config, "final_logit_softcapping", None)
        self._shapes: tuple[LayerShape, ...] = ()
        self.vocab_size = self._probe(model)

    def _probe(self, model: PreTrainedModel) -> int:
        """Compare body and head with the whole model; learn the cache's shapes. Returns V."""
        cache = self.key_values()
        with torch.inference_mode():
            expected = model(input_ids=torch.tensor([PROBE], device=self._device)).logits[0]
            found = self.logits(self.forward(PROBE, cache))
        if not torch.allclose(found, expected, rtol=TOLERANCE, atol=TOLERANCE):
            raise WeightsUnsupported(f"the scores of {type(model).__name__} are no product of its last layer")
        self._shapes = tuple(
            LayerShape(index, _position(keys), _position(values))
            for index, keys, values in _kept(cache.cache)
        )
        return len(expected[0])

    def key_values(self) -> HubCache:
        """Make an empty KV cache for one sequence."""
        return HubCache(self._shapes, self._device, self._dtype)

    def forward(self, ids: list[int], cache: Cache, *, stepwise: bool = False) -> Tensor:
        """Compute the hidden states [S, D] of tokens that follow the cache's, and extend the cache."""
        assert isinstance(cache, HubCache), ANOTHERS
        passes = [[id] for id in ids] if stepwise else [ids]
        return torch.cat([self._pass(each, cache.cache) for each in passes])

    def step(self, ids: list[int], caches: Sequence[Cache]) -> Tensor:
        """Compute the hidden states [n, D] of one token for each of n sequences, one after the other."""
        return torch.cat([self.forward([id], cache) for id, cache in zip(ids, caches, strict=True)])

    def logits(self, hidden: Tensor) -> Tensor:
        """Score the next token: [S, D] -> [S, V]."""
        scores: Tensor = self._head(hidden) * self._scale
        return scores if self._cap is None else self._cap * (scores / self._cap).tanh()

    def _pass(self, ids: list[int], cache: DynamicCache) -> Tensor:
        batch = torch.tensor([ids], device=self._device)  # [1, S]
        hidden: Tensor = self._body(input_ids=batch, past_key_values=cache, use_cache=True).last_hidden_state
        return hidden[0]


def _require_croppable(model: PreTrainedModel) -> None:
    kinds = {type(layer) for layer in DynamicCache(config=model.config).layers}
    if getattr(model, "_is_stateful", False) or not kinds <= {DynamicLayer, DynamicSlidingWindowLayer}:
        raise WeightsUnsupported(
            f"{type(model).__name__} keeps more than keys and values: it cannot go back to the last word"
        )


def _head(model: PreTrainedModel) -> torch.nn.Module:
    head: torch.nn.Module | None = model.get_output_embeddings()  # type: ignore[no-untyped-call]
    if head is None or model.base_model is model:
        raise WeightsUnsupported(f"{type(model).__name__} has no body and head that can be run one by one")
    return head


def _end_ids(model: PreTrainedModel) -> set[int]:
    """Return the tokens that end an answer, by the weights' generation config: one, several or none."""
    ids = model.generation_config.eos_token_id if model.generation_config is not None else None
    return set() if ids is None else {ids} if isinstance(ids, int) else set(ids)


def _position(tensor: Tensor) -> tuple[int, ...]:
    """[1, G, T, E] -> (1, G, E)."""
    return (*tensor.shape[:2], tensor.shape[3])
