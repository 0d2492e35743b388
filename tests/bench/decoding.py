"""Engines that decode the same weights, each asked for as many tokens behind the same prompt."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx2
import torch
import xllamacpp
from transformers import (
    DynamicCache,
    LlamaConfig,
    LlamaForCausalLM,
    Qwen2Config,
    Qwen2ForCausalLM,
)

from llm.decoder import Decoder
from llm.layout import Weights
from llm.network import Network

TOKENS = 32  # a round's
Round = Callable[[], float]  # decodes TOKENS greedily behind the prompt; returns tokens a second


def ours(network: Network, prompt: list[int], threads: int) -> Round:
    """Single steps of one of our networks. `threads`: torch's own."""
    decoder = Decoder(network)

    def decode() -> float:
        torch.set_num_threads(threads)
        decoder.prefill(prompt)
        start_s = time.perf_counter()
        for _ in range(TOKENS):
            decoder.extend(int(decoder.logits().argmax()))
        taken_s = time.perf_counter() - start_s
        return TOKENS / taken_s

    return decode


def transformers(weights: Weights, prompt: list[int], threads: int) -> Round:
    """Steps of the same weights in transformers, float32, with its cache, without `generate`'s overhead."""
    model = _in_transformers(weights)

    @torch.inference_mode()
    def decode() -> float:
        torch.set_num_threads(threads)
        cache = DynamicCache(config=model.config)
        ids = torch.tensor([prompt])
        ids = model(ids, past_key_values=cache, logits_to_keep=1).logits[:, -1:].argmax(-1)
        start_s = time.perf_counter()
        for _ in range(TOKENS):
            ids = model(ids, past_key_values=cache, logits_to_keep=1).logits[:, -1:].argmax(-1)
        return TOKENS / (time.perf_counter() - start_s)

    return decode


def _in_transformers(weights: Weights) -> Any:
    """Give the model of `transformers` these float32 weights, our fused matrices taken apart."""
    c, tensors = weights.config, weights.tensors
    shape: dict[str, Any] = {
        "vocab_size": c.vocab_size,
        "hidden_size": c.dim,
        "intermediate_size": c.ffn_dim,
        "num_hidden_layers": c.n_layers,
        "num_attention_heads": c.n_heads,
        "num_key_value_heads": c.n_kv_heads,
        "max_position_embeddings": c.context,
        "rms_norm_eps": c.norm_eps,
        "rope_parameters": {"rope_type": "default", "rope_theta": c.rope_base},
        "tie_word_embeddings": "head.weight" not in tensors,
    }
    qwen = "layers.0.qkv.bias" in tensors  # the one difference that a forward pass sees
    model: Any = Qwen2ForCausalLM(Qwen2Config(**shape)) if qwen else LlamaForCausalLM(LlamaConfig(**shape))
    state = {
        "model.embed_tokens.weight": tensors["embed.weight"],
        "model.norm.weight": tensors["norm.weight"],
    }
    state["lm_head.weight"] = tensors.get("head.weight", tensors["embed.weight"])
    heads = [c.n_heads * c.head_dim, c.n_kv_heads * c.head_dim, c.n_kv_heads * c.head_dim]
    for n in range(c.n_layers):
        for ours, theirs, sizes in (
            ("attn_norm", ("input_layernorm",), [c.dim]),
            ("qkv", ("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"), heads),
            ("out", ("self_attn.o_proj",), [c.dim]),
            ("mlp_norm", ("post_attention_layernorm",), [c.dim]),
            ("gate_up", ("mlp.gate_proj", "mlp.up_proj"), [c.ffn_dim, c.ffn_dim]),
            ("down", ("mlp.down_proj",), [c.dim]),
        ):
            for kind in ("weight", "bias"):
                if (tensor := tensors.get(f"layers.{n}.{ours}.{kind}")) is not None:
                    for name, part in zip(theirs, torch.split(tensor, sizes), strict=True):
                        state[f"model.layers.{n}.{name}.{kind}"] = part
    model.load_state_dict(state)
    return model.eval()


def llama_cpp(gguf: Path, prompt: list[int], threads: int) -> Round:
    """llama.cpp's own server on the same file, four-bit weights as they are; its own timing."""
    params = xllamacpp.CommonParams()
    params.model.path = str(gguf)
    params.n_ctx, params.n_parallel, params.port = 2048, 1, 0
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = threads
    params.verbosity = -1
    server = xllamacpp.Server(params)
    wanted = {"prompt": prompt, "n_predict": TOKENS, "ignore_eos": True, "temperature": 0.0}

    def decode() -> float:
        answer = httpx2.post(f"{server.listening_address}/completion", json=wanted, timeout=120.0)
        return float(answer.json()["timings"]["predicted_per_second"])

    return decode


def read_bandwidth(threads: int, size: int = 1 << 30, rounds: int = 8) -> float:
    """Bytes a second that so many threads read at most, here: the quickest of some sums over a gigabyte."""
    torch.set_num_threads(threads)
    data = torch.ones(size // 4)
    times_s = []
    for _ in range(rounds):
        start_s = time.perf_counter()
        data.sum()
        times_s.append(time.perf_counter() - start_s)
    return size / min(times_s)
