"""Whisper's encoder and decoder with int8 weights as compiled code: `c/whisper.c`.

The structures are those of `c/whisper.c` and `c/pack.h`, field by field.
"""

from __future__ import annotations

import ctypes
from ctypes import POINTER, Structure, byref, c_int, c_void_p
from functools import cache
from importlib.util import find_spec
from weakref import finalize

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from asr.mel import MEL_BANDS

HEAD_SIZE = 64  # in every Whisper model
# The extension modules and what each needs of the CPU, the quickest first.
VARIANTS = {"asr._avx512": "avx512_vnni", "asr._avx2": "avx2"}


class _Weights(Structure):
    _fields_ = (("weight", c_void_p), ("bias", c_void_p), ("outputs", c_int), ("width", c_int))


class _Norm(Structure):
    _fields_ = (("gain", c_void_p), ("shift", c_void_p))


class _Layer(Structure):
    _fields_ = (
        *((name, _Norm) for name in ("self_norm", "cross_norm", "ffn_norm")),
        *((name, _Weights) for name in ("qkv", "self_out", "query", "audio", "cross_out", "wide", "narrow")),
    )


class _Stack(Structure):
    _fields_ = (
        ("layers", c_int),
        ("layer", POINTER(_Layer)),
        ("positions", c_void_p),
        ("last", _Norm),
        ("most", c_int),
    )


class _Model(Structure):
    _fields_ = (
        *((name, c_int) for name in ("width", "heads", "bands", "vocabulary")),
        *((name, _Weights) for name in ("first", "second", "embeddings")),
        *((name, _Stack) for name in ("encoder", "decoder")),
    )


@cache
def library(variant: str) -> ctypes.CDLL | None:
    """Load one of VARIANTS; None where it was not compiled, or the CPU cannot run it."""
    module = find_spec(variant)
    if module is None or module.origin is None or not torch.cpu.get_capabilities().get(VARIANTS[variant]):
        return None
    loaded = ctypes.CDLL(module.origin)
    loaded.whisper_open.argtypes = (POINTER(_Model), c_int)
    loaded.whisper_open.restype = c_void_p
    loaded.whisper_encode.argtypes = (c_void_p, c_int, c_void_p, c_void_p)
    loaded.whisper_hear.argtypes = (c_void_p, c_int, c_void_p)
    loaded.whisper_append.argtypes = (c_void_p, c_int, c_int, c_void_p)
    loaded.whisper_score.argtypes = (c_void_p, c_int, c_void_p, c_void_p)
    loaded.whisper_close.argtypes = (c_void_p,)
    return loaded


def quickest() -> ctypes.CDLL | None:
    """Load the quickest variant that runs here."""
    return next((loaded for loaded in map(library, VARIANTS) if loaded is not None), None)


