"""Folders in the form of the model hub: what `transformers` writes, held against its own forward pass."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from transformers import (
    Gemma3ForCausalLM,
    Gemma3TextConfig,
    LlamaConfig,
    LlamaForCausalLM,
    MistralConfig,
    MistralForCausalLM,
    PreTrainedModel,
    Qwen2Config,
    Qwen2ForCausalLM,
    Qwen3Config,
    Qwen3ForCausalLM,
)

from llm import layout, packed
from llm.checkpoint import CONFIG, convert, is_checkpoint, read
from llm.compiled import CompiledTransformer
from llm.engine import Sampling
from llm.errors import WeightsUnreadable, WeightsUnsupported
from llm.local import load
from llm.model import Transformer
from llm.network import Network
from tests.test_llm_hub import saved
from tests.tiny_model import SHAPE, WHOLE_BLOCKS

IDS = [(7 * i + i * i) % 250 for i in range(100)]
LLAMA3 = {
    "rope_type": "llama3",
    "rope_theta": 500_000.0,
    "factor": 8.0,
    "low_freq_factor": 1.0,
    "high_freq_factor": 4.0,
    "original_max_position_embeddings": 64,
}
WINDOWED = {"sliding_window": 8, "layer_types": ["sliding_attention", "full_attention"]}
FAMILIES: dict[str, tuple[type[PreTrainedModel], type, dict[str, Any]]] = {
    "llama": (LlamaForCausalLM, LlamaConfig, {}),
    "llama with biases": (LlamaForCausalLM, LlamaConfig, {"attention_bias": True, "mlp_bias": True}),
    "llama3": (LlamaForCausalLM, LlamaConfig, {"rope_parameters": LLAMA3}),
    "llama, linear": (
        LlamaForCausalLM,
        LlamaConfig,
        {"rope_parameters": {"rope_type": "linear", "rope_theta": 1e4, "factor": 4.0}},
    ),
    "qwen2": (Qwen2ForCausalLM, Qwen2Config, {"tie_word_embeddings": True}),
    "qwen3": (Qwen3ForCausalLM, Qwen3Config, {"head_dim": 32}),
    "gemma3": (Gemma3ForCausalLM, Gemma3TextConfig, WINDOWED | {"head_dim": 32, "query_pre_attn_scalar": 24}),
}


def random(family: str) -> PreTrainedModel:
    kind, config, shape = FAMILIES[family]
    torch.manual_seed(5)
    model = kind(config(**SHAPE | WHOLE_BLOCKS | shape))
    for name, parameter in model.named_parameters():
        if "norm" in name or name.endswith("bias"):
            torch.nn.init.normal_(parameter, mean=float("norm" in name and family != "gemma3"), std=0.3)
    return model


def logits(network: Network, portions: list[int]) -> Tensor:
    """Compute so many tokens at a time."""
    cache, at, hidden = network.key_values(), 0, []
    with torch.inference_mode():
        for count in portions:
            hidden.append(network.forward(IDS[at : at + count], cache))
            at += count
        return network.logits(torch.cat(hidden))


@pytest.mark.parametrize("family", FAMILIES)
def test_logits_equal_those_of_transformers(family: str, tmp_path: Path) -> None:
    reference = random(family)
    network = Transformer(
        read(Path(saved(reference, tmp_path)), int8=False),
        positions=128,
        device="cpu",
        dtype=torch.float32,
    )
    with torch.inference_mode():
        expected = reference(torch.tensor([IDS])).logits[0]
    for portions in ([100], [60, *[1] * 40], [3, 30, 67]):
        torch.testing.assert_close(logits(network, portions), expected, atol=5e-4, rtol=1e-3)


@pytest.mark.parametrize("variant", packed.VARIANTS)
@pytest.mark.parametrize("family", FAMILIES)
def test_compiled_passes_predict_what_those_in_torch_predict(
    family: str, variant: str, tmp_path: Path
) -> None:
    library = packed.library(variant)
    if library is None:
        pytest.skip(f"{variant} was not compiled, or this CPU has no {packed.VARIANTS[variant]}")
    weights = read(Path(saved(random(family), tmp_path)))
    assert packed.packable(weights)
    exact = Transformer(weights, positions=128, device="cpu", dtype=torch.float32)
    network = CompiledTransformer(weights, positions=128, threads=2, library=library)
    expected, found = (logits(each, [100]).log_softmax(-1) for each in (exact, network))
    assert (expected.exp() * (expected - found)).sum(-1).mean() < 0.02  # nats a token
    assert torch.equal(logits(network, [100]), logits(network, [60, *[1] * 40]))


def test_a_folder_is_converted_once_and_answers(tmp_path: Path) -> None:
    source, folder = Path(saved(random("qwen3"), tmp_path / "qwen3")), tmp_path / "converted"
    assert is_checkpoint(source)
    convert(source, folder)
    written = (folder / layout.TENSORS).stat().st_mtime_ns
    convert(source, folder)
    assert (folder / layout.TENSORS).stat().st_mtime_ns == written
    tokens = list(
        load(folder, name="tiny", threads=1).chat("Be kind.").reply("Hello?", Sampling(max_tokens=5))
    )
    assert tokens


def test_parameters_of_older_configurations_are_read(tmp_path: Path) -> None:
    source = Path(saved(random("gemma3"), tmp_path))
    expected = read(source).config
    about = json.loads((source / CONFIG).read_text())
    ropes = about.pop("rope_parameters")
    about.pop("layer_types")
    about |= {
        "rope_theta": ropes["full_attention"]["rope_theta"],
        "rope_local_base_freq": ropes["sliding_attention"]["rope_theta"],
        "sliding_window_pattern": 2,
    }
    (source / CONFIG).write_text(json.dumps(about))
    assert read(source).config == expected


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"model_type": "mamba"}, "'mamba' is not among llama, qwen2"),
        ({"final_logit_softcapping": 30.0}, "final_logit_softcapping = 30.0 is not known"),
        ({"rope_parameters": {"rope_type": "yarn", "rope_theta": 1e4}}, "scaled by 'yarn'"),
        ({"num_hidden_layers": 3}, "blk.2.attn_norm.weight is missing"),
        ({"num_hidden_layers": 1}, "no use for the tensors blk.1"),
        ({"num_hidden_layers": None}, "is not of a known form"),
    ],
)
def test_what_the_decoder_cannot_compute_is_refused(
    changes: dict[str, Any], words: str, tmp_path: Path
) -> None:
    source = Path(saved(random("llama"), tmp_path))
    about = json.loads((source / CONFIG).read_text()) | changes
    (source / CONFIG).write_text(json.dumps(about))
    with pytest.raises(WeightsUnsupported, match=words):
        read(source)


def test_weights_without_a_chat_template_are_refused(tmp_path: Path) -> None:
    with pytest.raises(WeightsUnsupported, match="brings no chat template"):
        read(Path(saved(random("llama"), tmp_path, template="")))


@pytest.mark.parametrize("name", [CONFIG, "tokenizer.json", "model.safetensors"])
def test_a_file_that_is_cut_short_is_refused(name: str, tmp_path: Path) -> None:
    source = Path(saved(random("llama"), tmp_path))
    (source / name).write_bytes((source / name).read_bytes()[:40])
    with pytest.raises(WeightsUnreadable, match="cannot be read"):
        read(source)


def test_another_architecture_is_no_own_model(tmp_path: Path) -> None:
    torch.manual_seed(5)
    source = saved(MistralForCausalLM(MistralConfig(**SHAPE)), tmp_path)
    with pytest.raises(WeightsUnsupported, match="`hub:` runs whatever transformers can"):
        read(Path(source))
