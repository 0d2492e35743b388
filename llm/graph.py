"""The decoder as a graph of ONNX Runtime's operators.

They are described in docs/ContribOperators.md in its repository. Letters of the shapes: see `llm.model`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import onnxruntime as ort
import torch
from numpy.typing import NDArray
from onnx import NodeProto, TensorProto, helper, numpy_helper

from llm import layout
from llm.layout import Weights
from llm.model import rotations

BLOCKS = (128, 64, 32)  # activations that share a scale: the most that divide a row
HEAD_MULTIPLE = 16  # the rotary embedding of the attention operator takes no other widths
CONTRIB = "com.microsoft"
FLOAT, INT32, INT64 = TensorProto.FLOAT, TensorProto.INT32, TensorProto.INT64


class Graph:
    """Nodes, the ends where data goes in and out, and the constants."""

    def __init__(self, weights: Weights) -> None:
        assert weights.folder is not None, "the graph maps the weights from a folder of converted ones"
        self._config, self._tensors, self._folder = weights.config, weights.tensors, weights.folder
        self._places = layout.places(weights.folder)
        self._nodes: list[NodeProto] = []
        self._inputs: list[tuple[str, int, list[int | str]]] = []
        self._outputs: list[tuple[str, int, list[int | str]]] = []
        self._constants: dict[str, TensorProto] = {}

    def body(self, positions: int) -> Graph:
        """Embeddings and cache in, hidden states and cache out.

        x [R, D]: S tokens of each of B sequences. shape: B, S, -1. last [B]: each one's last position.
        total [1]: the largest of them, and one.
        """
        c = self._config
        cos, sin = (table[:, 0, c.head_dim // 2 :] for table in rotations(c, positions))
        self._constants["rows"] = _inline("rows", np.array([-1, c.n_heads * c.head_dim]))
        self._constants |= {"cos": _inline("cos", cos.numpy()), "sin": _inline("sin", sin.numpy())}
        self._inputs += [
            ("x", FLOAT, ["R", c.dim]),
            ("shape", INT64, [3]),
            ("last", INT32, ["B"]),
            ("total", INT32, [1]),
        ]
        self._outputs.append(("hidden", FLOAT, ["R", c.dim]))
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

    def head(self) -> Graph:
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
        shape: list[int | str] = ["B", c.n_kv_heads, positions, c.head_dim]
        past, present = [f"past_key.{n}", f"past_value.{n}"], [f"key.{n}", f"value.{n}"]
        self._inputs += [(name, FLOAT, shape) for name in past]
        self._outputs += [(name, FLOAT, shape) for name in present]
        (qkv,) = self._node("Reshape", [qkv, "shape"], [f"qkv.{n}"])
        heads, *_ = self._node(
            "GroupQueryAttention",
            [qkv, "", "", *past, "last", "total", "cos", "sin"],
            [f"heads.{n}", *present],
            domain=CONTRIB,
            num_heads=c.n_heads,
            kv_num_heads=c.n_kv_heads,
            do_rotary=1,
        )
        (heads,) = self._node("Reshape", [heads, "rows"], [f"rows.{n}"])
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


def _inline(name: str, values: NDArray[np.generic]) -> TensorProto:
    return numpy_helper.from_array(np.ascontiguousarray(values), name)
