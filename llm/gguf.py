"""GGUF to the decoder's own layout, once per file.

The format: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from gguf import GGUFReader, ReaderTensor
from gguf.quants import dequantize
from numpy.typing import NDArray
from torch import Tensor

from llm import layout
from llm.errors import WeightsUnreadable, WeightsUnsupported
from llm.gguf_metadata import Metadata
from llm.gguf_tokenizer import read_tokenizer
from llm.layout import ModelConfig, Source, Weights
from llm.linear import quantize
from llm.tokenizer import boundary_mask

Progress = Callable[[int, int], None]  # bytes done, bytes in all

ROWS_AT_ONCE = 8192  # of a matrix: bounds its float32 copy to 160 MB at 4864 columns

FAMILIES = ("llama", "qwen2")
# Our name of each matrix <- GGUF's parts, their rows below each other.
MATRICES = {
    "qkv": ("attn_q", "attn_k", "attn_v"),
    "out": ("attn_output",),
    "gate_up": ("ffn_gate", "ffn_up"),
    "down": ("ffn_down",),
}
NORMS = {"attn_norm": "attn_norm", "mlp_norm": "ffn_norm"}


def convert(gguf_path: Path, out_dir: Path, on_progress: Progress = lambda done, total: None) -> None:
    """Write the model in `gguf_path` to the folder `out_dir`, as int8; nothing if that was done before.

    Raises WeightsUnreadable, WeightsUnsupported or OSError; the folder is then as it was.
    """
    stat = gguf_path.stat()
    known = layout.source_of(out_dir)
    if known and (known.size_bytes, known.modified_ns) == (stat.st_size, stat.st_mtime_ns):
        return
    source = Source(_sha256(gguf_path), stat.st_size, stat.st_mtime_ns)
    if known is None or known.sha256 != source.sha256:
        layout.write(out_dir, read(gguf_path, on_progress), source)


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
    tensors = dict(_Tensors(reader, config, family, int8, on_progress).converted())
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


class _Tensors:
    """The conversion of one file's tensors; each of them is used exactly once."""

    def __init__(
        self, reader: GGUFReader, config: ModelConfig, family: str, int8: bool, on_progress: Progress
    ) -> None:
        self._left: dict[str, ReaderTensor] = {tensor.name: tensor for tensor in reader.tensors}
        self._config, self._family, self._int8, self._on_progress = config, family, int8, on_progress
        self._done_bytes, self._total_bytes = 0, sum(int(tensor.n_bytes) for tensor in reader.tensors)

    def converted(self) -> Iterator[tuple[str, Tensor]]:
        """Yield the layout's names and tensors. Raises WeightsUnsupported for one too many or too few."""
        yield from self._matrix("embed", ("token_embd",))
        if "output.weight" in self._left:
            yield from self._matrix("head", ("output",))
        yield "norm.weight", self._vector("output_norm.weight")
        for i in range(self._config.n_layers):
            for ours, theirs in NORMS.items():
                yield f"layers.{i}.{ours}.weight", self._vector(f"blk.{i}.{theirs}.weight")
            for ours, parts in MATRICES.items():
                yield from self._matrix(f"layers.{i}.{ours}", tuple(f"blk.{i}.{part}" for part in parts))
        if self._left:
            raise WeightsUnsupported(
                f"the decoder has no use for the tensors {', '.join(sorted(self._left))}"
            )

    def _matrix(self, name: str, parts: tuple[str, ...]) -> Iterator[tuple[str, Tensor]]:
        blocks = [block for part in parts for block in self._blocks(part)]
        yield f"{name}.weight", torch.cat([weight for weight, _ in blocks])
        if self._int8:
            yield f"{name}.scale", torch.cat([scale for _, scale in blocks])
        if f"{parts[0]}.bias" in self._left:
            yield f"{name}.bias", torch.cat([self._vector(f"{part}.bias") for part in parts])

    def _blocks(self, part: str) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield a matrix as pairs of rows and their scales [rows], some thousand rows at a time."""
        tensor = self._take(f"{part}.weight")
        stored = self._in_our_order(part, tensor.data)
        for start in range(0, len(stored), ROWS_AT_ONCE):
            rows = self._floats(stored[start : start + ROWS_AT_ONCE], tensor)
            yield quantize(rows) if self._int8 else (rows, torch.ones(len(rows)))

    def _in_our_order(self, part: str, stored: NDArray[Any]) -> NDArray[Any]:
        # llama.cpp interleaves the halves of a Llama head's rotary pairs (its `permute`); Qwen2's it leaves.
        if self._family != "llama" or not part.endswith(("attn_q", "attn_k")):
            return stored
        pairs = stored.reshape(-1, self._config.head_dim // 2, 2, stored.shape[-1])
        return pairs.swapaxes(1, 2).reshape(stored.shape)

    def _vector(self, name: str) -> Tensor:
        tensor = self._take(name)
        return self._floats(tensor.data, tensor)

    def _take(self, name: str) -> ReaderTensor:
        try:
            return self._left.pop(name)
        except KeyError:
            raise WeightsUnsupported(f"the tensor {name} is missing") from None

    def _floats(self, stored: NDArray[Any], tensor: ReaderTensor) -> Tensor:
        """Dequantise rows of a tensor: a copy, for the file is mapped read-only."""
        self._done_bytes += stored.nbytes
        self._on_progress(self._done_bytes, self._total_bytes)
        return torch.from_numpy(dequantize(stored, tensor.tensor_type).astype(np.float32))


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
