"""Integer products against exact ones, on whatever processor this runs on."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from llm.layout import floats
from llm.linear import Int8Linear, TwoDigitLinear, packing, quantize

ROWS, WIDTH, OUTPUTS = 5, 256, 96
Make = Callable[[Tensor, Tensor, Tensor | None], Callable[[Tensor], Tensor]]


def normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


WEIGHT, SCALE = quantize(normal(OUTPUTS, WIDTH, seed=1))
ROUNDED = floats(WEIGHT, SCALE)  # [OUTPUTS, WIDTH], what the integers stand for


def made(make: Make, bias: Tensor | None = None) -> Callable[[Tensor], Tensor]:
    with packing():
        return make(WEIGHT, SCALE, bias)


def error(make: Make, x: Tensor) -> float:
    """How far the product is from the exact one of the same weights, relative to it; the worst row."""
    exact = x @ ROUNDED.T
    return float(((made(make)(x) - exact).norm(dim=1) / exact.norm(dim=1)).max())


@pytest.mark.parametrize("rows", [1, ROWS])
def test_activations_of_one_digit_are_within_two_percent(rows: int) -> None:
    assert error(Int8Linear, normal(rows, WIDTH)) < 0.02


@pytest.mark.parametrize("rows", [1, ROWS])
def test_activations_off_centre_lose_no_more(rows: int) -> None:
    assert error(Int8Linear, normal(rows, WIDTH) + 2.0) < 0.02


@pytest.mark.parametrize("rows", [1, ROWS])
def test_two_digits_are_exact_to_three_places(rows: int) -> None:
    assert error(TwoDigitLinear, normal(rows, WIDTH)) < 0.0005


def test_one_activation_a_thousand_times_the_others_drowns_one_digit_and_not_two() -> None:
    x = normal(ROWS, WIDTH)
    x[:, 7] = 1000.0
    rest = x.clone()
    rest[:, 7] = 0.0
    one, two = made(Int8Linear), made(TwoDigitLinear)
    exact = rest @ ROUNDED.T
    outlier = 1000.0 * ROUNDED[:, 7]
    assert (one(x) - outlier - exact).norm() > 0.5 * exact.norm()
    assert (two(x) - outlier - exact).norm() < 0.1 * exact.norm()


@pytest.mark.parametrize("make", [Int8Linear, TwoDigitLinear])
def test_a_row_comes_out_the_same_whatever_stands_beside_it(make: Make) -> None:
    product = made(make, normal(OUTPUTS, seed=2))
    x = normal(ROWS, WIDTH)
    other = torch.cat((x[:2], 1000 * normal(ROWS, WIDTH, seed=3)))
    assert torch.equal(product(x)[:2], product(other)[:2])


@pytest.mark.parametrize("make", [Int8Linear, TwoDigitLinear])
def test_a_row_of_zeros_gives_the_bias(make: Make) -> None:
    bias = normal(OUTPUTS, seed=2)
    product = made(make, bias)
    for rows in (1, ROWS):
        torch.testing.assert_close(
            product(torch.zeros(rows, WIDTH)), bias.expand(rows, -1), atol=1e-6, rtol=0
        )


@pytest.mark.parametrize("make", [Int8Linear, TwoDigitLinear])
@pytest.mark.parametrize("rows", [2, 3, 4, 7, 8, 16])
def test_a_row_comes_out_the_same_to_the_last_bit_whatever_is_beside_it(make: Make, rows: int) -> None:
    x = normal(rows, WIDTH) * torch.arange(1, rows + 1)[:, None]
    product = made(make, bias=normal(OUTPUTS, seed=2))
    assert torch.equal(product(x), torch.cat([product(row[None]) for row in x]))
