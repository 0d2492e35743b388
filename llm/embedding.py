"""all-MiniLM-L6-v2, a small BERT (arXiv:1810.04805): the meaning of a sentence as a unit vector.

It reads English; most Chinese characters are unknown to it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from itertools import groupby
from pathlib import Path
from typing import cast

import numpy as np
import safetensors.torch
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from safetensors import SafetensorError
from tokenizers import Tokenizer
from torch import Tensor

from llm.errors import WeightsUnreadable

LAYERS, DIM, HEADS = 6, 384, 12
NORM_EPS = 1e-12  # of its config.json
MOST_TOKENS = 256  # it was trained on no longer texts; what follows is not read
BATCH = 64  # sentences of ten tokens: as many as a core's products are quickest with
KEPT = 512  # vectors of the last texts: what is compared with is compared with again


class SentenceEncoder:
    """Texts to vectors. Thread-safe; computes in the caller's thread, about 10 ms a sentence on one core."""

    def __init__(self, folder: Path) -> None:
        """Load `model.safetensors` and `tokenizer.json`. Raises WeightsUnreadable."""
        try:
            self._weights = safetensors.torch.load_file(folder / "model.safetensors")
            self._tokenizer = Tokenizer.from_str((folder / "tokenizer.json").read_text(encoding="utf-8"))
        except (OSError, ValueError, SafetensorError) as error:
            raise WeightsUnreadable(
                f"{folder} is not a folder of sentence encoder weights: {error}"
            ) from error
        self._tokenizer.no_padding()
        self._tokenizer.enable_truncation(MOST_TOKENS)
        self._kept = lru_cache(KEPT)(self._encode)

    def encode(self, text: str) -> NDArray[np.float32]:
        """Return what the text means as a vector of length 1: float32 [384], not to be written to."""
        return self._kept(text)

    def encode_all(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return what many texts mean: [texts, 384]; those of a length go through the network together."""
        ids = [self._tokenizer.encode(text).ids for text in texts]
        vectors = np.empty((len(texts), DIM), np.float32)
        by_length = sorted(range(len(texts)), key=lambda at: len(ids[at]))
        with torch.inference_mode():
            for _, group in groupby(by_length, key=lambda at: len(ids[at])):
                for places in in_batches(list(group)):
                    hidden = self.hidden(torch.tensor([ids[at] for at in places]))  # [B, T, 384]
                    vectors[places] = F.normalize(hidden.mean(-2), dim=-1).numpy()
        return vectors

    def _encode(self, text: str) -> NDArray[np.float32]:
        ids = torch.tensor(self._tokenizer.encode(text).ids)  # [T]
        with torch.inference_mode(), one_thread():
            vector = F.normalize(self.hidden(ids).mean(0), dim=0)
        return cast("NDArray[np.float32]", vector.numpy())

    def similarity(self, one: str, other: str) -> float:
        """Return the cosine between two texts, -1 to 1."""
        return float(self.encode(one) @ self.encode(other))

    def hidden(self, ids: Tensor) -> Tensor:
        """Run the network over a sentence, or several of one length: [..., T] -> [..., T, 384]."""
        words, places, kinds = (
            self._weights[f"embeddings.{name}_embeddings.weight"]
            for name in ("word", "position", "token_type")
        )
        x = self._norm(words[ids] + places[: ids.shape[-1]] + kinds[0], "embeddings")
        for layer in range(LAYERS):
            x = self._layer(x, f"encoder.layer.{layer}")
        return x

    def _layer(self, x: Tensor, name: str) -> Tensor:
        query, key, value = (
            self._linear(x, f"{name}.attention.self.{part}")
            .reshape(*x.shape[:-1], HEADS, DIM // HEADS)
            .transpose(-3, -2)
            for part in ("query", "key", "value")
        )  # each [..., heads, T, head_dim]
        seen = F.scaled_dot_product_attention(query, key, value).transpose(-3, -2).flatten(-2)
        x = self._norm(x + self._linear(seen, f"{name}.attention.output.dense"), f"{name}.attention.output")
        inner = F.gelu(self._linear(x, f"{name}.intermediate.dense"))  # [..., T, 4 * 384]
        return self._norm(x + self._linear(inner, f"{name}.output.dense"), f"{name}.output")

    def _linear(self, x: Tensor, name: str) -> Tensor:
        return F.linear(x, self._weights[f"{name}.weight"], self._weights[f"{name}.bias"])

    def _norm(self, x: Tensor, name: str) -> Tensor:
        weight, bias = (self._weights[f"{name}.LayerNorm.{part}"] for part in ("weight", "bias"))
        return F.layer_norm(x, (DIM,), weight, bias, NORM_EPS)


def in_batches(places: list[int]) -> Iterator[list[int]]:
    """Yield as many at a time as go through a network together."""
    for start in range(0, len(places), BATCH):
        yield places[start : start + BATCH]


@contextmanager
def one_thread() -> Iterator[None]:
    """Keep the products on this thread: for so small ones, others would only spin on the decoder's cores."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # of this thread; torch keeps a count for each
    try:
        yield
    finally:
        torch.set_num_threads(threads)
