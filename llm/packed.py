"""Int8 weights as `c/forward.c` takes them, and the library that runs it.

The structures are those of `c/forward.c` and `c/product.h`, field by field.
"""

from __future__ import annotations

import ctypes
import mmap
from ctypes import POINTER, Structure, c_float, c_int, c_void_p
from functools import cache
from importlib.util import find_spec

import torch
from torch import Tensor

from llm.layout import Weights
from llm.model import rotations

BLOCKS = (128, 64, 32)  # activations that share a scale: the most that divide a row
MULTIPLE = 16  # of a head's width: floats in the widest vector
# The extension modules and what each needs of the CPU, the quickest first.
VARIANTS = {"llm._avx512": "avx512_vnni", "llm._avx2": "avx2"}


class _Matrix(Structure):
    _fields_ = (
        *((name, c_void_p) for name in ("weights", "scales", "bias")),
        *((name, c_int) for name in ("outputs", "width", "block")),
    )


class _Layer(Structure):
    _fields_ = (
        *((name, c_void_p) for name in ("attn_norm", "mlp_norm", "post_attn_norm", "post_mlp_norm")),
        *((name, c_void_p) for name in ("q_norm", "k_norm", "cos", "sin")),
        ("window", c_int),
        *((name, _Matrix) for name in ("qkv", "out", "gate_up", "down")),
    )


class _Network(Structure):
    _fields_ = (
        *((name, c_int) for name in ("dim", "layers", "heads", "kv_heads", "head_dim", "ffn_dim")),
        *((name, c_int) for name in ("positions", "gelu")),
        *((name, c_float) for name in ("norm_eps", "score_scale")),
        ("layer", POINTER(_Layer)),
        ("norm", c_void_p),
        ("head", _Matrix),
    )


class Place(Structure):
    """Where a row goes: the address of its sequence's cache, and its position there."""

    _fields_ = (("cache", c_void_p), ("position", c_int))


@cache
def library(variant: str) -> ctypes.CDLL | None:
    """Load one of VARIANTS; None where it was not compiled, or the CPU cannot run it."""
    module = find_spec(variant)
    if module is None or module.origin is None or not torch.cpu.get_capabilities().get(VARIANTS[variant]):
        return None
    loaded = ctypes.CDLL(module.origin)
    loaded.forward_open.argtypes = (POINTER(_Network), c_int, c_int)
    loaded.forward_open.restype = c_void_p
    loaded.forward_body.argtypes = (c_void_p, c_int, c_void_p, POINTER(Place))
    loaded.forward_head.argtypes = (c_void_p, c_int, c_void_p, c_void_p)
    loaded.forward_close.argtypes = (c_void_p,)
    return loaded


def quickest() -> ctypes.CDLL | None:
    """Load the quickest variant that runs here."""
    return next((loaded for loaded in map(library, VARIANTS) if loaded is not None), None)


def packable(weights: Weights) -> bool:
    """Whether these weights can be run so: int8, in rows of whole blocks, and heads of whole vectors."""
    c = weights.config
    return (
        "embed.scale" in weights.tensors
        and all(width % BLOCKS[-1] == 0 for width in (c.dim, c.ffn_dim, c.n_heads * c.head_dim))
        and c.head_dim % MULTIPLE == 0
    )


class Packed:
    """A network in C, and the memory that it points to: use it no longer than this object lives."""

    def __init__(self, weights: Weights, *, tile: int, positions: int, cached: int) -> None:
        """`tile`: floats in a vector; `positions`: that are rotated for; `cached`: that a cache has."""
        c, self._tensors, self._tile = weights.config, weights.tensors, tile
        self._kept: list[Tensor] = []
        matrices = [tensor for tensor in self._tensors.values() if tensor.dtype == torch.uint8]
        self._memory = mmap.mmap(
            -1,
            sum((len(each) + tile) * each.shape[1] for each in matrices),
            flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS,  # shared memory gets no huge pages
        )
        if hasattr(mmap, "MADV_HUGEPAGE"):  # of Linux; one core alone reads a quarter faster from such pages
            self._memory.madvise(mmap.MADV_HUGEPAGE)
        self._free = torch.frombuffer(self._memory, dtype=torch.uint8)
        turns = [
            tuple(
                self._vector(table[:, 0, c.head_dim // 2 :])
                for table in rotations(weights, positions, local=local)
            )
            for local in (False, True)
        ]
        self._layers = (_Layer * c.n_layers)(
            *(self._layer(n, *turns[n in c.local_layers]) for n in range(c.n_layers))
        )
        for n in c.local_layers:
            self._layers[n].window = c.window
        self.network = _Network(
            dim=c.dim,
            layers=c.n_layers,
            heads=c.n_heads,
            kv_heads=c.n_kv_heads,
            head_dim=c.head_dim,
            ffn_dim=c.ffn_dim,
            positions=cached,
            gelu=c.gelu,
            norm_eps=c.norm_eps,
            score_scale=c.scale,
            layer=self._layers,
            norm=self._vector(self._tensors["norm.weight"]),
            head=self._matrix("head" if "head.weight" in self._tensors else "embed"),
        )

    def _layer(self, n: int, cos: int, sin: int) -> _Layer:
        norms = ("attn_norm", "mlp_norm", "post_attn_norm", "post_mlp_norm", "q_norm", "k_norm")
        stored = {name: self._tensors.get(f"layers.{n}.{name}.weight") for name in norms}
        matrices = ("qkv", "out", "gate_up", "down")
        return _Layer(
            **{name: None if tensor is None else self._vector(tensor) for name, tensor in stored.items()},
            **{name: self._matrix(f"layers.{n}.{name}") for name in matrices},
            cos=cos,
            sin=sin,
        )

    def _matrix(self, name: str) -> _Matrix:
        weight, scale = (self._whole_strips(self._tensors[f"{name}.{part}"]) for part in ("weight", "scale"))
        outputs, width = weight.shape
        here, self._free = self._free[: weight.numel()], self._free[weight.numel() :]
        strips = weight.view(-1, self._tile, width // 4, 4).transpose(1, 2)
        here.view(strips.shape).copy_(strips)  # [strips, width / 4, tile, 4]
        bias = self._tensors.get(f"{name}.bias")
        return _Matrix(
            weights=here.data_ptr(),
            scales=self._vector(scale),
            bias=None if bias is None else self._vector(bias),
            outputs=outputs,
            width=width,
            block=next(block for block in BLOCKS if width % block == 0),
        )

    def _whole_strips(self, rows: Tensor) -> Tensor:
        """Add rows of zeros: a vocabulary may have any size."""
        missing = -len(rows) % self._tile
        return torch.cat((rows, rows.new_zeros(missing, *rows.shape[1:]))) if missing else rows

    def _vector(self, values: Tensor) -> int:
        """Keep these floats; returns their address."""
        kept = values.float().contiguous()
        self._kept.append(kept)
        return kept.data_ptr()
