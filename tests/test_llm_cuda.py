"""The forward pass on a GPU: what the CPU computes, and the same whoever shares a pass."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import torch

from llm.decoder import Decoder, extend_each
from llm.engine import Sampling
from llm.gguf import read
from llm.layout import Weights
from llm.local import LocalChat
from llm.model import Transformer
from llm.recorded import REACHES, ROWS, RecordedTransformer
from tests.tiny_model import RandomModel, random_llama, random_qwen2, tiny_model, write_gguf

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device")
IDS = [(7 * i + i * i) % 250 for i in range(100)]


@pytest.fixture(params=[random_llama, random_qwen2])
def weights(request: pytest.FixtureRequest, tmp_path: Path) -> Weights:
    model: Callable[[], RandomModel] = request.param
    return read(write_gguf(model(), tmp_path / "m.gguf"), int8=False)


def on_gpu(weights: Weights, dtype: torch.dtype = torch.float32) -> RecordedTransformer:
    return RecordedTransformer(weights, positions=1000, device="cuda", dtype=dtype)


@pytest.mark.parametrize(
    ("dtype", "tolerance"), [(torch.float32, 1e-3), (torch.float16, 0.05), (torch.bfloat16, 0.3)]
)
def test_prompt_and_steps_score_as_on_the_cpu(weights: Weights, dtype: torch.dtype, tolerance: float) -> None:
    scores = []
    on_cpu = Transformer(weights, positions=256, device="cpu", dtype=torch.float32)
    for network in (on_cpu, on_gpu(weights, dtype)):
        decoder = Decoder(network)
        decoder.prefill(IDS[:90])
        for id in IDS[90:]:
            decoder.extend(id)
        scores.append(decoder.logits())
    torch.testing.assert_close(scores[1], scores[0], atol=tolerance, rtol=tolerance)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_no_row_depends_on_those_beside_it(weights: Weights, dtype: torch.dtype) -> None:
    network = on_gpu(weights, dtype)
    ids = (IDS * 6)[: REACHES[0] + 8]  # across the point from which on attention looks back further
    start = REACHES[0] - 20
    rows = []
    for width in (1, 3, ROWS):
        cache = network.key_values()
        with torch.inference_mode():
            network.forward(ids[:start], cache)
            portions = [network.forward(ids[at : at + width], cache) for at in range(start, len(ids), width)]
        rows.append(torch.cat(portions))
    assert torch.equal(rows[0], rows[1])
    assert torch.equal(rows[0], rows[2])


def test_sequences_that_share_a_pass_get_what_each_gets_alone(weights: Weights) -> None:
    network = on_gpu(weights)
    alone, together = ([Decoder(network) for _ in range(ROWS)] for _ in range(2))  # in two arenas
    for group in (alone, together):
        for n, each in enumerate(group):
            each.prefill(IDS[: 20 + 7 * n])
    for id in IDS[50:60]:
        scores = extend_each(together, [id + n for n in range(ROWS)])
        for n, each in enumerate(alone):
            each.extend(id + n)
            assert torch.equal(scores[n], each.logits())


def test_conversations_in_turn_and_at_once_get_the_answers_that_they_get_on_the_cpu(tmp_path: Path) -> None:
    def answer(chat: LocalChat) -> str:
        return "".join(token.text for token in chat.reply("Hello?", Sampling(max_tokens=40)))

    expected, *found = (tiny_model(tmp_path, device=device) for device in ("cpu", "cuda", "cuda"))
    for model, workers in zip(found, (1, 12), strict=True):
        chats = [model.chat("Be kind.") for _ in range(12)]
        with ThreadPoolExecutor(workers) as pool:
            assert set(pool.map(answer, chats)) == {answer(expected.chat("Be kind."))}


def test_a_crop_takes_back_what_followed(weights: Weights) -> None:
    one, other = (Decoder(on_gpu(weights)) for _ in range(2))
    one.prefill(IDS)
    for decoder in (one, other):
        decoder.prefill([*IDS[:60], 1, 2, 3])
    torch.testing.assert_close(one.logits(), other.logits(), atol=1e-3, rtol=1e-3)
