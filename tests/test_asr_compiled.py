"""Whisper's compiled passes against transformers' own, on small random weights, and against themselves."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from torch import Tensor
from transformers import WhisperConfig, WhisperForConditionalGeneration

from asr import compiled
from asr.compiled import HEAD_SIZE, CompiledWhisper
from asr.mel import MEL_BANDS

SIZE, VOCABULARY, CONTEXT, FRAMES, LAYERS = 2 * HEAD_SIZE, 101, 40, 100, 2
TOKENS = [5, 6, 7, 8, 9, 50, 60, 70, 80, 90, 11, 12]
PARTS = {  # CTranslate2's name <- those of transformers, their rows below each other
    "self_attention/linear_0": ("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"),
    "self_attention/linear_1": ("self_attn.out_proj",),
    "attention/linear_0": ("encoder_attn.q_proj",),
    "attention/linear_1": ("encoder_attn.k_proj", "encoder_attn.v_proj"),
    "attention/linear_2": ("encoder_attn.out_proj",),
    "ffn/linear_0": ("fc1",),
    "ffn/linear_1": ("fc2",),
}
NORMS = {
    "self_attention": "self_attn_layer_norm",
    "attention": "encoder_attn_layer_norm",
    "ffn": "final_layer_norm",
}


def reference() -> Any:
    torch.manual_seed(0)
    shape: dict[str, Any] = {
        f"{side}_{part}": value
        for side in ("encoder", "decoder")
        for part, value in (("layers", LAYERS), ("attention_heads", SIZE // HEAD_SIZE), ("ffn_dim", 4 * SIZE))
    }
    config = WhisperConfig(
        **shape,
        vocab_size=VOCABULARY,
        d_model=SIZE,
        num_mel_bins=MEL_BANDS,
        max_source_positions=FRAMES // 2,
        max_target_positions=CONTEXT,
        init_std=0.1,
        pad_token_id=0,
        bos_token_id=1,
        eos_token_id=2,
        decoder_start_token_id=3,
    )
    model: Any = WhisperForConditionalGeneration(config)
    model.eval()
    for name, parameter in model.named_parameters():
        if name.endswith("bias") or "norm" in name:
            torch.nn.init.normal_(parameter, mean=float("norm.weight" in name), std=0.2)
    return model


def as_ctranslate2(model: Any) -> dict[str, Tensor]:
    theirs = model.model.state_dict()
    ours: dict[str, Tensor] = {"decoder/embeddings/weight": theirs["decoder.embed_tokens.weight"]}
    for side in ("encoder", "decoder"):
        ours[f"{side}/position_encodings/encodings"] = theirs[f"{side}.embed_positions.weight"]
        for kind, name in (("weight", "gamma"), ("bias", "beta")):
            ours[f"{side}/layer_norm/{name}"] = theirs[f"{side}.layer_norm.{kind}"]
        for n in range(LAYERS):
            here, there = f"{side}/layer_{n}", f"{side}.layers.{n}"
            for part, norm in NORMS.items():
                if f"{there}.{norm}.weight" in theirs:
                    ours[f"{here}/{part}/layer_norm/gamma"] = theirs[f"{there}.{norm}.weight"]
                    ours[f"{here}/{part}/layer_norm/beta"] = theirs[f"{there}.{norm}.bias"]
            for name, parts in PARTS.items():
                if f"{there}.{parts[0]}.weight" in theirs:
                    weights = [theirs[f"{there}.{part}.weight"] for part in parts]
                    nothing = torch.zeros(SIZE)  # keys have no bias
                    biases = [theirs.get(f"{there}.{part}.bias", nothing) for part in parts]
                    ours[f"{here}/{name}/weight"] = torch.cat(weights)
                    ours[f"{here}/{name}/bias"] = torch.cat(biases)
    for n in (1, 2):
        for kind in ("weight", "bias"):
            ours[f"encoder/conv{n}/{kind}"] = theirs[f"encoder.conv{n}.{kind}"]
    return ours


@pytest.fixture(scope="module", params=compiled.VARIANTS)
def whisper(request: pytest.FixtureRequest) -> CompiledWhisper:
    library = compiled.library(request.param)
    if library is None:
        pytest.skip(
            f"{request.param} was not compiled, or this CPU has no {compiled.VARIANTS[request.param]}"
        )
    return CompiledWhisper(as_ctranslate2(reference()), threads=2, library=library)


def mel() -> NDArray[np.float32]:
    return np.random.default_rng(1).normal(0, 0.5, (MEL_BANDS, FRAMES)).astype(np.float32)


@torch.inference_mode()
def test_the_encoder_and_the_decoder_are_those_of_transformers(whisper: CompiledWhisper) -> None:
    model = reference()
    expected = model.model.encoder(torch.from_numpy(mel())[None]).last_hidden_state[0]
    encoded = whisper.encode(mel())
    assert (encoded - expected).norm() < 0.05 * expected.norm()  # of int8 products
    logits = (
        model(encoder_outputs=(expected[None],), decoder_input_ids=torch.tensor([TOKENS]))
        .logits[0]
        .log_softmax(-1)
    )
    whisper.hear(expected)
    found = whisper.logits(whisper.append(TOKENS)).log_softmax(-1)
    assert found.shape == (len(TOKENS), VOCABULARY)
    assert (logits.exp() * (logits - found)).sum(-1).mean() < 0.02  # nats a token


@given(widths=st.lists(st.integers(1, 12), min_size=1, max_size=12), dropped=st.integers(0, 5))
@settings(deadline=None, max_examples=30)
def test_portions_and_tokens_taken_back_change_nothing(
    whisper: CompiledWhisper, widths: list[int], dropped: int
) -> None:
    whisper.hear(torch.from_numpy(np.random.default_rng(2).normal(size=(30, SIZE)).astype(np.float32)))
    expected = whisper.append(TOKENS)
    whisper.length = 0
    found, at = [], 0
    for width in widths:
        some = TOKENS[at : at + width]
        if not some:
            break
        whisper.append([1] * dropped or some)
        whisper.length = at
        found.append(whisper.append(some))
        at += len(some)
    assert torch.equal(torch.cat(found), expected[:at])


def test_nothing_of_a_longer_window_is_left_in_a_shorter_one(whisper: CompiledWhisper) -> None:
    short = whisper.encode(mel()[:, :60])
    assert short.shape == (30, SIZE)
    assert whisper.encode(mel()).shape == (FRAMES // 2, SIZE)
    assert torch.equal(whisper.encode(mel()[:, :60]), short)


def test_more_tokens_than_the_context_holds_are_refused(whisper: CompiledWhisper) -> None:
    whisper.length = CONTEXT - 1
    with pytest.raises(AssertionError, match=f"{CONTEXT + 1} tokens of {CONTEXT}"):
        whisper.append([1, 2])
