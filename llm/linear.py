"""Matrix products with int8 weights.

On a CPU, torch's dynamic quantisation: int8 weights with one scale per output channel, activations rounded
to 8 bits as they come, sums of int32. What comes out for a row does not depend on the rows beside it, to the
last bit: tokens that are verified together get what they would get one by one. Measured with AVX-512 VNNI on
the shapes of Qwen2.5-0.5B: one row takes about half the time of `torch._weight_int8pack_mm` and two thirds of
oneDNN's `qlinear_pointwise`; up to 64 rows no other int8 or bfloat16 product of torch was clearly faster. On
AVX2 one row takes half the time of `torch._weight_int8pack_mm`, sixteen take a quarter. The price is
accuracy: the mean KL divergence from exact products of the same weights is 0.005 (Qwen2.5-0.5B) and 0.02
(SmolLM2-135M), on AVX2 0.007 and 0.025.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from llm.layout import ZERO, floats

Linear = Callable[[Tensor], Tensor]  # [S, in] -> [S, out]

STORED_PEAK = 127  # largest int8 weight in a converted folder
# Largest one in a product. Without VNNI, pairs of 8-bit products are summed in 16 bits and saturate where two
# large weights meet two large activations. Mean KL divergence from exact products, on AVX2, of SmolLM2-135M
# and Qwen2.5-0.5B: 6.7 and 0.066 with weights up to 127, 0.040 and 0.010 up to 80, 0.057 and 0.017 up to 64.
WEIGHT_PEAK = 127 if torch.cpu.get_capabilities().get("avx512_vnni", False) else 80
DIGIT = 63  # largest digit of an activation in two digits: 7 bits, with which no sum can saturate


def quantize(weight: Tensor) -> tuple[Tensor, Tensor]:
    """Round float rows [out, in] to int8, symmetric around ZERO; returns uint8, and scales [out], float32."""
    scale = weight.abs().amax(dim=1).clamp_(min=1e-12) / STORED_PEAK
    return (torch.round(weight / scale[:, None]) + ZERO).to(torch.uint8), scale.float()


def linear(
    weight: Tensor,
    scale: Tensor | None,
    bias: Tensor | None,
    device: str,
    dtype: torch.dtype,
    *,
    outliers: bool = False,
) -> Linear:
    """Make the product with `weight` [out, in]: int8, as `quantize` returns it, or float without `scale`.

    Int8 weights stay int8 where the CPU computes in float32; elsewhere they become `dtype`. `outliers`: in
    what is multiplied, few values are so large that eight bits would leave next to nothing of the others.
    """
    if scale is not None and device == "cpu" and dtype == torch.float32:
        return TwoDigitLinear(weight, scale, bias) if outliers else Int8Linear(weight, scale, bias)
    if scale is not None:
        weight = floats(weight.to(device), scale.to(device))
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
    """x @ floats(weight, scale).T + bias, int8 by int8."""

    def __init__(self, weight: Tensor, scale: Tensor, bias: Tensor | None) -> None:
        weight = _signed(weight)
        if WEIGHT_PEAK < STORED_PEAK:
            weight = torch.round(weight * (WEIGHT_PEAK / STORED_PEAK)).to(torch.int8)
            scale = scale * (STORED_PEAK / WEIGHT_PEAK)
        self._packed = _packed(weight, scale)
        self._sums = (weight.sum(dim=1) * scale)[None]  # [1, out], of each output's weights
        self._bias = bias

    def __call__(self, x: Tensor) -> Tensor:
        """[S, in] -> [S, out], float32."""
        # A range for each row, not one for all: a first token was seen at 1,700 times the median.
        low = x.amin(dim=1, keepdim=True)  # [S, 1]
        span = (x.amax(dim=1, keepdim=True) - low).clamp_(min=1e-12)
        y = _product((x - low).div_(span), 1 / 255, 0, self._packed)
        offset = low * self._sums if self._bias is None else torch.addcmul(self._bias, low, self._sums)
        return offset.addcmul_(span, y)


class TwoDigitLinear:
    """The same with activations of two digits, 14 bits in all: twice the rows, which for one cost no time."""

    def __init__(self, weight: Tensor, scale: Tensor, bias: Tensor | None) -> None:
        self._packed = _packed(_signed(weight), scale)
        self._bias = bias

    def __call__(self, x: Tensor) -> Tensor:
        """[S, in] -> [S, out], float32."""
        peak = x.abs().amax(dim=1, keepdim=True).clamp_(min=1e-12)  # [S, 1]
        scaled = x * (DIGIT / peak)
        first = scaled.round()
        second = (scaled - first).mul_(2 * DIGIT)  # what is left, up to half a step of the first
        y = _product(torch.cat((first, second)), 1.0, DIGIT + 1, self._packed)  # [2 S, out]
        y = y[: len(x)].add_(y[len(x) :], alpha=1 / (2 * DIGIT)).mul_(peak / DIGIT)
        return y if self._bias is None else y.add_(self._bias)


def _signed(weight: Tensor) -> Tensor:
    return (weight ^ ZERO).view(torch.int8)  # takes off 128


def _packed(weight: Tensor, scale: Tensor) -> Any:
    zero_points = torch.zeros(len(weight), dtype=torch.int64)
    quantized = torch._make_per_channel_quantized_tensor(weight, scale.double(), zero_points, 0)
    return torch.ops.quantized.linear_prepack(quantized, None)


def _product(x: Tensor, step: float, zero: int, packed: Any) -> Tensor:
    """Multiply `x` rounded to whole steps, of which `zero` are added: the kernel takes 0 to 255."""
    product = torch.ops.quantized.linear_with_input_q_dq_qweight_dq_output_fp32
    return product(x, step, zero, packed)  # type: ignore[no-any-return]


@contextmanager
def packing() -> Iterator[None]:
    """Silence torch while weights are packed: that takes no other than its deprecated qint8 tensors."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*quantized tensor creation", category=UserWarning)
        yield
