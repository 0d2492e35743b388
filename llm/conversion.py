"""Stored weights to the decoder's own layout: int8, fused matrices, our names."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Protocol

import torch
from torch import Tensor

from llm import layout
from llm.errors import WeightsUnsupported
from llm.layout import Source, Weights
from llm.linear import quantize

Progress = Callable[[int, int], None]  # bytes done, bytes in all

ROWS_AT_ONCE = 8192  # of a matrix: bounds its float32 copy to 160 MB at 4864 columns

# Our name of each matrix <- GGUF's parts, their rows below each other.
MATRICES = {
    "qkv": ("attn_q", "attn_k", "attn_v"),
    "out": ("attn_output",),
    "gate_up": ("ffn_gate", "ffn_up"),
    "down": ("ffn_down",),
}
NORMS = {"attn_norm": "attn_norm", "mlp_norm": "ffn_norm"}
OPTIONAL_NORMS = {
    "q_norm": "attn_q_norm",
    "k_norm": "attn_k_norm",
    "post_attn_norm": "post_attention_norm",
    "post_mlp_norm": "post_ffw_norm",
}


class Stored(Protocol):
    """Tensors by GGUF's names; heads' rotary pairs in halves (x[i], x[i + E/2])."""

    def names(self) -> Iterable[str]:
        """Return the names of all tensors."""
        ...

    def rows(self, name: str) -> Iterator[Tensor]:
        """Yield a matrix in float32, some thousand rows at a time, or a vector as it is."""
        ...


def convert_once(files: Iterable[Path], folder: Path, read: Callable[[], Weights]) -> None:
    """Write what `read` returns to the folder; nothing if that was done before from the same files."""
    files = sorted(files)
    stats = [file.stat() for file in files]
    size, modified = sum(each.st_size for each in stats), max(each.st_mtime_ns for each in stats)
    known = layout.source_of(folder)
    if known and (known.size_bytes, known.modified_ns) == (size, modified):
        return
    source = Source(_sha256(files), size, modified)
    if known is None or known.sha256 != source.sha256:
        layout.write(folder, read(), source)


def converted(stored: Stored, *, layers: int, int8: bool) -> dict[str, Tensor]:
    """Return the layout's names and tensors, matrices as int8 or as float32.

    Each stored tensor is used exactly once. Raises WeightsUnsupported for one too many or too few.
    """
    conversion = _Conversion(stored, int8=int8)
    tensors = dict(conversion.tensors(layers))
    conversion.check_all_used()
    return tensors


class _Conversion:
    def __init__(self, stored: Stored, *, int8: bool) -> None:
        self._stored, self._int8 = stored, int8
        self._left = set(stored.names())

    def tensors(self, layers: int) -> Iterator[tuple[str, Tensor]]:
        yield from self._matrix("embed", ("token_embd",))
        if "output.weight" in self._left:
            yield from self._matrix("head", ("output",))
        yield "norm.weight", self._vector("output_norm.weight")
        if "rope_freqs.weight" in self._left:
            yield "rope_factors", self._vector("rope_freqs.weight")
        for n in range(layers):
            for ours, theirs in NORMS.items():
                yield f"layers.{n}.{ours}.weight", self._vector(f"blk.{n}.{theirs}.weight")
            for ours, theirs in OPTIONAL_NORMS.items():
                if f"blk.{n}.{theirs}.weight" in self._left:
                    yield f"layers.{n}.{ours}.weight", self._vector(f"blk.{n}.{theirs}.weight")
            for ours, parts in MATRICES.items():
                yield from self._matrix(f"layers.{n}.{ours}", tuple(f"blk.{n}.{part}" for part in parts))

    def check_all_used(self) -> None:
        if self._left:
            raise WeightsUnsupported(
                f"the decoder has no use for the tensors {', '.join(sorted(self._left))}"
            )

    def _matrix(self, name: str, parts: tuple[str, ...]) -> Iterator[tuple[str, Tensor]]:
        blocks = [rows for part in parts for rows in self._rows(f"{part}.weight")]
        if self._int8:
            rounded = [quantize(rows) for rows in blocks]
            yield f"{name}.weight", torch.cat([weight for weight, _ in rounded])
            yield f"{name}.scale", torch.cat([scale for _, scale in rounded])
        else:
            yield f"{name}.weight", torch.cat(blocks)
        if f"{parts[0]}.bias" in self._left:
            yield f"{name}.bias", torch.cat([self._vector(f"{part}.bias") for part in parts])

    def _vector(self, name: str) -> Tensor:
        return torch.cat(list(self._rows(name)))

    def _rows(self, name: str) -> Iterator[Tensor]:
        if name not in self._left:
            raise WeightsUnsupported(f"the tensor {name} is missing")
        self._left.remove(name)
        return self._stored.rows(name)


def _sha256(files: Iterable[Path]) -> str:
    """Hash the files' contents: of one file its own hash, of several that of theirs."""
    hashes = []
    for path in files:
        with path.open("rb") as file:
            hashes.append(hashlib.file_digest(file, "sha256").hexdigest())
    return hashes[0] if len(hashes) == 1 else hashlib.sha256("".join(hashes).encode()).hexdigest()
