"""The forward pass against an independent implementation, and against itself in other portions."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor

from llm import layout
from llm.decoder import Decoder
from llm.gguf import read
from llm.layout import Source, Weights
from llm.linear import quantize
from llm.model import Transformer
from tests.tiny_model import RandomModel, random_llama, random_qwen2, random_qwen3, write_gguf

IDS = [(7 * i + i * i) % 250 for i in range(100)]


def transformer(weights: Weights, dtype: torch.dtype = torch.float32) -> Transformer:
    return Transformer(weights, positions=256, device="cpu", dtype=dtype)


def logits(model: Transformer, ids: list[int]) -> Tensor:
    with torch.inference_mode():
        return model.logits(model.forward(ids, model.key_values()))


def decoder(model: Transformer) -> Decoder:
    return Decoder(model)


@pytest.mark.parametrize("random_model", [random_llama, random_qwen2, random_qwen3])
def test_logits_equal_those_of_transformers(random_model: Callable[[], RandomModel], tmp_path: Path) -> None:
    reference = random_model()
    layout.write(
        tmp_path / "w", read(write_gguf(reference, tmp_path / "m.gguf"), int8=False), Source("", 0, 0)
    )
    with torch.inference_mode():
        expected = reference(torch.tensor([IDS])).logits[0]
    torch.testing.assert_close(
        logits(transformer(layout.read(tmp_path / "w")), IDS), expected, atol=2e-4, rtol=1e-4
    )


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Transformer:
    path = write_gguf(random_qwen2(), tmp_path_factory.mktemp("tiny") / "m.gguf")
    return transformer(read(path, int8=False))


def test_a_prefill_in_chunks_and_single_steps_equals_one_forward_pass(tiny: Transformer) -> None:
    chunked = decoder(tiny)
    assert chunked.prefill(IDS[:90]) == 90  # a whole chunk and a rest
    for id in IDS[90:]:
        chunked.extend(id)
    torch.testing.assert_close(chunked.logits(), logits(tiny, IDS)[-1], atol=1e-4, rtol=1e-4)


def test_after_a_changed_word_only_what_follows_it_is_computed_and_the_logits_are_those_of_a_fresh_cache(
    tiny: Transformer,
) -> None:
    cropped = decoder(tiny)
    cropped.prefill(IDS)
    changed = [*IDS[:60], 1, 2, 3]
    assert cropped.prefill(changed) == 3
    torch.testing.assert_close(cropped.logits(), logits(tiny, changed)[-1], atol=1e-4, rtol=1e-4)


def test_a_prefill_of_what_is_there_computes_nothing_and_of_a_part_of_it_one_token(tiny: Transformer) -> None:
    cached = decoder(tiny)
    cached.prefill(IDS)
    assert cached.prefill(IDS) == 0
    assert cached.prefill(IDS[:50]) == 1
    torch.testing.assert_close(cached.logits(), logits(tiny, IDS[:50])[-1], atol=1e-4, rtol=1e-4)


def test_a_restored_prefix_continues_as_the_computed_one(tiny: Transformer) -> None:
    first, second = decoder(tiny), decoder(tiny)
    first.prefill(IDS[:40])
    part = first.part(0)
    first.prefill([9, *IDS])  # the part is a copy
    assert second.resume(IDS[:40], part)
    assert second.prefill(IDS) == 60
    torch.testing.assert_close(second.logits(), logits(tiny, IDS)[-1], atol=1e-4, rtol=1e-4)


def test_half_precision_on_the_same_code_stays_close(tmp_path: Path) -> None:
    weights = read(write_gguf(random_llama(), tmp_path / "m.gguf"), int8=False)
    full, half = (
        logits(transformer(weights, dtype), IDS).float() for dtype in (torch.float32, torch.bfloat16)
    )
    assert torch.nn.functional.cosine_similarity(full, half, dim=1).min() > 0.99


def test_quantized_rows_are_within_half_a_step_of_the_float_rows() -> None:
    rows = torch.randn(16, 64, generator=torch.Generator().manual_seed(0))
    weight, scale = quantize(rows)
    assert ((layout.floats(weight, scale) - rows).abs() <= scale[:, None] / 2 + 1e-7).all()


def test_what_follows_earlier_tokens_can_be_asked_for_even_of_a_known_prefix(tiny: Transformer) -> None:
    known = decoder(tiny)
    known.prefill(IDS)
    assert known.prefill(IDS, scored=6) == 6
    assert known.prefill(IDS, scored=3) == 0
    expected = logits(tiny, IDS)[[-6, -1]]
    torch.testing.assert_close(known.logits(5, 0), expected, atol=1e-4, rtol=1e-4)
    assert known.prefill(IDS[:2], scored=6) == 2
