"""The decoder with int8 weights as a fused graph, run by ONNX Runtime: for CPUs with AVX-512 VNNI.

The mathematics of `model.Transformer`, whose letters of the shapes hold here too. Activations are rounded to
8 bits in blocks, each with a scale of its own, so that an outlier spoils only its block. Measured on two
cores, at position 100: a step takes 19 instead of 27 ms (Qwen2.5-0.5B) and 7.5 instead of 16 (SmolLM2-135M),
eight tokens together 35 instead of 36 and 19 instead of 25, sixty-four as long as in torch. The mean KL
divergence from exact products of the same weights is 0.003 and 0.009, where `linear` has 0.005 and 0.02. On
AVX2 alone a product of one row takes as long as in torch, one of several twice as long.

The operators: docs/ContribOperators.md in ONNX Runtime's repository.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import onnxruntime as ort
import torch
from numpy.typing import NDArray
from onnx import NodeProto, TensorProto, helper, numpy_helper
from torch import Tensor

from llm import layout
from llm.layout import ModelConfig, Weights
from llm.model import KeyValues, rotations

BLOCKS = (128, 64, 32)  # activations that share a scale: the most that divide a row
HEAD_MULTIPLE = 16  # the rotary embedding of the attention operator takes no other widths
CONTRIB = "com.microsoft"
FLOAT, INT32 = TensorProto.FLOAT, TensorProto.INT32


def suits(weights: Weights) -> bool:
    """Whether this is the quickest way to run these weights on this machine's CPU."""
    return (
        torch.cpu.get_capabilities().get("avx512_vnni", False)
        and weights.folder is not None
        and "embed.scale" in weights.tensors
        and all(width % BLOCKS[-1] == 0 for width in (weights.config.dim, weights.config.ffn_dim))
        and weights.config.head_dim % HEAD_MULTIPLE == 0
    )


class FusedTransformer:
    """The weights, and the forward pass. Threads may share it, with a KeyValues each.

    A row comes out the same to the last bit whatever is beside it.
    """

    def __init__(self, weights: Weights, *, positions: int, threads: int) -> None:
        """Build the graphs for int8 weights, which are mapped from their folder."""
        self.config, self.positions = weights.config, positions
        self._embed, self._embed_scale = weights.tensors["embed.weight"], weights.tensors["embed.scale"]
        # One position more than there are: the row that makes their number even is written too.
        self._body = _Graph(weights).body(positions + 1).session(threads)
        self._head = _Graph(weights).head().session(threads)

    def key_values(self) -> BoundKeyValues:
        """Make an empty KV cache for one sequence."""
        return BoundKeyValues(self.config, self.positions + 1, self._body)

    def forward(self, ids: list[int], cache: KeyValues, *, stepwise: bool = False) -> Tensor:
        """Compute the hidden states [S, D] of tokens that follow the cache's, and extend the cache.

        `stepwise` makes no difference: the states are those that the tokens have one by one.
        """
        assert isinstance(cache, BoundKeyValues), "the cache is another model's"
        rows = torch.tensor(_even(np.array(ids)))
        hidden = cache.run(layout.floats(self._embed[rows], self._embed_scale[rows]).numpy())
        cache.length += len(ids)
        return torch.from_numpy(hidden[: len(ids)])

    def logits(self, hidden: Tensor) -> Tensor:
        """Score the next token: [S, D] -> [S, V]."""
        (scores,) = self._head.run(["logits"], {"hidden": _even(hidden.numpy())})
        return torch.from_numpy(scores[: len(hidden)])


