"""Weights from GGUF.

The format: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from gguf import GGUFReader, ReaderTensor
from gguf.quants import dequantize
from numpy.typing import NDArray
from torch import Tensor

from llm.conversion import ROWS_AT_ONCE, Progress, convert_once, converted
from llm.errors import WeightsUnreadable, WeightsUnsupported
from llm.gguf_metadata import Metadata
from llm.gguf_tokenizer import read_tokenizer
from llm.layout import ModelConfig, Weights
from llm.tokenizer import boundary_mask

FAMILIES = ("llama", "qwen2", "qwen3")


def convert(gguf_path: Path, folder: Path, on_progress: Progress = lambda done, total: None) -> None:
    """Write the model in `gguf_path` to `folder`, as int8; nothing if that was done before.

    Raises WeightsUnreadable, WeightsUnsupported or OSError; the folder is then as it was.
    """
    convert_once([gguf_path], folder, lambda: read(gguf_path, on_progress))


def read(gguf_path: Path, on_progress: Progress = lambda done, total: None, *, int8: bool = True) -> Weights:
    """Read a GGUF file into the decoder's layout, its matrices as int8 or as float32.

    Raises WeightsUnreadable or WeightsUnsupported.
    """
    try:
        reader = GGUFReader(gguf_path)
    except (ValueError, IndexError, KeyError) as error:
        raise WeightsUnreadable(
            f"{gguf_path} is not a complete GGUF file ({error}); fetch it again"
        ) from error
    metadata = Metadata(reader)
    family = metadata.text("general.architecture")
    if family not in FAMILIES:
        raise WeightsUnsupported(f"{gguf_path} is a {family!r} model; known are {', '.join(FAMILIES)}")
    tokenizer = read_tokenizer(metadata)
    config = _config(metadata, family, tokenizer.stop_ids)
    stored = _Stored(reader, config, family, on_progress)
    tensors = converted(stored, layers=config.n_layers, int8=int8)
    tensors["boundary"] = boundary_mask(tokenizer.pieces, tokenizer.stop_ids)
    return Weights(config, tensors, tokenizer.json, metadata.text("tokenizer.chat_template"))


def _config(metadata: Metadata, family: str, stop_ids: tuple[int, ...]) -> ModelConfig:
    if (scaling := metadata.get(f"{family}.rope.scaling.type", "none")) != "none":
        raise WeightsUnsupported(f"rotary embeddings scaled by {scaling!r} are not known")
    dim, n_heads = metadata.dimension("embedding_length"), metadata.dimension("attention.head_count")
    return ModelConfig(
        dim=dim,
        n_layers=metadata.dimension("block_count"),
        n_heads=n_heads,
        n_kv_heads=metadata.dimension("attention.head_count_kv"),
        head_dim=metadata.dimension("attention.key_length", dim // n_heads),
        ffn_dim=metadata.dimension("feed_forward_length"),
        vocab_size=len(metadata.texts("tokenizer.ggml.tokens")),
        context=metadata.dimension("context_length"),
        rope_base=metadata.real("rope.freq_base"),
        norm_eps=metadata.real("attention.layer_norm_rms_epsilon"),
        stop_ids=stop_ids,
    )


class _Stored:
    """The tensors of a file; see `conversion.Stored`."""

    def __init__(self, reader: GGUFReader, config: ModelConfig, family: str, on_progress: Progress) -> None:
        self._tensors: dict[str, ReaderTensor] = {tensor.name: tensor for tensor in reader.tensors}
        self._config, self._family, self._on_progress = config, family, on_progress
        self._done_bytes, self._total_bytes = 0, sum(int(tensor.n_bytes) for tensor in reader.tensors)

    def names(self) -> list[str]:
        return list(self._tensors)

    def rows(self, name: str) -> Iterator[Tensor]:
        tensor = self._tensors[name]
        stored = self._in_halves(name, tensor.data)
        for start in range(0, len(stored), ROWS_AT_ONCE):
            rows = stored[start : start + ROWS_AT_ONCE]
            self._done_bytes += rows.nbytes
            self._on_progress(self._done_bytes, self._total_bytes)
            # A copy: the file is mapped read-only.
            yield torch.from_numpy(dequantize(rows, tensor.tensor_type).astype(np.float32))

    def _in_halves(self, name: str, stored: NDArray[Any]) -> NDArray[Any]:
        # llama.cpp interleaves the halves of a Llama head's rotary pairs (its `permute`); others' it leaves.
        if self._family != "llama" or not name.endswith(("attn_q.weight", "attn_k.weight")):
            return stored
        pairs = stored.reshape(-1, self._config.head_dim // 2, 2, stored.shape[-1])
        return pairs.swapaxes(1, 2).reshape(stored.shape)
