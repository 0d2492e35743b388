"""The conversion from GGUF: whole or not at all, and once."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from llm import layout
from llm.errors import LlmError, WeightsUnreadable, WeightsUnsupported
from llm.gguf import convert
from tests.tiny_model import random_llama, write_gguf


@pytest.fixture
def gguf_path(tmp_path: Path) -> Path:
    return write_gguf(random_llama(), tmp_path / "model.gguf")


def test_the_progress_ends_at_all_bytes_of_the_tensors(gguf_path: Path, tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    convert(gguf_path, tmp_path / "out", lambda done, total: seen.append((done, total)))
    assert seen == sorted(seen)
    assert seen[-1][0] == seen[-1][1] > 0


def test_a_file_is_converted_once(gguf_path: Path, tmp_path: Path) -> None:
    convert(gguf_path, tmp_path / "out")
    before = (tmp_path / "out" / "model.safetensors").stat()
    os.utime(gguf_path)  # copied, say: the content is the same
    convert(gguf_path, tmp_path / "out")
    assert (tmp_path / "out" / "model.safetensors").stat().st_ino == before.st_ino


def test_another_file_or_another_layout_is_converted_again(
    gguf_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    convert(gguf_path, tmp_path / "out")
    with gguf_path.open("r+b") as file:
        file.seek(-4, os.SEEK_END)
        file.write(b"\0\0\0\0")
    convert(gguf_path, tmp_path / "out")
    changed = layout.source_of(tmp_path / "out")
    monkeypatch.setattr(layout, "VERSION", layout.VERSION + 1)
    assert layout.source_of(tmp_path / "out") is None
    convert(gguf_path, tmp_path / "out")
    assert layout.source_of(tmp_path / "out") == changed


@pytest.mark.parametrize("keep_bytes", [0, 3, 100, 5000, -400])
def test_a_file_cut_short_is_refused_and_leaves_nothing(
    gguf_path: Path, tmp_path: Path, keep_bytes: int
) -> None:
    content = gguf_path.read_bytes()
    gguf_path.write_bytes(content[:keep_bytes])
    with pytest.raises(WeightsUnreadable, match=r"model\.gguf"):
        convert(gguf_path, tmp_path / "out")
    assert os.listdir(tmp_path) == ["model.gguf"]


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        (b"llama", b"gpt-2", "gpt-2"),
        (b"output_norm.weight", b"output_norm.weighs", "output_norm.weigh"),
        (b"gpt2", b"unig", "unig"),
        (b"\x05\0\0\0\0\0\0\0qwen2", b"\x05\0\0\0\0\0\0\0other", "other"),
    ],
)
def test_weights_of_another_kind_are_named(
    gguf_path: Path, tmp_path: Path, old: bytes, new: bytes, complaint: str
) -> None:
    gguf_path.write_bytes(gguf_path.read_bytes().replace(old, new))
    with pytest.raises(WeightsUnsupported, match=complaint):
        convert(gguf_path, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_folder_without_weights_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(LlmError, match="remove it"):
        layout.read(tmp_path)
