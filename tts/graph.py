"""ONNX graphs with one of their inner values as an output more."""

from __future__ import annotations

import onnxruntime as ort


def session(model: bytes, threads: int, inner: str | None = None) -> ort.InferenceSession:
    """Load a model for the CPU; its last output is the value that the graph calls `inner`."""
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3
    exposed = _output(inner.encode()) if inner else b""
    return ort.InferenceSession(model + exposed, options, providers=["CPUExecutionProvider"])


def _output(name: bytes) -> bytes:
    """Return a serialised ModelProto{graph{output{name}}}: protobuf merges it with the model before it."""
    for field in (1, 12, 7):  # ValueInfoProto.name, GraphProto.output, ModelProto.graph
        name = bytes([field << 3 | 2, len(name)]) + name  # one byte of length: names are short
    return name
