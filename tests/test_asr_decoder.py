"""The decoder and the greedy search over it, on small random weights."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from asr.ct2_weights import FORMAT_VERSION, read_weights
from asr.decoder import HEAD_SIZE, Decoder
from asr.errors import ModelNotLoaded, Outdated
from asr.search import Reading, read_greedily, rejoin

SIZE, VOCABULARY, CONTEXT, LAYERS = 2 * HEAD_SIZE, 96, 64, 2
END = VOCABULARY - 1
PROMPT = [1, 2, 3]


def random_weights() -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(0)

    def normal(*shape: int) -> Tensor:
        return torch.randn(shape, generator=generator) / float(shape[-1] ** 0.5)

    weights = {
        "embeddings/weight": normal(VOCABULARY, SIZE),
        "position_encodings/encodings": normal(CONTEXT, SIZE),
    }
    shapes = {
        "self_attention/linear_0": (3 * SIZE, SIZE),
        "self_attention/linear_1": (SIZE, SIZE),
        "attention/linear_0": (SIZE, SIZE),
        "attention/linear_1": (2 * SIZE, SIZE),
        "attention/linear_2": (SIZE, SIZE),
        "ffn/linear_0": (4 * SIZE, SIZE),
        "ffn/linear_1": (SIZE, 4 * SIZE),
    }
    for layer in range(LAYERS):
        for name, shape in shapes.items():
            weights[f"layer_{layer}/{name}/weight"] = normal(*shape)
            weights[f"layer_{layer}/{name}/bias"] = torch.zeros(shape[0])
        for part in ("self_attention", "attention", "ffn"):
            weights |= norm(f"layer_{layer}/{part}/layer_norm")
    return weights | norm("layer_norm")


def norm(name: str) -> dict[str, Tensor]:
    return {f"{name}/gamma": torch.ones(SIZE), f"{name}/beta": torch.zeros(SIZE)}


@pytest.fixture(scope="module")
def decoder() -> Decoder:
    decoder = Decoder(random_weights(), torch.device("cpu"))
    decoder.hear(torch.randn(10, SIZE, generator=torch.Generator().manual_seed(1)))
    return decoder


def read(decoder: Decoder, draft: list[int], limit: int = 30) -> Reading:
    decoder.length = 0
    ban = torch.zeros(VOCABULARY)
    ban[PROMPT] = -torch.inf
    return read_greedily(
        decoder, PROMPT, draft=draft, allow=lambda logits, _: logits + ban, end=END, limit=limit
    )


def test_tokens_may_be_appended_one_by_one_or_all_at_once(decoder: Decoder) -> None:
    tokens = [5, 6, 7, 8, 9]
    decoder.length = 0
    at_once = decoder.append(tokens)
    decoder.length = 0
    one_by_one = torch.cat([decoder.append([token]) for token in tokens])
    assert torch.allclose(at_once, one_by_one, atol=0.05)


def test_tokens_taken_back_leave_no_trace(decoder: Decoder) -> None:
    decoder.length = 0
    decoder.append([5, 6])
    straight = decoder.append([7])
    decoder.length = 2
    decoder.append([20, 21, 22])
    decoder.length = 2
    assert torch.equal(decoder.append([7]), straight)


def test_what_is_heard_changes_what_is_said(decoder: Decoder) -> None:
    other = Decoder(random_weights(), torch.device("cpu"))
    other.hear(torch.zeros(10, SIZE))
    decoder.length = 0
    assert not torch.allclose(decoder.append(PROMPT), other.append(PROMPT), atol=0.05)


@settings(deadline=None, max_examples=15)
@given(st.data())
def test_a_draft_right_or_wrong_never_changes_the_reading(decoder: Decoder, data: st.DataObject) -> None:
    plain = read(decoder, [])
    wrong = st.lists(st.integers(4, VOCABULARY - 2), max_size=5)
    kept = data.draw(st.integers(0, len(plain.tokens)))
    draft = plain.tokens[:kept] + data.draw(wrong) + plain.tokens[kept + data.draw(st.integers(0, 3)) :]
    drafted = read(decoder, draft)
    assert drafted.tokens == plain.tokens
    assert drafted.finished == plain.finished
    assert drafted.score == pytest.approx(plain.score, abs=0.05)


@given(limit=st.integers(1, 12), draft=st.lists(st.integers(4, 20), max_size=20))
@settings(deadline=None, max_examples=10)
def test_a_reading_ends_at_its_limit(decoder: Decoder, limit: int, draft: list[int]) -> None:
    reading = read(decoder, draft, limit)
    assert len(reading.tokens) <= limit
    assert decoder.length <= len(PROMPT) + limit


def test_a_reading_that_is_no_longer_wanted_ends_at_its_next_step(decoder: Decoder) -> None:
    steps = iter([True, True, True, False])
    decoder.length = 0
    with pytest.raises(Outdated):
        read_greedily(
            decoder,
            PROMPT,
            draft=[],
            allow=lambda logits, _: logits,
            end=END,
            limit=30,
            wanted=lambda: next(steps),
        )
    assert decoder.length == len(PROMPT) + 2


def test_a_right_draft_saves_steps(decoder: Decoder, monkeypatch: pytest.MonkeyPatch) -> None:
    plain = read(decoder, [])
    steps: list[int] = []
    append = decoder.append

    def counted(tokens: list[int]) -> Tensor:
        steps.append(len(tokens))
        return append(tokens)

    monkeypatch.setattr(decoder, "append", counted)
    read(decoder, plain.tokens)
    assert len(steps) <= 2 < len(plain.tokens)


def test_a_draft_goes_on_after_a_word_more_a_word_less_and_another_word() -> None:
    draft = [10, 11, 12, 13]
    assert rejoin(draft, 1, 11) == 2  # as drafted
    assert rejoin(draft, 1, 12) == 3  # 11 was left out
    assert rejoin(draft, 1, 99) == 2  # 99 in place of 11
    assert rejoin(draft, 9, 99) == 10  # after its end


def test_tensors_are_read_by_name_from_a_model_file(tmp_path: Path) -> None:
    path = tmp_path / "model.bin"
    path.write_bytes(model_file({"decoder/x": [[1.0, 2.0]], "encoder/y": [[3.0]]}))
    tensors = read_weights(path, "decoder/")
    assert list(tensors) == ["x"]
    assert tensors["x"].tolist() == [[1.0, 2.0]]


@pytest.mark.parametrize("content", [b"", b"\x63\0\0\0\0\0", b"RIFF" * 10])
def test_a_file_that_is_no_model_is_named(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "model.bin"
    path.write_bytes(content)
    with pytest.raises(ModelNotLoaded, match=r"model\.bin"):
        read_weights(path, "decoder/")


def model_file(tensors: dict[str, list[list[float]]]) -> bytes:
    def name(text: str) -> bytes:
        return struct.pack("<H", len(text) + 1) + text.encode() + b"\0"

    content = struct.pack("<I", FORMAT_VERSION) + name("WhisperSpec") + struct.pack("<II", 3, len(tensors))
    for key, rows in tensors.items():
        flat = [value for row in rows for value in row]
        content += name(key) + struct.pack("<BIIBI", 2, len(rows), len(rows[0]), 0, 4 * len(flat))
        content += struct.pack(f"<{len(flat)}f", *flat)
    return content
