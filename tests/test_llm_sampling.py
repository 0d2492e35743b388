"""Choosing tokens from scores."""

from __future__ import annotations

from collections import Counter
from itertools import product
from math import inf, nan
from typing import Any

import pytest
import torch
from torch import Tensor

from llm.engine import Sampling
from llm.errors import BadSampling, LlmError
from llm.sampling import CANDIDATES, Sampler, likely, nucleus, penalized, tempered

LOGITS = torch.tensor([1.0, 3.0, 2.0, -1.0])
SHARES = torch.tensor([0.5, 0.3, 0.1, 0.1])


def sampler(**options: Any) -> Sampler:
    return Sampler(Sampling(**options), vocabulary=4)


def chosen(logits: Tensor, **options: Any) -> set[int]:
    """All that 300 choices come to."""
    choosing = Sampler(Sampling(**options), vocabulary=len(logits))
    return {choosing.choose(logits, []) for _ in range(300)}


def test_the_default_takes_the_most_probable_token() -> None:
    assert sampler().choose(LOGITS, []) == 1


def test_the_same_seed_makes_the_same_answer_and_another_seed_another() -> None:
    def answer(seed: int) -> list[int]:
        choosing = sampler(temperature=1.5, seed=seed)
        return [choosing.choose(LOGITS, []) for _ in range(30)]

    assert answer(1) == answer(1) != answer(2)


@pytest.mark.parametrize("seed", [-(2**63), 2**63 - 1])
def test_every_seed_that_is_allowed_can_be_used(seed: int) -> None:
    assert sampler(temperature=1.0, seed=seed).choose(LOGITS, []) in range(4)


@pytest.mark.parametrize("option", [{"top_p": 0.01}, {"top_p": 5e-324}, {"min_p": 1.0}])
def test_a_small_top_p_or_a_large_min_p_leaves_one_candidate(option: dict[str, float]) -> None:
    assert chosen(LOGITS, temperature=2.0, **option) == {1}


def test_a_nucleus_holds_the_token_that_crosses_its_mass() -> None:
    assert nucleus(torch.tensor([0.5, 0.3, 0.15, 0.05]), 0.7).tolist() == pytest.approx([0.5, 0.3, 0, 0])


def test_min_p_is_a_share_of_the_most_probable_token() -> None:
    assert likely(SHARES, 0.6).tolist() == pytest.approx([0.625, 0.375, 0, 0])
    assert likely(SHARES, 0.0).tolist() == pytest.approx(SHARES.tolist())


@pytest.mark.parametrize("temperature", [5e-324, 1e-40, 1e-6, 1.0, 1e308])
def test_no_temperature_is_too_small_or_too_large_for_scores(temperature: float) -> None:
    probabilities = tempered(torch.tensor([1e4, 20.0, -inf]), temperature)
    assert probabilities.isfinite().all()
    assert probabilities.sum().item() == pytest.approx(1)


def test_a_penalty_lowers_what_was_said_whatever_its_sign() -> None:
    assert penalized(LOGITS, [1, 3, 3], 2.0).tolist() == [1.0, 1.5, 2.0, -2.0]
    assert sampler(repetition_penalty=2.0).choose(LOGITS, [1]) == 2


def test_a_bias_forces_or_bans_a_token_with_and_without_a_temperature() -> None:
    for temperature in (0.0, 1.0):
        assert chosen(LOGITS, temperature=temperature, logit_bias=((3, 100),)) == {3}
        assert 1 not in chosen(LOGITS, temperature=temperature, logit_bias=((1, -100.0),))
    assert LOGITS.tolist() == [1.0, 3.0, 2.0, -1.0]


def test_a_bias_brings_a_token_among_the_candidates() -> None:
    logits = torch.zeros(3 * CANDIDATES)
    logits[-1] = -5.0
    assert chosen(logits, temperature=1.0, logit_bias=((len(logits) - 1, 100.0),)) == {len(logits) - 1}


def test_the_tail_behind_the_candidates_is_never_chosen() -> None:
    logits = torch.linspace(1, 0, 2 * CANDIDATES)
    assert max(chosen(logits, temperature=1.0)) < CANDIDATES


def test_a_bias_is_penalized_with_the_rest_of_its_logit() -> None:
    options = {"logit_bias": ((0, 3.0),), "repetition_penalty": 2.0}  # (1 + 3) / 2 < 3 < 1 / 2 + 3
    assert sampler(**options).choose(LOGITS, [0]) == 1
    assert sampler(**options).choose(LOGITS, []) == 0


def test_min_p_looks_at_the_distribution_that_the_temperature_made() -> None:
    assert chosen(SHARES.log(), temperature=1.0, min_p=0.7) == {0}
    assert chosen(SHARES.log(), temperature=2.0, min_p=0.7) == {0, 1}  # (0.3 / 0.5) ** (1 / 2) > 0.7


