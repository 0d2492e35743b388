"""The fused graph against the forward pass in torch, and against itself in other portions."""

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

from llm import layout
from llm.decoder import Decoder
from llm.fused import FusedTransformer, suits
from llm.gguf import convert, read
from llm.layout import Weights
from llm.model import Transformer
from llm.network import Network
from tests.tiny_model import WHOLE_BLOCKS, RandomModel, random_llama, random_qwen2, write_gguf

pytestmark = pytest.mark.skipif(
    not torch.cpu.get_capabilities().get("avx512_vnni", False), reason="made for CPUs with AVX-512 VNNI"
)

IDS = [(7 * i + i * i) % 250 for i in range(100)]
POSITIONS = 101  # odd: the last row has no other beside it


@pytest.fixture(scope="module", params=[random_llama, random_qwen2])
def weights(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Weights:
    random_model: Callable[..., RandomModel] = request.param
    folder = tmp_path_factory.mktemp("fused")
    convert(write_gguf(random_model(**WHOLE_BLOCKS), folder / "m.gguf"), folder / "w")
    return layout.read(folder / "w")


@pytest.fixture(scope="module")
def network(weights: Weights) -> FusedTransformer:
    return FusedTransformer(weights, positions=POSITIONS, threads=1)


def hidden(network: Network, *portions: list[int]) -> Tensor:
    cache = network.key_values()
    with torch.inference_mode():
        return torch.cat([network.forward(ids, cache) for ids in portions])


def test_it_predicts_what_torch_predicts_from_the_same_weights(
    weights: Weights, network: FusedTransformer
) -> None:
    exact = Transformer(weights, positions=POSITIONS, device="cpu", dtype=torch.float32)
    expected, found = (each.logits(hidden(each, IDS)).log_softmax(-1) for each in (exact, network))
    divergence = (expected.exp() * (expected - found)).sum(-1)
    assert divergence.mean() < 0.01  # nats a token


@given(widths=st.lists(st.integers(1, 70), min_size=1, max_size=100))
def test_no_row_depends_on_those_beside_it(network: FusedTransformer, widths: list[int]) -> None:
    ends = [min(sum(widths[:n]), len(IDS)) for n in range(len(widths) + 1)]
    portions = [IDS[start:end] for start, end in pairwise(ends) if start < end]
    found = hidden(network, *portions)
    one_by_one = hidden(network, *([id] for id in IDS))[: len(found)]
    assert torch.equal(found, one_by_one)
    assert torch.equal(network.logits(found)[-1], network.logits(one_by_one[-1:])[0])


def test_every_position_can_be_filled_and_the_cache_goes_on_from_a_crop_and_from_a_copied_prefix(
    network: FusedTransformer,
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


def test_two_conversations_do_not_see_each_other(network: FusedTransformer) -> None:
    alone = hidden(network, IDS)
    one, other = network.key_values(), network.key_values()
    with torch.inference_mode():
        for id, foreign in zip(IDS, reversed(IDS), strict=True):
            last = network.forward([id], one)
            network.forward([foreign], other)
    assert torch.equal(last[0], alone[-1])


def test_it_suits_int8_weights_from_a_folder_with_whole_blocks(weights: Weights, tmp_path: Path) -> None:
    assert suits(weights)
    assert not suits(replace(weights, folder=None))
    for config in (replace(weights.config, ffn_dim=48), replace(weights.config, head_dim=8)):
        assert not suits(replace(weights, config=config))
    assert not suits(read(write_gguf(random_llama(), tmp_path / "m.gguf"), int8=False))
