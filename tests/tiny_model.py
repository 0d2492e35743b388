"""Tiny random decoders, as GGUF files and loaded: real in every part but their size."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from gguf import GGUFWriter, TokenType
from torch import Tensor
from transformers import (
    LlamaConfig,
    LlamaForCausalLM,
    Qwen2Config,
    Qwen2ForCausalLM,
    Qwen3Config,
    Qwen3ForCausalLM,
)

from llm.gguf import read
from llm.local import LocalModel, from_weights
from llm.tokenizer import byte_alphabet

torch.set_num_threads(1)  # products this small only wait for a second thread

CONTROL = ("<|im_start|>", "<|im_end|>")
MERGES = ("h e", "he l", "Ġ t", "Ġt he", "i n")
RandomModel = LlamaForCausalLM | Qwen2ForCausalLM | Qwen3ForCausalLM
PIECES = (*byte_alphabet(), *(merge.replace(" ", "") for merge in MERGES), *CONTROL)
CHATML = (
    "{% for message in messages %}<|im_start|>{{ message.role }}\n{{ message.content }}<|im_end|>\n"
    "{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
SHAPE: dict[str, Any] = {
    "vocab_size": len(PIECES),
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 512,
    "rms_norm_eps": 1e-5,
    "initializer_range": 0.2,  # large enough that no two logits are close
}
WHOLE_BLOCKS = {"hidden_size": 64, "intermediate_size": 96}  # as `llm.packed` wants its matrices
NAMES = {
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


def random_llama(**shape: int) -> RandomModel:
    """Tied embeddings, no biases. `shape` replaces parts of SHAPE."""
    torch.manual_seed(1)
    return LlamaForCausalLM(LlamaConfig(**SHAPE | shape, tie_word_embeddings=True))


def random_qwen2(**shape: int) -> RandomModel:
    """A head of its own, and biases that are not zero. `shape` replaces parts of SHAPE."""
    torch.manual_seed(2)
    model = Qwen2ForCausalLM(Qwen2Config(**SHAPE | shape, tie_word_embeddings=False))
    for name, parameter in model.named_parameters():
        if name.endswith("bias"):
            torch.nn.init.normal_(parameter)
    return model


def random_qwen3(**shape: int) -> RandomModel:
    """Heads wider than their share of the model, with norms that are not one."""
    torch.manual_seed(4)
    model = Qwen3ForCausalLM(Qwen3Config(**SHAPE | {"head_dim": 16} | shape, tie_word_embeddings=True))
    for name, parameter in model.named_parameters():
        if "norm" in name:
            torch.nn.init.normal_(parameter, mean=1.0, std=0.3)
    return model


def write_gguf(model: RandomModel, path: Path) -> Path:
    """Write the model as llama.cpp's converter would, in float32."""
    family, config = model.config.model_type, model.config
    writer = GGUFWriter(path, family)
    writer.add_block_count(config.num_hidden_layers)
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(config.num_attention_heads)
    writer.add_head_count_kv(SHAPE["num_key_value_heads"])
    if isinstance(config, Qwen3Config):
        assert config.head_dim is not None
        writer.add_key_length(config.head_dim)
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    writer.add_rope_freq_base(10_000.0)  # transformers' default for both families
    _add_tokenizer(writer)
    for name, tensor in model.state_dict().items():
        if name != "lm_head.weight" or not config.tie_word_embeddings:
            writer.add_tensor(_gguf_name(name), _stored(name, tensor, model).numpy())
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def _add_tokenizer(writer: GGUFWriter) -> None:
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("qwen2")
    writer.add_token_list(PIECES)
    plain = len(PIECES) - len(CONTROL)
    writer.add_token_types([TokenType.NORMAL] * plain + [TokenType.CONTROL] * len(CONTROL))
    writer.add_token_merges(MERGES)
    writer.add_chat_template(CHATML)


def _gguf_name(name: str) -> str:
    fixed = {
        "model.embed_tokens.weight": "token_embd",
        "model.norm.weight": "output_norm",
        "lm_head.weight": "output",
    }
    if name in fixed:
        return f"{fixed[name]}.weight"
    _, _, layer, *part, kind = name.split(".")
    return f"blk.{layer}.{NAMES['.'.join(part)]}.{kind}"


def _stored(name: str, tensor: Tensor, model: RandomModel) -> Tensor:
    if model.config.model_type != "llama" or not name.endswith(("q_proj.weight", "k_proj.weight")):
        return tensor.contiguous()
    head_dim = model.config.hidden_size // model.config.num_attention_heads
    halves = tensor.view(-1, 2, head_dim // 2, tensor.shape[1])
    return halves.transpose(1, 2).reshape(tensor.shape).contiguous()


def tiny_model(
    folder: Path, *, context: int = 512, model: RandomModel | None = None, device: str = "cpu"
) -> LocalModel:
    """Load a tiny random Qwen2, or this model, in float32 through the whole path from GGUF."""
    path = write_gguf(model or random_qwen2(), folder / "tiny.gguf")
    return from_weights(
        read(path, int8=False), name="tiny", device=device, dtype=torch.float32, context=context
    )