def test_top_p_is_a_share_of_what_min_p_leaves() -> None:
    assert chosen(SHARES.log(), temperature=1.0, top_p=0.6) == {0, 1}
    assert chosen(SHARES.log(), temperature=1.0, top_p=0.6, min_p=0.5) == {0}  # 0.5 / (0.5 + 0.3) > 0.6


FOLLOWING = torch.tensor([[0.1, 2.0, 1.0, 0.0], [1.0, -1.0, 0.5, 1.5], [0.0, 0.0, 3.0, 1.0], [2, 1, 0.5, 1]])
GUESSES = [(), (1,), (3,), (1, 3), (3, 3), (2, 0)]  # likely and unlikely ones


def two_tokens(choosing: Sampler, guesses: tuple[int, ...]) -> tuple[int, ...]:
    """Say two tokens after token 0: those that were guessed are verified, the others decoded one by one."""
    said: list[int] = []
    while len(said) < 2:
        for guess in (*guesses[len(said) :], None):
            said.append(choosing.choose(FOLLOWING[said[-1] if said else 0], said))
            if said[-1] != guess or len(said) == 2:
                guesses = ()
                break
    return tuple(said)


@pytest.mark.parametrize("guesses", GUESSES)
def test_guesses_leave_the_distribution_of_the_answers_as_it_is(guesses: tuple[int, ...]) -> None:
    choosing = sampler(temperature=0.8, min_p=0.05, seed=7)
    draws = 4000
    counts = Counter(two_tokens(choosing, guesses) for _ in range(draws))
    shares = (FOLLOWING / 0.8).softmax(dim=1)
    shares = shares.where(shares >= 0.05 * shares.amax(dim=1, keepdim=True), 0)
    shares /= shares.sum(dim=1, keepdim=True)
    differences = [
        counts[(one, two)] / draws - float(shares[0, one] * shares[one, two])
        for one, two in product(range(4), repeat=2)
    ]
    # Half of sum |difference|: for 16 outcomes of true distribution about 0.02.
    assert sum(map(abs, differences)) / 2 < 0.04


WRONG: list[tuple[str, Any]] = [
    *(("temperature", value) for value in (-0.1, nan, inf)),
    *(("top_p", value) for value in (0.0, 1.1, nan, inf)),
    *(("min_p", value) for value in (-0.1, 1.1, nan, inf)),
    *(("repetition_penalty", value) for value in (0.0, -1.0, 11.0, 1e-300, nan, inf)),
    *(("seed", value) for value in (-(2**63) - 1, 2**63, nan, 0.5)),
    *(("max_tokens", value) for value in (0, -1, nan, inf, 1.5)),
    *(("stop", value) for value in (("",), ("a", ""), ("a",) * 17, "abc")),
    *(("logit_bias", ((7, bias),)) for bias in (-100.1, 101, nan, inf, -inf)),
    *(("logit_bias", value) for value in ({7: 1.0}, ((-1, 0.0),), ((1.5, 0.0),), ((7, 1.0), (7, 2.0)))),
]


@pytest.mark.parametrize(("parameter", "value"), WRONG)
def test_a_value_out_of_range_is_named(parameter: str, value: Any) -> None:
    with pytest.raises(BadSampling, match=f"^{parameter} .*; it must ") as raised:
        Sampling(**{parameter: value})
    assert raised.value.parameter == parameter
    assert isinstance(raised.value, LlmError)
    assert isinstance(raised.value, ValueError)


def test_a_value_at_the_edge_of_its_range_is_allowed() -> None:
    edges = (("temperature", 0), ("top_p", 1), ("min_p", 0), ("min_p", 1), ("max_tokens", 1))
    for parameter, value in edges:
        Sampling(**{parameter: value})  # type: ignore[arg-type]
    Sampling(stop=("a",) * 16, logit_bias=((0, -100), (1, 100)))


def test_a_value_says_what_it_is_and_what_is_allowed() -> None:
    with pytest.raises(BadSampling, match="temperature is nan; it must be finite, and 0"):
        Sampling(temperature=nan)
    with pytest.raises(BadSampling, match="logit_bias is -101 for token 7; it must be -100 to 100"):
        Sampling(logit_bias=((7, -101),))
    with pytest.raises(BadSampling, match="stop has 17 strings; it must have at most 16"):
        Sampling(stop=("a",) * 17)


def test_a_biased_token_that_the_vocabulary_lacks_is_named() -> None:
    Sampler(Sampling(logit_bias=((3, 1.0),)), vocabulary=4)
    with pytest.raises(
        BadSampling, match="logit_bias has the token id 4; the vocabulary's are 0 to 3"
    ) as raised:
        Sampler(Sampling(logit_bias=((4, 1.0),)), vocabulary=4)
    assert raised.value.parameter == "logit_bias"


def test_a_sampling_can_be_a_key() -> None:
    sampling = Sampling(logit_bias=((7, 1.0),), stop=("\n",))
    assert {sampling: 1}[Sampling(logit_bias=((7, 1.0),), stop=("\n",))] == 1
