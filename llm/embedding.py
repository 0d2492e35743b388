"""all-MiniLM-L6-v2, a small BERT (arXiv:1810.04805): the meaning of a sentence as a unit vector.

It reads English; most Chinese characters are unknown to it.
"""

from __future__ import annotations

from pathlib import Path

import safetensors.torch
import torch.nn.functional as F
from safetensors import SafetensorError
from tokenizers import Tokenizer
from torch import Tensor

from llm.errors import WeightsUnreadable
from llm.text_encoder import MOST_TOKENS, TextEncoder

LAYERS, DIM, HEADS = 6, 384, 12
NORM_EPS = 1e-12  # of its config.json


class SentenceEncoder(TextEncoder):
    """About 10 ms a sentence on one core."""

    dim = DIM

    def __init__(self, folder: Path) -> None:
        """Load `model.safetensors` and `tokenizer.json`. Raises WeightsUnreadable."""
        super().__init__()
        try:
            self._weights = safetensors.torch.load_file(folder / "model.safetensors")
            self._tokenizer = Tokenizer.from_str((folder / "tokenizer.json").read_text(encoding="utf-8"))
        except (OSError, ValueError, SafetensorError) as error:
            raise WeightsUnreadable(
                f"{folder} is not a folder of sentence encoder weights: {error}"
            ) from error
        self._tokenizer.no_padding()
        self._tokenizer.enable_truncation(MOST_TOKENS)

    def _ids(self, text: str) -> list[int]:
        return list(self._tokenizer.encode(text).ids)

    def _meaning(self, ids: Tensor) -> Tensor:
        return F.normalize(self.hidden(ids).mean(-2), dim=-1)

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
