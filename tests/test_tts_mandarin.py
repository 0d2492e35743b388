"""Mandarin as phonemes."""

from __future__ import annotations

import pytest

from tts import mandarin
from tts.aligned import AlignedText


@pytest.mark.parametrize(
    ("pinyin", "phonemes"),
    [
        ("ni3", "ni↓"),
        ("shi4", "ʂɨ↘"),
        ("xue2", "ɕɥe↗"),
        ("er4", "ɚ↘"),
        ("liu1", "ljou→"),
        ("ma5", "ma"),
        ("o4", "ɔ↘"),
    ],
)
def test_a_syllable_is_written_as_the_model_was_taught(pinyin: str, phonemes: str) -> None:
    assert mandarin.syllable(pinyin) == phonemes


def test_words_and_marks_keep_their_place() -> None:
    tokens = mandarin.tokens(AlignedText.of("每天，服用。"))
    assert [(token.phonemes, token.text_start, token.text_end) for token in tokens] == [
        ("mei↓tʰjɛ→n ", 0, 2),
        (", ", 2, 3),
        ("fu↗jʊ↘ŋ ", 3, 5),
        (". ", 5, 6),
    ]
