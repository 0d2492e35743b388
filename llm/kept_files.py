"""Tensors in a bounded folder of safetensors files: each is there whole or not at all, the latest used stay.

A file's time of change is when it was last used.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path

import safetensors.torch
from torch import Tensor

FILES = "*.safetensors"
DRAFT = ".draft"


def write(path: Path, tensors: Mapping[str, Tensor], metadata: dict[str, str] | None = None) -> None:
    """Write a file atomically, its folder too if there is none. Raises OSError or SafetensorError."""
    whole = {name: tensor.contiguous() for name, tensor in tensors.items()}
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(suffix=DRAFT, dir=path.parent) as folder:
        draft = Path(folder) / path.name
        safetensors.torch.save_file(whole, draft, metadata)
        os.replace(draft, path)


def remove(paths: Iterable[Path]) -> None:
    """Remove files; what cannot be removed stays."""
    for path in paths:
        with suppress(OSError):
            path.unlink()


def prune(folder: Path, most: int, most_bytes: int | None = None) -> None:
    """Remove the least recently used files, readable or not and whoever wrote them, until the rest fits."""
    stats = []
    for path in folder.glob(FILES):
        with suppress(OSError):  # removed by another process just now
            stats.append((path.stat().st_mtime, path, path.stat().st_size))
    kept_bytes = 0
    for place, (_, path, size_bytes) in enumerate(sorted(stats, reverse=True)):
        kept_bytes += size_bytes
        if place >= most or (most_bytes is not None and kept_bytes > most_bytes):
            remove([path])
