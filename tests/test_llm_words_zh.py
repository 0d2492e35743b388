"""Chinese text as clauses and words."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm.words_zh import clauses, whole_words
from tests.chinese_phrases import SENTENCES, Sentence


def read(clause: str) -> list[str]:
    return [word.text for word in whole_words(clause, ended=True)]


@pytest.mark.parametrize(
    ("clause", "words"),
    [
        ("体温38.5℃以上", ["体温", "38.5℃", "以上"]),
        ("涨了3.2%", ["涨", "了", "3.2%"]),
        ("用USB-C充电", ["用", "USB-C", "充电"]),
        ("在 App 里看", ["在", "App", "里", "看"]),
    ],
)
def test_a_number_and_a_foreign_word_are_one_word(clause: str, words: list[str]) -> None:
    assert read(clause) == words


def test_a_word_starts_at_its_opening_quotation_mark_and_knows_the_mark_of_a_list() -> None:
    words = whole_words("说“下雨”、“下雪”", ended=True)
    assert [(word.start, word.text, word.listed) for word in words] == [
        (0, "说", False),
        (1, "下雨", False),
        (6, "下雪", True),
    ]


def test_the_last_word_of_an_open_clause_may_still_grow() -> None:
    assert [word.text for word in whole_words("医生建议", ended=False)] == ["医生"]


@given(st.sampled_from(SENTENCES))
def test_clauses_are_what_the_marks_separate(sentence: Sentence) -> None:
    text = sentence.text
    found = list(clauses(text))
    assert [ended for _, _, ended in found] == [True] * (len(found) - 1) + [False]
    assert all(text.startswith(clause, start) for start, clause, _ in found)


def test_a_point_or_a_comma_in_a_number_ends_no_clause() -> None:
    assert [clause for _, clause, _ in clauses("一共3,480.5元，谢谢")] == ["一共3,480.5元", "谢谢"]
