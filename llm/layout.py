"""Weights in the decoder's own layout: a folder that is mapped into memory, not converted, at every start.

model.safetensors   see `llm.model` for names and shapes
config.json         the dimensions, and what the folder was converted from
tokenizer.json      for the `tokenizers` package
chat_template.jinja as the weights brought it
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import safetensors.torch
from safetensors import SafetensorError
from torch import Tensor

from llm.errors import WeightsUnreadable

TENSORS = "model.safetensors"
ZERO = 128  # what stands for zero in an int8 matrix: it is stored unsigned
IDS = ("stop_ids", "local_layers")  # JSON has no tuples
VERSION = 2  # raise it whenever the meaning of a file changes: older folders are then converted again


@dataclass(frozen=True, slots=True)
class ModelConfig:
    """Dimensions of a decoder, and what its family does otherwise than Llama."""

    dim: int
    n_layers: int
    n_heads: int
    n_kv_heads: int
    head_dim: int
    ffn_dim: int
    vocab_size: int
    context: int  # positions it was trained for
    rope_base: float
    norm_eps: float
    stop_ids: tuple[int, ...]  # control tokens: none belongs in an answer, each one ends it
    gelu: bool = False  # the gate's activation, by tanh; else SiLU
    embed_scale: float = 1.0
    score_scale: float | None = None  # None: head_dim ** -0.5
    local_layers: tuple[int, ...] = ()  # those that see only `window` positions, their own among them
    window: int = 0
    local_rope_base: float = 10_000.0  # of those layers

    @property
    def scale(self) -> float:
        """What queries' products with keys are multiplied with."""
        return self.head_dim**-0.5 if self.score_scale is None else self.score_scale


@dataclass(frozen=True, slots=True)
class Source:
    """The file that a folder was converted from."""

    sha256: str
    size_bytes: int
    modified_ns: int


@dataclass(frozen=True, slots=True)
class Weights:
    """Converted weights. Those read from a folder are views of its mapped file: do not write to them."""

    config: ModelConfig
    tensors: dict[str, Tensor]
    tokenizer_json: str
    chat_template: str
    folder: Path | None = None  # that they were read from


def floats(rows: Tensor, scale: Tensor) -> Tensor:
    """Turn rows of an int8 matrix [n, width] with their scales [n] into what they stand for, float32."""
    return (rows.float() - ZERO) * scale[:, None].float()


def write(folder: Path, weights: Weights, source: Source) -> None:
    """Write all files, or none: the folder appears, or is replaced, when it is complete. Raises OSError."""
    with _replacing(folder) as draft:
        safetensors.torch.save_file(weights.tensors, draft / TENSORS)
        (draft / "tokenizer.json").write_text(weights.tokenizer_json, encoding="utf-8")
        (draft / "chat_template.jinja").write_text(weights.chat_template, encoding="utf-8")
        about = {"layout": VERSION, "source": asdict(source), "model": asdict(weights.config)}
        (draft / "config.json").write_text(json.dumps(about, indent=1), encoding="utf-8")


def read(folder: Path) -> Weights:
    """Map the weights of a converted folder. Raises WeightsUnreadable."""
    try:
        model = json.loads((folder / "config.json").read_text(encoding="utf-8"))["model"]
        return Weights(
            config=ModelConfig(**model | {key: tuple(model[key]) for key in IDS if key in model}),
            tensors=safetensors.torch.load_file(folder / TENSORS),
            tokenizer_json=(folder / "tokenizer.json").read_text(encoding="utf-8"),
            chat_template=(folder / "chat_template.jinja").read_text(encoding="utf-8"),
            folder=folder,
        )
    except (OSError, ValueError, KeyError, TypeError, SafetensorError) as error:
        raise WeightsUnreadable(
            f"{folder} is not a folder of converted weights ({error}); remove it"
        ) from error


def places(folder: Path) -> dict[str, tuple[int, int]]:
    """Return where in its file each tensor of a readable folder lies: offset and length, in bytes.

    The format: https://github.com/safetensors/safetensors#format
    """
    with (folder / TENSORS).open("rb") as file:
        header_length = int.from_bytes(file.read(8), "little")
        header = json.loads(file.read(header_length))
    header.pop("__metadata__", None)
    start = 8 + header_length
    offsets = {name: tensor["data_offsets"] for name, tensor in header.items()}
    return {name: (start + begin, end - begin) for name, (begin, end) in offsets.items()}


def source_of(folder: Path) -> Source | None:
    """Return what the folder was converted from, or None if it is missing or of another layout."""
    try:
        about = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        return Source(**about["source"]) if about["layout"] == VERSION else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


@contextmanager
def _replacing(folder: Path) -> Iterator[Path]:
    folder.parent.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        yield draft
        if folder.exists():  # of another layout or source: nothing that could not be made again
            shutil.rmtree(folder)
        os.replace(draft, folder)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
