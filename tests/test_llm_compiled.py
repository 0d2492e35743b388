"""The compiled passes against those in torch, and against themselves in other portions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from llm import layout, packed
from llm.compiled import CompiledTransformer
from llm.decoder import Decoder, extend_each
from llm.gguf import convert, read
from llm.layout import Weights
from llm.model import Transformer
from llm.network import Network
from tests.tiny_model import WHOLE_BLOCKS, RandomModel, random_llama, random_qwen2, write_gguf

IDS = [(7 * i + i * i) % 250 for i in range(100)]
POSITIONS = 101  # no whole number of tiles


@pytest.fixture(scope="module", params=[random_llama, random_qwen2])
def weights(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Weights:
    random_model: Callable[..., RandomModel] = request.param
    folder = tmp_path_factory.mktemp("fused")
    convert(write_gguf(random_model(**WHOLE_BLOCKS), folder / "m.gguf"), folder / "w")
    return layout.read(folder / "w")


@pytest.fixture(scope="module", params=packed.VARIANTS)
def network(request: pytest.FixtureRequest, weights: Weights) -> CompiledTransformer:
    library = packed.library(request.param)
    if library is None:
        pytest.skip(f"{request.param} was not compiled, or this CPU has no {packed.VARIANTS[request.param]}")
    return CompiledTransformer(weights, positions=POSITIONS, threads=2, library=library)


def hidden(network: Network, *portions: list[int]) -> Tensor:
    cache = network.key_values()
    with torch.inference_mode():
        return torch.cat([network.forward(ids, cache) for ids in portions])


def test_it_predicts_what_torch_predicts_from_the_same_weights(
    weights: Weights, network: CompiledTransformer
) -> None:
    exact = Transformer(weights, positions=POSITIONS, device="cpu", dtype=torch.float32)
    expected, found = (each.logits(hidden(each, IDS)).log_softmax(-1) for each in (exact, network))
    divergence = (expected.exp() * (expected - found)).sum(-1)
    assert divergence.mean() < 0.01  # nats a token


@given(widths=st.lists(st.integers(1, 70), min_size=1, max_size=100))
def test_no_row_depends_on_those_beside_it(network: CompiledTransformer, widths: list[int]) -> None:
    ends = [min(sum(widths[:n]), len(IDS)) for n in range(len(widths) + 1)]
    portions = [IDS[start:end] for start, end in pairwise(ends) if start < end]
    found = hidden(network, *portions)
    one_by_one = hidden(network, *([id] for id in IDS))[: len(found)]
    assert torch.equal(found, one_by_one)
    assert torch.equal(network.logits(found)[-1], network.logits(one_by_one[-1:])[0])


def test_every_position_can_be_filled_and_the_cache_goes_on_from_a_crop_and_from_a_copied_prefix(
    network: CompiledTransformer,
) -> None:
    ids = [*IDS, 5]
    first, second = (Decoder(network) for _ in range(2))
    assert first.prefill(ids[:50]) == 50
    assert second.resume(ids[:50], first.part(0))
    assert first.prefill(ids) == 51
    assert first.positions == len(ids)
    expected = first.logits()
    assert first.prefill([*ids[:50], 9, 9]) == 2
    for decoder in (first, second):
        assert decoder.prefill(ids) == 51
        assert torch.equal(decoder.logits(), expected)


def test_two_conversations_do_not_see_each_other(network: CompiledTransformer) -> None:
    alone = hidden(network, IDS)
    one, other = network.key_values(), network.key_values()
    with torch.inference_mode():
        for id, foreign in zip(IDS, reversed(IDS), strict=True):
            last = network.forward([id], one)
            network.forward([foreign], other)
    assert torch.equal(last[0], alone[-1])


def test_what_a_row_becomes_does_not_depend_on_other_sequences_in_its_pass(
    network: CompiledTransformer,
) -> None:
    prompts = [IDS[:3], IDS[5:40], IDS[:1], IDS[20:90]]
    together, alone = ([Decoder(network) for _ in prompts] for _ in range(2))
    for one, other, ids in zip(together, alone, prompts, strict=True):
        one.prefill(ids)
        other.prefill(ids)
    next_ids = [5, 6, 7, 8]
    found = extend_each(together, next_ids)
    for decoder, id, row in zip(alone, next_ids, found, strict=True):
        decoder.extend(id)
        assert torch.equal(decoder.logits(), row)


@pytest.mark.parametrize("threads", [1, 3])
def test_the_number_of_threads_changes_nothing(
    weights: Weights, network: CompiledTransformer, threads: int
) -> None:
    other = CompiledTransformer(weights, positions=POSITIONS, threads=threads, library=network.library)
    assert torch.equal(hidden(other, IDS), hidden(network, IDS))


def test_a_part_goes_into_another_cache_from_any_position_to_any_other(network: CompiledTransformer) -> None:
    whole = network.key_values()
    network.forward(IDS[:60], whole)
    for start, end in [(0, 60), (1, 60), (15, 33), (16, 32), (47, 48)]:
        copy = network.key_values()
        network.forward(IDS[:start] or IDS[:1], copy)
        copy.length, whole.length = start, end
        part = whole.part(start)
        assert copy.fits(part)
        copy.extend(part)
        assert copy.length == end
        assert torch.equal(copy.part(0), whole.part(0))


def test_a_position_that_a_cache_does_not_have_is_refused(network: CompiledTransformer) -> None:
    cache = network.key_values()
    with pytest.raises(AssertionError, match=f"position {POSITIONS} of {POSITIONS}"):
        network.forward([1] * (POSITIONS + 1), cache)


def test_int8_weights_in_whole_blocks_can_be_packed(weights: Weights, tmp_path: Path) -> None:
    assert packed.packable(weights)
    for config in (replace(weights.config, ffn_dim=48), replace(weights.config, head_dim=8)):
        assert not packed.packable(replace(weights, config=config))
    assert not packed.packable(read(write_gguf(random_llama(), tmp_path / "m.gguf"), int8=False))