class BoundKeyValues(KeyValues):
    """Keys and values that the graph reads and writes where they lie."""

    def __init__(self, config: ModelConfig, positions: int, session: ort.InferenceSession) -> None:
        super().__init__(config, positions, "cpu", torch.float32)
        self._session = session
        self._binding = session.io_binding()
        for layer, (keys, values) in enumerate(self.data.transpose(0, 1)):
            for part, tensor in (("key", keys), ("value", values)):
                where = ("cpu", 0, np.float32, list(tensor.shape), tensor.data_ptr())
                self._binding.bind_input(f"past_{part}.{layer}", *where)
                self._binding.bind_output(f"{part}.{layer}", *where)

    def run(self, x: NDArray[np.float32]) -> NDArray[np.float32]:
        """Let embeddings [S, D] follow what is defined: returns their hidden states [S, D]."""
        hidden = np.empty_like(x)
        total = self.length + len(x)
        self._binding.bind_cpu_input("x", x[None])
        self._binding.bind_cpu_input("last", np.array([total - 1], np.int32))
        self._binding.bind_cpu_input("total", np.array([total], np.int32))
        self._binding.bind_output("hidden", "cpu", 0, np.float32, [1, *x.shape], hidden.ctypes.data)
        self._session.run_with_iobinding(self._binding)
        return hidden


