"""Weights from a folder in the form of the model hub: config.json, *.safetensors, tokenizer.json.

The names: https://huggingface.co/docs/transformers/model_doc/llama (qwen2, qwen3, gemma3_text).
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from llm.conversion import ROWS_AT_ONCE, Progress, convert_once, converted
from llm.errors import WeightsUnreadable, WeightsUnsupported
from llm.layout import ModelConfig, Weights
from llm.template import with_names
from llm.tokenizer import TextTokenizer, boundary_mask

GEMMA = "gemma3_text"
FAMILIES = ("llama", "qwen2", "qwen3", GEMMA)
CONFIG = "config.json"
# GGUF's name of each part <- the hub's.
NAMES = {
    "model.embed_tokens": "token_embd",
    "model.norm": "output_norm",
    "lm_head": "output",
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output",
    "self_attn.q_norm": "attn_q_norm",
    "self_attn.k_norm": "attn_k_norm",
    "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
    "input_layernorm": "attn_norm",
    "post_attention_layernorm": "ffn_norm",
}
GEMMA_NAMES = {
    "post_attention_layernorm": "post_attention_norm",
    "pre_feedforward_layernorm": "ffn_norm",
    "post_feedforward_layernorm": "post_ffw_norm",
}
LAYER = re.compile(r"model\.layers\.(\d+)\.(.+)")
# What would change the mathematics if it were set, and what it is when it is not.
REFUSED = {"attn_logit_softcapping": None, "final_logit_softcapping": None, "use_sliding_window": False}


def is_checkpoint(folder: Path) -> bool:
    """Whether a folder looks like one."""
    return (folder / CONFIG).is_file() and any(folder.glob("*.safetensors"))


def convert(source: Path, folder: Path, on_progress: Progress = lambda done, total: None) -> None:
    """Write the model in the folder `source` to `folder`, as int8; nothing if that was done before.

    Raises WeightsUnreadable, WeightsUnsupported or OSError; `folder` is then as it was.
    """
    files = [*source.glob("*.safetensors"), *source.glob("*.json"), *source.glob("*.jinja")]
    convert_once(files, folder, lambda: read(source, on_progress))


def read(source: Path, on_progress: Progress = lambda done, total: None, *, int8: bool = True) -> Weights:
    """Read such a folder into the decoder's layout, its matrices as int8 or as float32.

    Raises WeightsUnreadable or WeightsUnsupported.
    """
    try:
        about = json.loads((source / CONFIG).read_text(encoding="utf-8"))
        tokenizer_json = (source / "tokenizer.json").read_text(encoding="utf-8")
        stop_ids = _control_ids(json.loads(tokenizer_json), about)
        config = _config(about, stop_ids)
        stored = _Stored(source, about, on_progress)
        tensors = converted(stored, layers=config.n_layers, int8=int8)
        template = _template(source)
    except (OSError, ValueError, SafetensorError) as error:
        raise WeightsUnreadable(f"{source} cannot be read: {error}") from error
    except (KeyError, TypeError) as error:
        raise WeightsUnsupported(f"{source / CONFIG} is not of a known form: {error!r}") from error
    if (factors := _rope_factors(about, config)) is not None:
        tensors["rope_factors"] = factors
    tokenizer = TextTokenizer(tokenizer_json, stop_ids)
    pieces = [tokenizer.piece(id) for id in range(config.vocab_size)]
    tensors["boundary"] = boundary_mask(pieces, stop_ids)
    return Weights(config, tensors, tokenizer_json, template)


def _config(about: dict[str, Any], stop_ids: tuple[int, ...]) -> ModelConfig:
    family = about["model_type"]
    if family not in FAMILIES:
        raise WeightsUnsupported(
            f"{family!r} is not among {', '.join(FAMILIES)}; `hub:` runs whatever transformers can"
        )
    for name, unset in REFUSED.items():
        if about.get(name, unset) != unset:
            raise WeightsUnsupported(f"{name} = {about[name]!r} is not known; `hub:` runs it")
    heads, gemma = about["num_attention_heads"], family == GEMMA
    head_dim = about.get("head_dim") or about["hidden_size"] // heads
    whole, local = _ropes(about)
    return ModelConfig(
        dim=about["hidden_size"],
        n_layers=about["num_hidden_layers"],
        n_heads=heads,
        n_kv_heads=about.get("num_key_value_heads") or heads,
        head_dim=head_dim,
        ffn_dim=about["intermediate_size"],
        vocab_size=about["vocab_size"],
        context=about["max_position_embeddings"],
        rope_base=float(whole["rope_theta"]),
        norm_eps=about["rms_norm_eps"],
        stop_ids=stop_ids,
        gelu=gemma,
        embed_scale=math.sqrt(about["hidden_size"]) if gemma else 1.0,
        score_scale=about["query_pre_attn_scalar"] ** -0.5 if gemma else None,
        local_layers=_local_layers(about) if gemma else (),
        window=about["sliding_window"] if gemma else 0,
        local_rope_base=float(local["rope_theta"]),
    )


def _ropes(about: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the rotary parameters of layers that see all positions, and of those that see a window."""
    new: dict[str, Any] = about.get("rope_parameters") or {}
    if "full_attention" in new:
        return new["full_attention"], new["sliding_attention"]
    whole = {"rope_theta": about.get("rope_theta", 10_000.0)} | (about.get("rope_scaling") or {}) | new
    return whole, {"rope_theta": about.get("rope_local_base_freq", 10_000.0)}


