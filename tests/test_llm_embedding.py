"""The sentence encoder on its real weights, held against `transformers` on the same file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
import torch
from tokenizers import Tokenizer
from transformers import BertConfig, BertModel

from llm.embedding import DIM, SentenceEncoder
from llm.errors import WeightsUnreadable

SENTENCES = (
    "Hi.",
    "How do I treat a burn?",
    "Can I take 400 mg of ibuprofen before breakfast if my stomach hurts, and for how many days?",
    "感冒了能吃阿司匹林吗？",
)


@pytest.fixture(scope="module")
def folder(weights_dir: Callable[[str], Path]) -> Path:
    return weights_dir("minilm-l6")


@pytest.fixture(scope="module")
def encoder(folder: Path) -> SentenceEncoder:
    return SentenceEncoder(folder)


def test_a_sentence_becomes_a_float32_vector_of_length_one(encoder: SentenceEncoder) -> None:
    for sentence in SENTENCES:
        vector = encoder.encode(sentence)
        assert vector.shape == (DIM,) and vector.dtype == np.float32
        assert np.linalg.norm(vector) == pytest.approx(1, abs=1e-5)


def test_the_network_computes_what_transformers_does_on_the_same_weights(
    folder: Path, encoder: SentenceEncoder
) -> None:
    config = BertConfig(hidden_size=384, num_hidden_layers=6, num_attention_heads=12, intermediate_size=1536)
    reference = BertModel(config)
    reference.train(False)
    weights = safetensors.torch.load_file(folder / "model.safetensors")
    missing, unknown = reference.load_state_dict(weights, strict=False)
    assert not missing and set(unknown) <= {"embeddings.position_ids"}
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.no_padding()
    for sentence in SENTENCES:
        ids = torch.tensor(tokenizer.encode(sentence).ids)
        with torch.inference_mode():
            expected = reference(ids[None]).last_hidden_state[0]
        torch.testing.assert_close(encoder.hidden(ids), expected, atol=1e-4, rtol=0)
        mean = torch.nn.functional.normalize(expected.mean(0), dim=0)
        np.testing.assert_allclose(encoder.encode(sentence), mean.numpy(), atol=1e-4)


def test_the_same_question_in_other_words_is_nearer_than_another_one(encoder: SentenceEncoder) -> None:
    asked = "How do I treat a burn?"
    assert encoder.similarity(asked, "What helps with burnt skin?") > encoder.similarity(
        asked, "What is an index fund?"
    )


def test_a_text_beyond_what_the_network_reads_is_cut(encoder: SentenceEncoder) -> None:
    assert encoder.similarity("pain " * 300, "pain " * 254) == pytest.approx(1, abs=1e-5)


def test_encoding_leaves_the_number_of_threads_as_it_is(encoder: SentenceEncoder) -> None:
    before = torch.get_num_threads()
    encoder.encode("Does it matter how many threads there are?")
    assert torch.get_num_threads() == before


def test_a_folder_without_weights_says_which(tmp_path: Path) -> None:
    with pytest.raises(WeightsUnreadable, match=str(tmp_path)):
        SentenceEncoder(tmp_path)