class CompiledWhisper:
    """An encoder, and a decoder as `asr.decoder.Decoder` is one. Not thread-safe."""

    device = torch.device("cpu")

    def __init__(self, weights: dict[str, Tensor], *, threads: int, library: ctypes.CDLL) -> None:
        """`weights`: CTranslate2's, by their names. Raises MemoryError, or KeyError if one is missing."""
        packing = _Packing(weights)
        self._embeddings = weights["decoder/embeddings/weight"]  # [vocabulary, size]
        self._positions = weights["decoder/position_encodings/encodings"].float()  # [context, size]
        self.context, self._size = self._positions.shape
        self.vocabulary = len(self._embeddings)
        self.length = 0  # tokens in the cache; set it lower to take the last ones back
        model = _Model(
            width=self._size,
            heads=self._size // HEAD_SIZE,
            bands=MEL_BANDS,
            vocabulary=self.vocabulary,
            first=packing.convolution("encoder/conv1"),
            second=packing.convolution("encoder/conv2"),
            embeddings=packing.matrix(self._embeddings),
            encoder=packing.stack("encoder"),
            decoder=packing.stack("decoder"),
        )
        self.library = library
        self._whisper = library.whisper_open(byref(model), threads)
        if self._whisper is None:
            raise MemoryError(f"Whisper could not be set up on {threads} threads")
        strip = int(library.whisper_lanes())
        self._outputs = -(-self.vocabulary // strip) * strip
        finalize(self, _close, library, self._whisper, packing.lasting)

    def encode(self, mel: NDArray[np.float32]) -> Tensor:
        """Log-mel spectrogram [MEL_BANDS, frames], an even number of them, to [frames / 2, size]."""
        frames = mel.shape[1]
        padded = np.zeros((frames + 2, MEL_BANDS), np.float32)
        padded[1:-1] = mel.T
        encoded = torch.empty(frames // 2, self._size)
        self.library.whisper_encode(self._whisper, len(encoded), padded.ctypes.data, encoded.data_ptr())
        return encoded

    def hear(self, encoded: Tensor) -> None:
        """Listen to `encoded` [audio frames, size], and forget all text."""
        encoded = encoded.contiguous()
        self.library.whisper_hear(self._whisper, len(encoded), encoded.data_ptr())
        self.length = 0

    def append(self, tokens: list[int]) -> Tensor:
        """Take in the next tokens; their hidden states [T, size], to be given to `logits`."""
        end = self.length + len(tokens)
        assert end <= self.context, f"{end} tokens of {self.context}"  # or memory breaks
        hidden = self._embeddings[tokens].float() + self._positions[self.length : end]
        self.library.whisper_append(self._whisper, len(tokens), self.length, hidden.data_ptr())
        self.length = end
        return hidden

    def logits(self, hidden: Tensor) -> Tensor:
        """What comes after each hidden state [T, size]: scores [T, vocabulary]."""
        hidden, logits = hidden.contiguous(), torch.empty(len(hidden), self._outputs)
        self.library.whisper_score(self._whisper, len(hidden), hidden.data_ptr(), logits.data_ptr())
        return logits[:, : self.vocabulary]


class _Packing:
    """What C needs of the weights: for ever, or (matrices, which it packs) until it is set up."""

    def __init__(self, weights: dict[str, Tensor]) -> None:
        self._weights = weights
        self.lasting: list[Tensor] = []
        self._passing: list[Tensor] = []

    def stack(self, name: str) -> _Stack:
        count = sum(
            key.startswith(f"{name}/") and key.endswith("/ffn/layer_norm/gamma") for key in self._weights
        )
        layers = (_Layer * count)(*(self._layer(f"{name}/layer_{n}") for n in range(count)))
        positions = self._weights[f"{name}/position_encodings/encodings"]
        return _Stack(
            count, layers, self._lasting(positions), self._norm(f"{name}/layer_norm"), len(positions)
        )

    def _layer(self, name: str) -> _Layer:
        layer = _Layer(
            self_norm=self._norm(f"{name}/self_attention/layer_norm"),
            qkv=self._linear(f"{name}/self_attention/linear_0"),
            self_out=self._linear(f"{name}/self_attention/linear_1"),
            ffn_norm=self._norm(f"{name}/ffn/layer_norm"),
            wide=self._linear(f"{name}/ffn/linear_0"),
            narrow=self._linear(f"{name}/ffn/linear_1"),
        )
        if f"{name}/attention/layer_norm/gamma" in self._weights:
            layer.cross_norm = self._norm(f"{name}/attention/layer_norm")
            layer.query = self._linear(f"{name}/attention/linear_0")
            layer.audio = self._linear(f"{name}/attention/linear_1")
            layer.cross_out = self._linear(f"{name}/attention/linear_2")
        return layer

    def convolution(self, name: str) -> _Weights:
        kernel = self._weights[f"{name}/weight"].transpose(1, 2).flatten(1)  # [out, 3 * in], by time first
        return self.matrix(kernel, self._weights[f"{name}/bias"])

    def matrix(self, weight: Tensor, bias: Tensor | None = None) -> _Weights:
        pointer = _floats(weight, self._passing)
        return _Weights(pointer, None if bias is None else self._lasting(bias), *weight.shape)

    def _linear(self, name: str) -> _Weights:
        return self.matrix(self._weights[f"{name}/weight"], self._weights[f"{name}/bias"])

    def _norm(self, name: str) -> _Norm:
        return _Norm(*(self._lasting(self._weights[f"{name}/{part}"]) for part in ("gamma", "beta")))

    def _lasting(self, values: Tensor) -> int:
        return _floats(values, self.lasting)


def _floats(values: Tensor, kept: list[Tensor]) -> int:
    """Keep these values; returns their address."""
    kept.append(values.float().contiguous())
    return kept[-1].data_ptr()


def _close(library: ctypes.CDLL, whisper: int, kept: list[Tensor]) -> None:
    library.whisper_close(whisper)
    kept.clear()  # not before
