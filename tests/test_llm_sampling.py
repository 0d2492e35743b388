"""Choosing tokens from scores."""

from __future__ import annotations

import pytest
import torch

from llm.engine import Sampling
from llm.sampling import Sampler, nucleus, penalized

LOGITS = torch.tensor([1.0, 3.0, 2.0, -1.0])


def test_the_default_takes_the_most_probable_token() -> None:
    assert Sampler(Sampling()).choose(LOGITS, []) == 1


def test_the_same_seed_makes_the_same_answer_and_another_seed_another() -> None:
    def answer(seed: int) -> list[int]:
        sampler = Sampler(Sampling(temperature=1.5, seed=seed))
        return [sampler.choose(LOGITS, []) for _ in range(30)]

    assert answer(1) == answer(1) != answer(2)


def test_a_small_top_p_leaves_one_candidate() -> None:
    sampler = Sampler(Sampling(temperature=2.0, top_p=0.01))
    assert {sampler.choose(LOGITS, []) for _ in range(20)} == {1}


def test_a_nucleus_holds_the_token_that_crosses_its_mass() -> None:
    assert nucleus(torch.tensor([0.5, 0.3, 0.15, 0.05]), 0.7).tolist() == pytest.approx([0.5, 0.3, 0, 0])


def test_a_penalty_lowers_what_was_said_whatever_its_sign() -> None:
    assert penalized(LOGITS, [1, 3, 3], 2.0).tolist() == [1.0, 1.5, 2.0, -2.0]
    assert Sampler(Sampling(repetition_penalty=2.0)).choose(LOGITS, [1]) == 2


@pytest.mark.parametrize(
    "wrong",
    [{"temperature": -0.1}, {"top_p": 0.0}, {"top_p": 1.1}, {"repetition_penalty": 0.0}, {"max_tokens": 0}],
)
def test_a_value_out_of_range_is_named(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        Sampling(**wrong)  # type: ignore[arg-type]