def _local_layers(about: dict[str, Any]) -> tuple[int, ...]:
    layers = range(about["num_hidden_layers"])
    if kinds := about.get("layer_types"):
        return tuple(n for n in layers if kinds[n] == "sliding_attention")
    every = about["sliding_window_pattern"]
    return tuple(n for n in layers if (n + 1) % every)


def _rope_factors(about: dict[str, Any], config: ModelConfig) -> Tensor | None:
    """Return by how much each rotation is slowed down: [E / 2], or None."""
    rope, _ = _ropes(about)
    half = torch.arange(0, config.head_dim, 2) / config.head_dim
    match rope.get("rope_type", rope.get("type", "default")):
        case "default":
            return None
        case "linear":
            return torch.full_like(half, rope["factor"])
        case "llama3":  # arXiv:2407.21783; the formula is that of transformers' `_compute_llama3_parameters`
            waves = 2 * math.pi * config.rope_base**half  # positions in a whole turn
            low, high = rope["low_freq_factor"], rope["high_freq_factor"]
            share = (rope["original_max_position_embeddings"] / waves - low) / (high - low)
            share = share.clamp(0, 1)  # of the rotation that stays as it was
            return torch.reciprocal(share + (1 - share) / rope["factor"])
        case other:
            raise WeightsUnsupported(f"rotary embeddings scaled by {other!r} are not known; `hub:` runs them")


def _control_ids(tokenizer: dict[str, Any], about: dict[str, Any]) -> tuple[int, ...]:
    ends = about.get("eos_token_id") or []
    special = {token["id"] for token in tokenizer["added_tokens"] if token["special"]}
    return tuple(sorted(special | set(ends if isinstance(ends, list) else [ends])))


def _template(source: Path) -> str:
    """Return the chat template with the names it expects. Raises WeightsUnsupported if there is none."""
    settings = source / "tokenizer_config.json"
    about = json.loads(settings.read_text(encoding="utf-8")) if settings.is_file() else {}
    file = source / "chat_template.jinja"
    template = file.read_text(encoding="utf-8") if file.is_file() else about.get("chat_template")
    if not isinstance(template, str):
        raise WeightsUnsupported(f"{source} brings no chat template: take the weights of an instruct model")
    tokens = {name: about[name] for name in ("bos_token", "eos_token") if about.get(name)}
    return with_names(
        template, {name: text["content"] if isinstance(text, dict) else text for name, text in tokens.items()}
    )


class _Stored:
    """The tensors of a folder; see `conversion.Stored`."""

    def __init__(self, source: Path, about: dict[str, Any], on_progress: Progress) -> None:
        self._gemma, self._on_progress = about["model_type"] == GEMMA, on_progress
        self._names = NAMES | GEMMA_NAMES if self._gemma else NAMES
        self._places: dict[str, tuple[Path, str]] = {}  # GGUF's name -> the file, and the name in it
        for file in sorted(source.glob("*.safetensors")):
            with safe_open(file, "pt") as opened:
                for name in opened.keys():  # noqa: SIM118  (it is no mapping)
                    self._places[self._ours(name)] = file, name
        if about.get("tie_word_embeddings", self._gemma):
            self._places.pop("output.weight", None)
        self._done, self._total = 0, len(self._places)

    def names(self) -> list[str]:
        return list(self._places)

    def rows(self, name: str) -> Iterator[Tensor]:
        file, stored = self._places[name]
        with safe_open(file, "pt") as opened:
            part = opened.get_slice(stored)
            for start in range(0, part.get_shape()[0], ROWS_AT_ONCE):
                rows = part[start : start + ROWS_AT_ONCE].float()
                # Gemma's norms are stored as what they differ from 1.
                yield rows + 1 if self._gemma and name.endswith("norm.weight") else rows
        self._done += 1
        self._on_progress(self._done, self._total)

    def _ours(self, name: str) -> str:
        part, _, kind = name.rpartition(".")
        layer = LAYER.fullmatch(part)
        ours = self._names.get(layer[2] if layer else part)
        if ours is None:
            return name  # for the error message
        return f"blk.{layer[1]}.{ours}.{kind}" if layer else f"{ours}.{kind}"
