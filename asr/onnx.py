"""Opens the small ONNX models that listening uses."""

from __future__ import annotations

from pathlib import Path

import onnxruntime as ort

from asr.errors import ModelNotLoaded


def open_model(path: Path, *, threads: int) -> ort.InferenceSession:
    """Load an ONNX model onto the CPU. Raises ModelNotLoaded."""
    if not path.is_file():
        raise ModelNotLoaded(f"no model file at {path}; `liushui weights fetch` gets it")
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    # A thread that spins between two calls takes a core from the decoder.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    try:
        return ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime's own exceptions have no public class in common
        raise ModelNotLoaded(f"{path} is not an ONNX model that can be run: {error}") from error