class _Graph:
    """Nodes, the ends where data goes in and out, and the constants."""

    def __init__(self, weights: Weights) -> None:
        assert weights.folder is not None, "the graph maps the weights from a folder of converted ones"
        self._config, self._tensors, self._folder = weights.config, weights.tensors, weights.folder
        self._places = layout.places(weights.folder)
        self._nodes: list[NodeProto] = []
        self._inputs: list[tuple[str, int, list[int | str]]] = []
        self._outputs: list[tuple[str, int, list[int | str]]] = []
        self._constants: dict[str, TensorProto] = {}

    def body(self, positions: int) -> _Graph:
        """Embeddings and cache in, hidden states and cache out."""
        c = self._config
        cos, sin = (table[:, 0, c.head_dim // 2 :] for table in rotations(c, positions))
        self._constants |= {"cos": _inline("cos", cos.numpy()), "sin": _inline("sin", sin.numpy())}
        self._inputs += [("x", FLOAT, [1, "S", c.dim]), ("last", INT32, [1]), ("total", INT32, [1])]
        self._outputs.append(("hidden", FLOAT, [1, "S", c.dim]))
        norms = [f"layers.{n}.attn_norm.weight" for n in range(c.n_layers)] + ["norm.weight"]
        (normed,) = self._node(
            "SimplifiedLayerNormalization", ["x", self._mapped(norms[0])], ["normed"], epsilon=c.norm_eps
        )
        x = "x"
        for n in range(c.n_layers):
            layer = f"layers.{n}"
            heads = self._attention(n, self._product(normed, f"{layer}.qkv"), positions)
            x, normed = self._add(x, self._product(heads, f"{layer}.out"), f"{layer}.mlp_norm.weight")
            both = self._product(normed, f"{layer}.gate_up")
            gate, up = self._node("Split", [both], [f"{layer}.gate", f"{layer}.up"], axis=-1, num_outputs=2)
            # x * sigmoid(alpha * x), which is SiLU for alpha = 1
            (active,) = self._node("QuickGelu", [gate], [f"{layer}.active"], domain=CONTRIB, alpha=1.0)
            (inner,) = self._node("Mul", [active, up], [f"{layer}.inner"])
            x, normed = self._add(x, self._product(inner, f"{layer}.down"), norms[n + 1])
        self._node("Identity", [normed], ["hidden"])
        return self

    def head(self) -> _Graph:
        """Hidden states in, scores of the next token out."""
        self._inputs.append(("hidden", FLOAT, ["S", self._config.dim]))
        self._outputs.append(("logits", FLOAT, ["S", self._config.vocab_size]))
        scores = self._product("hidden", "head" if "head.weight" in self._tensors else "embed")
        self._node("Identity", [scores], ["logits"])
        return self

    def session(self, threads: int) -> ort.InferenceSession:
        """Load the graph. The matrices are packed; their file is mapped only meanwhile."""
        options = ort.SessionOptions()
        options.intra_op_num_threads = threads
        options.add_session_config_entry(
            "session.model_external_initializers_file_folder_path", str(self._folder)
        )
        # Between two runs nothing spins: the other graph, the recognizer or another program needs the core.
        options.add_session_config_entry("session.force_spinning_stop", "1")
        inputs, outputs = (
            [helper.make_tensor_value_info(*end) for end in ends] for ends in (self._inputs, self._outputs)
        )
        constants = list(self._constants.values())
        graph = helper.make_graph(self._nodes, "decoder", inputs, outputs, constants)
        opsets = [helper.make_opsetid("", 21), helper.make_opsetid(CONTRIB, 1)]
        model = helper.make_model(graph, opset_imports=opsets, ir_version=10)
        return ort.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])

    def _attention(self, n: int, qkv: str, positions: int) -> str:
        """Rotary embedding, the cache's extension and attention, of layer `n`."""
        c = self._config
        shape: list[int | str] = [1, c.n_kv_heads, positions, c.head_dim]
        past, present = [f"past_key.{n}", f"past_value.{n}"], [f"key.{n}", f"value.{n}"]
        self._inputs += [(name, FLOAT, shape) for name in past]
        self._outputs += [(name, FLOAT, shape) for name in present]
        heads, *_ = self._node(
            "GroupQueryAttention",
            [qkv, "", "", *past, "last", "total", "cos", "sin"],
            [f"heads.{n}", *present],
            domain=CONTRIB,
            num_heads=c.n_heads,
            kv_num_heads=c.n_kv_heads,
            do_rotary=1,
        )
        return heads

    def _add(self, x: str, y: str, norm: str) -> tuple[str, str]:
        """Add `y` to the residual `x`; returns the sum, and the sum normalised."""
        normed, _, _, total = self._node(
            "SkipSimplifiedLayerNormalization",
            [x, y, self._mapped(norm)],
            [f"{norm}.normed", "", "", f"{norm}.sum"],
            domain=CONTRIB,
            epsilon=self._config.norm_eps,
        )
        return total, normed

    def _product(self, x: str, name: str) -> str:
        """Multiply by a matrix: x @ (weight * scale).T + bias."""
        outputs, width = self._tensors[f"{name}.weight"].shape
        block = next(size for size in BLOCKS if width % size == 0)
        scales = np.repeat(self._tensors[f"{name}.scale"].numpy(), width // block)  # a block each
        self._constants[f"{name}.scale"] = _inline(f"{name}.scale", scales)
        weight = self._mapped(f"{name}.weight", (outputs, width // block, block))
        inputs = [x, weight, f"{name}.scale"]
        if f"{name}.bias" in self._tensors:
            inputs += ["", "", self._mapped(f"{name}.bias")]
        (y,) = self._node(
            "MatMulNBits",
            inputs,
            [f"{name}.product"],
            domain=CONTRIB,
            K=width,
            N=outputs,
            bits=8,
            block_size=block,
            accuracy_level=4,  # activations are rounded to 8 bits
        )
        return y

    def _mapped(self, name: str, shape: tuple[int, ...] = ()) -> str:
        """Declare a tensor that stays in its file, in this shape rather than its own."""
        tensor, (offset, length) = self._tensors[name], self._places[name]
        constant = TensorProto(name=name, dims=shape or tensor.shape)
        constant.data_type = TensorProto.UINT8 if tensor.dtype == torch.uint8 else FLOAT
        constant.data_location = TensorProto.EXTERNAL
        for key, value in (("location", layout.TENSORS), ("offset", offset), ("length", length)):
            constant.external_data.add(key=key, value=str(value))
        self._constants[name] = constant
        return name

    def _node(self, kind: str, inputs: list[str], outputs: list[str], **attributes: Any) -> list[str]:
        self._nodes.append(helper.make_node(kind, inputs, outputs, **attributes))
        return outputs


def _inline(name: str, values: NDArray[np.float32]) -> TensorProto:
    return numpy_helper.from_array(np.ascontiguousarray(values), name)


def _even(rows: NDArray[np.generic]) -> NDArray[np.generic]:
    """Repeat the last row if their number is odd: the kernel that takes two at a time rounds otherwise."""
    return np.concatenate((rows, rows[-1:])) if len(rows) % 2 else rows
