"""What conversations begin with, kept in files: there whole or not at all, and never another's."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest
import torch

from llm.decoder import Decoder
from llm.gguf import read
from llm.model import Transformer
from llm.prefixes import PREFIXES, PrefixStore
from tests.tiny_model import random_qwen2, write_gguf

IDS = [(7 * i + i * i) % 250 for i in range(90)]


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Transformer:
    path = write_gguf(random_qwen2(), tmp_path_factory.mktemp("tiny") / "m.gguf")
    return Transformer(read(path, int8=False), positions=128, device="cpu", dtype=torch.float32)


def begin(store: PrefixStore, network: Transformer, ids: list[int]) -> tuple[int, Decoder]:
    """Begin a conversation; returns how many chunks had to be computed for it."""
    decoder = Decoder(network)
    return sum(1 for _ in store.beginning(decoder, ids)), decoder


def test_a_prefix_is_computed_once_and_not_again_at_the_next_start(
    network: Transformer, tmp_path: Path
) -> None:
    first = PrefixStore(tmp_path)
    chunks, computed = begin(first, network, IDS)
    assert chunks == 2
    for store in (first, PrefixStore(tmp_path)):
        chunks, restored = begin(store, network, IDS)
        assert chunks == 0
        for decoder in (computed, restored):
            decoder.prefill([*IDS, 3, 4])
        assert torch.equal(restored.logits(), computed.logits())


def test_without_a_folder_it_is_kept_in_memory_alone(network: Transformer) -> None:
    store = PrefixStore()
    assert [begin(store, network, IDS)[0] for _ in range(2)] == [2, 0]


@pytest.mark.parametrize("content", [b"", b"broken"])
def test_a_broken_file_is_a_warning_and_replaced(
    network: Transformer, tmp_path: Path, content: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    begin(PrefixStore(tmp_path), network, IDS)
    (file,) = tmp_path.iterdir()
    file.write_bytes(content)
    with caplog.at_level(logging.WARNING):
        assert begin(PrefixStore(tmp_path), network, IDS)[0] == 2
    assert str(file) in caplog.text
    assert begin(PrefixStore(tmp_path), network, IDS)[0] == 0


def test_what_another_number_format_left_is_computed_again(network: Transformer, tmp_path: Path) -> None:
    begin(PrefixStore(tmp_path), network, IDS)
    weights = read(write_gguf(random_qwen2(), tmp_path / "m.gguf"), int8=False)
    half = Transformer(weights, positions=128, device="cpu", dtype=torch.bfloat16)
    assert begin(PrefixStore(tmp_path), half, IDS)[0] == 2


def test_a_folder_that_cannot_be_written_is_a_warning(
    network: Transformer, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_text("no folder")
    with caplog.at_level(logging.WARNING):
        assert begin(PrefixStore(tmp_path / "file"), network, IDS)[0] == 2
    assert "could not be stored" in caplog.text


def test_the_least_recently_used_files_go(network: Transformer, tmp_path: Path) -> None:
    for n in range(PREFIXES + 3):
        begin(PrefixStore(tmp_path), network, [n, *IDS[:5]])
    assert len(list(tmp_path.iterdir())) == PREFIXES
