"""The whole path on real weights: SmolLM2 135M, converted once for this module."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from llm import layout, packed
from llm.compiled import CompiledTransformer
from llm.engine import Sampling
from llm.gguf import convert
from llm.layout import Weights
from llm.local import load
from llm.model import Transformer
from llm.network import Network
from llm.tokenizer import TextTokenizer

TEXT = (
    "A headache that lasts three days is often caused by tension, too little sleep or too little water. "
    "Rest in a quiet room, drink enough, and see a doctor at once if your neck is stiff or your speech is "
    "slurred. Most people feel better within a week, and a pain killer taken for a day or two does no harm."
)


@pytest.fixture(scope="module")
def folder(weights_dir: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("real") / "smollm2"
    convert(weights_dir("smollm2-135m") / "model.gguf", folder)
    return folder


def in_torch(weights: Weights) -> Network:
    return Transformer(weights, positions=256, device="cpu", dtype=torch.float32)


def compiled(variant: str, weights: Weights) -> Network:
    library = packed.library(variant)
    if library is None:
        pytest.skip(f"{variant} was not compiled, or this CPU has no {packed.VARIANTS[variant]}")
    return CompiledTransformer(weights, positions=256, threads=2, library=library)


networks = pytest.mark.parametrize(
    "network", [in_torch, *(partial(compiled, variant) for variant in packed.VARIANTS)]
)


def scores(model: Network, ids: list[int]) -> Tensor:
    """Score what follows each token: [len(ids), V]."""
    with torch.inference_mode():
        return model.logits(model.forward(ids, model.key_values()))


def dequantized(weights: Weights) -> Weights:
    """Return the same weights as float32: their products are exact."""
    tensors = dict(weights.tensors)
    for name in [name for name in tensors if name.endswith(".scale")]:
        matrix = name.replace(".scale", ".weight")
        tensors[matrix] = layout.floats(tensors[matrix], tensors.pop(name))
    return Weights(weights.config, tensors, weights.tokenizer_json, weights.chat_template)


@networks
def test_int8_products_predict_as_float32_products_do(
    network: Callable[[Weights], Network], folder: Path
) -> None:
    weights = layout.read(folder)
    ids = TextTokenizer(weights.tokenizer_json, weights.config.stop_ids).encode(TEXT)
    exact, rounded = scores(in_torch(dequantized(weights)), ids), scores(network(weights), ids)
    exact_loss, rounded_loss = (
        float(F.cross_entropy(x[:-1], torch.tensor(ids[1:]))) for x in (exact, rounded)
    )
    assert rounded_loss == pytest.approx(
        exact_loss, abs=0.08
    )  # nats a token; measured 0.006 here, 0.055 on a shorter text
    assert (exact.argmax(dim=1) == rounded.argmax(dim=1)).float().mean() > 0.8  # measured 0.84


@networks
def test_tokens_verified_together_get_what_they_would_get_one_by_one(
    network: Callable[[Weights], Network], folder: Path
) -> None:
    weights = layout.read(folder)
    ids = TextTokenizer(weights.tokenizer_json, weights.config.stop_ids).encode(TEXT)
    model = network(weights)
    with torch.inference_mode():
        single, together = model.key_values(), model.key_values()
        expected = torch.cat([model.forward([id], single) for id in ids])
        widths = [1, 2, 3, 4, 5, 8, 8, 8, 8, 8, 8]
        starts = [sum(widths[:n]) for n in range(len(widths))]
        hidden = [
            model.forward(ids[at : at + width], together, stepwise=True)
            for at, width in zip(starts, widths, strict=True)
        ]
        found = torch.cat(hidden)
        assert torch.equal(found, expected[: len(found)])
        assert torch.equal(model.logits(found[-8:])[3], model.logits(found[-5:-4])[0])


@pytest.mark.parametrize("mark", ["?", ""])
def test_a_question_is_a_whole_turn_with_or_without_its_mark_and_half_of_it_is_not(
    folder: Path, mark: str
) -> None:
    chat = load(folder, name="smollm2-135m").chat("You are a careful medical assistant.")
    over = []
    for text in (f"What is a normal heart rate{mark}", "What is a normal"):
        next(chat.reply(text, Sampling(max_tokens=1)))
        over.append(chat.turn_over or 0.0)
        chat.discard()
    assert over[0] > 0.1 > 0.01 > over[1]


def test_the_weights_answer_a_patient_and_the_cache_carries_the_dialogue(folder: Path) -> None:
    chat = load(folder, name="smollm2-135m").chat("You are a careful medical assistant.")
    first = "".join(
        token.text for token in chat.reply("I have had a headache for days.", Sampling(max_tokens=60))
    )
    assert "headache" in first
    assert "<|" not in first
    chat.commit(first.split(".")[0])
    assert chat.prefill("What did I tell you that I have?") < 30
    assert list(chat.reply("What did I tell you that I have?", Sampling(max_tokens=5)))
