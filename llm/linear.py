"""Matrix products with int8 weights.

On a CPU, torch's dynamic quantisation: int8 weights with one scale per output channel, activations rounded to
8 bits as they come, sums of int32. Measured with AVX-512 VNNI on the shapes of Qwen2.5-0.5B: one row takes
about half the time of `torch._weight_int8pack_mm` and two thirds of oneDNN's `qlinear_pointwise`; up to 64
rows no other int8 or bfloat16 product was clearly faster. The price is accuracy: bfloat16 activations stay
closer to float32.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

Linear = Callable[[Tensor], Tensor]  # [S, in] -> [S, out]

# Without VNNI, pairs of 8-bit products are summed in 16 bits and would saturate: activations get 7 bits.
REDUCE_RANGE = not torch.cpu.get_capabilities().get("avx512_vnni", False)


def quantize(weight: Tensor) -> tuple[Tensor, Tensor]:
    """Round float rows [out, in] to int8, symmetric; returns them and their scales [out], float32."""
    scale = weight.abs().amax(dim=1).clamp_(min=1e-12) / 127
    return torch.round(weight / scale[:, None]).to(torch.int8), scale.float()


def linear(
    weight: Tensor, scale: Tensor | None, bias: Tensor | None, device: str, dtype: torch.dtype
) -> Linear:
    """Make the product with `weight` [out, in]: int8 with `scale` [out], or float without.

    Int8 weights stay int8 where the CPU computes in float32; elsewhere they become `dtype`.
    """
    if scale is not None and device == "cpu" and dtype == torch.float32:
        return Int8Linear(weight, scale, bias)
    if scale is not None:
        weight = weight.to(device).float() * scale.to(device)[:, None]
    return DenseLinear(weight.to(device, dtype), None if bias is None else bias.to(device, dtype))


class DenseLinear:
    """x @ weight.T + bias in the weights' own type."""

    def __init__(self, weight: Tensor, bias: Tensor | None) -> None:
        self.weight = weight  # [out, in]
        self.bias = bias  # [out]

    def __call__(self, x: Tensor) -> Tensor:
        """[S, in] -> [S, out]."""
        return F.linear(x, self.weight, self.bias)


class Int8Linear:
    """x @ (weight * scale).T + bias, int8 by int8."""

    def __init__(self, weight: Tensor, scale: Tensor, bias: Tensor | None) -> None:
        zero_points = torch.zeros(len(weight), dtype=torch.int64)
        quantized = torch._make_per_channel_quantized_tensor(weight, scale.double(), zero_points, 0)
        self._packed: Any = torch.ops.quantized.linear_prepack(quantized, None)
        self._bias = bias

    def __call__(self, x: Tensor) -> Tensor:
        """[S, in] -> [S, out], float32."""
        y = _product(x, self._packed) if len(x) == 1 else _row_scaled_product(x, self._packed)
        return y if self._bias is None else y.add_(self._bias)


def _product(x: Tensor, packed: Any) -> Tensor:
    return torch.ops.quantized.linear_dynamic(x, packed, REDUCE_RANGE)  # type: ignore[no-any-return]


def _row_scaled_product(x: Tensor, packed: Any) -> Tensor:
    # The kernel has one activation scale for all rows; a first token was seen at 1,700 times the median.
    peak = x.abs().amax(dim=1, keepdim=True).clamp_(min=1e-12)  # [S, 1]
    return _product(x / peak, packed).mul_(peak)


@contextmanager
def packing() -> Iterator[None]:
    """Silence torch while weights are packed: that takes no other than its deprecated qint8 tensors."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*quantized tensor creation", category=UserWarning)
        yield
