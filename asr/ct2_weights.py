"""Reads a CTranslate2 model file (its format: `_serialize` in ctranslate2/specs/model_spec.py)."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import BinaryIO

import numpy as np
import torch

from asr.errors import ModelNotLoaded

FORMAT_VERSION = 6
DTYPES = {0: np.float32, 1: np.int8, 2: np.int16, 3: np.int32, 4: np.float16}


def read_weights(path: Path, prefix: str) -> dict[str, torch.Tensor]:
    """Tensors whose names start with `prefix`, by the rest of their names. Raises ModelNotLoaded."""
    try:
        with path.open("rb") as file:
            return _read(file, prefix)
    except (OSError, struct.error, ValueError, KeyError) as error:
        raise ModelNotLoaded(f"{path} is not a whole CTranslate2 model: {error}") from error


def _read(file: BinaryIO, prefix: str) -> dict[str, torch.Tensor]:
    version = _number(file, "I")
    if version != FORMAT_VERSION:
        raise ValueError(f"its format has version {version}, not {FORMAT_VERSION}")
    _name(file), _number(file, "I")  # the kind of model, and its revision
    tensors = {}
    for _ in range(_number(file, "I")):
        name = _name(file)
        shape = [_number(file, "I") for _ in range(_number(file, "B"))]
        dtype = DTYPES[_number(file, "B")]
        content = bytearray(file.read(_number(file, "I")))
        if name.startswith(prefix):
            tensors[name.removeprefix(prefix)] = torch.from_numpy(
                np.frombuffer(content, dtype).reshape(shape)
            )
    return tensors


def _name(file: BinaryIO) -> str:
    return file.read(_number(file, "H")).rstrip(b"\0").decode()


def _number(file: BinaryIO, code: str) -> int:
    (number,) = struct.unpack(f"<{code}", file.read(struct.calcsize(f"<{code}")))
    return int(number)
