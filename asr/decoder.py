"""Whisper's text decoder in plain torch (Radford et al. 2022, arXiv:2212.04356).

CTranslate2 decodes a forced prefix token by token. Here any number of tokens takes one forward pass, so what
an earlier reading said already is checked at once, and only the new words are decoded one by one.
"""

from __future__ import annotations

import warnings
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

HEAD_SIZE = 64  # in every Whisper model
# Largest 8-bit weight. Without VNNI, pairs of 8-bit products are summed in 16 bits: the full range saturates.
WEIGHT_PEAK = 127 if torch.cpu.get_capabilities().get("avx512_vnni", False) else 80


class Linear:
    """x @ weight.T + bias; on the CPU 8 bits by 8 bits, where reading the weights is what takes the time."""

    def __init__(self, weight: Tensor, bias: Tensor | None, device: torch.device) -> None:
        self._bias = None if bias is None else bias.float().to(device)
        self._packed: Any = None
        if device.type != "cpu":
            self._weight = weight.half().to(device)
            return
        weight = weight.float()
        scale = weight.abs().amax(dim=1).clamp(min=1e-8) / WEIGHT_PEAK  # [out]
        rounded = (weight / scale[:, None]).round().to(torch.int8)  # [out, in]
        with warnings.catch_warnings():  # the packing takes no other than torch's deprecated qint8 tensors
            warnings.filterwarnings("ignore", message=".*quantized tensor creation", category=UserWarning)
            zero_points = torch.zeros(len(rounded), dtype=torch.int64)
            quantized = torch._make_per_channel_quantized_tensor(rounded, scale.double(), zero_points, 0)
        self._packed = torch.ops.quantized.linear_prepack(quantized, None)

    def __call__(self, x: Tensor) -> Tensor:
        """Map x [T, in] to [T, out]."""
        if self._packed is not None:
            peak = x.abs().amax(dim=1, keepdim=True).clamp_(min=1e-8)  # [T, 1]
            # A scale for each row, on a fixed grid: what else is computed at a time changes nothing.
            product = torch.ops.quantized.linear_with_input_q_dq_qweight_dq_output_fp32
            y: Tensor = product(x / peak, 1 / 127, 128, self._packed).mul_(peak)
        else:
            y = F.linear(x.half(), self._weight).float()
        return y if self._bias is None else y + self._bias


class Layer:
    """One decoder layer: attention to the text so far, attention to the audio, and the feed-forward part."""

    def __init__(self, weights: dict[str, Tensor], prefix: str, context: int, device: torch.device) -> None:
        def linear(name: str) -> Linear:
            return Linear(weights[f"{prefix}{name}/weight"], weights[f"{prefix}{name}/bias"], device)

        def floats(name: str) -> Tensor:
            return weights[prefix + name].float().to(device)

        self._norms = [
            (floats(f"{part}/layer_norm/gamma"), floats(f"{part}/layer_norm/beta"))
            for part in ("self_attention", "attention", "ffn")
        ]
        self._qkv, self._self_out = linear("self_attention/linear_0"), linear("self_attention/linear_1")
        self._query, self._cross_out = linear("attention/linear_0"), linear("attention/linear_2")
        self._audio_kv = linear("attention/linear_1")
        self._wide, self._narrow = linear("ffn/linear_0"), linear("ffn/linear_1")
        self._size = self._norms[0][0].shape[0]
        self._cache = torch.zeros(
            2, self._size // HEAD_SIZE, context, HEAD_SIZE, device=device
        )  # k, v of the text
        self._audio = self._cache[:, :, :0]  # k, v [2, heads, audio frames, HEAD_SIZE]

    def hear(self, encoded: Tensor) -> None:
        """Attend to `encoded` [audio frames, size] from here on."""
        keys_values = self._audio_kv(encoded)
        self._audio = keys_values.view(len(encoded), 2, -1, HEAD_SIZE).permute(1, 2, 0, 3).contiguous()

    def __call__(self, x: Tensor, start: int, mask: Tensor | None) -> Tensor:
        """Positions `start` and on of the text, x [T, size]; their keys and values are kept."""
        end = start + len(x)
        heads = self._heads(self._qkv(self._norm(x, 0)), 3)
        self._cache[:, :, start:end] = heads[1:]
        x = x + self._self_out(self._attend(heads[0], self._cache[:, :, :end], mask))
        (query,) = self._heads(self._query(self._norm(x, 1)), 1)
        x = x + self._cross_out(self._attend(query, self._audio, None))
        return x + self._narrow(F.gelu(self._wide(self._norm(x, 2))))

    def _norm(self, x: Tensor, part: int) -> Tensor:
        return F.layer_norm(x, (self._size,), *self._norms[part])

    def _heads(self, x: Tensor, parts: int) -> Tensor:
        return x.view(len(x), parts, -1, HEAD_SIZE).permute(1, 2, 0, 3)  # [parts, heads, T, HEAD_SIZE]

    def _attend(self, query: Tensor, keys_values: Tensor, mask: Tensor | None) -> Tensor:
        y = F.scaled_dot_product_attention(query, keys_values[0], keys_values[1], attn_mask=mask)
        return y.transpose(0, 1).reshape(-1, self._size)  # [T, size]


class Decoder:
    """The decoder with its KV cache: tell it what it hears, then what was said. Not thread-safe."""

    def __init__(self, weights: dict[str, Tensor], device: torch.device) -> None:
        """`weights` are CTranslate2's, named as under "decoder/"."""
        self._embeddings = weights["embeddings/weight"].to(device)  # [vocabulary, size]
        self._positions = weights["position_encodings/encodings"].float().to(device)  # [context, size]
        self.context, self._size = self._positions.shape
        self.vocabulary = len(self._embeddings)
        count = sum(name.endswith("/self_attention/layer_norm/gamma") for name in weights)
        self._layers = [Layer(weights, f"layer_{n}/", self.context, device) for n in range(count)]
        self._norm = (
            weights["layer_norm/gamma"].float().to(device),
            weights["layer_norm/beta"].float().to(device),
        )
        self._out = Linear(weights["embeddings/weight"], None, device)
        self.device = device
        self.length = 0  # tokens in the cache; set it lower to take the last ones back

    def hear(self, encoded: Tensor) -> None:
        """Listen to `encoded` [audio frames, size], and forget all text."""
        encoded = encoded.to(self.device)
        for layer in self._layers:
            layer.hear(encoded)
        self.length = 0

    def append(self, tokens: list[int]) -> Tensor:
        """Take in the next tokens; their hidden states [T, size], to be given to `logits`."""
        start, end = self.length, self.length + len(tokens)
        x = self._embeddings[torch.tensor(tokens, device=self.device)].float() + self._positions[start:end]
        mask = None
        if len(tokens) > 1:
            mask = torch.ones(len(tokens), end, dtype=torch.bool, device=self.device).tril(start)
        for layer in self._layers:
            x = layer(x, start, mask)
        self.length = end
        return F.layer_norm(x, (self._size,), *self._norm)

    def logits(self, hidden: Tensor) -> Tensor:
        """What comes after each hidden state [T, size]: scores [T, vocabulary]."""
        return self._out(hidden)
