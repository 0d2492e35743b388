"""Words of a transcript, and how loops are noticed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asr.text import ends_sentence, is_repetitive, plain, spaced, without_repetition, words_of


@given(st.text())
def test_words_join_to_the_text_they_came_from(text: str) -> None:
    assert "".join(words_of(text)) == text


def test_chinese_splits_by_character_and_english_by_word() -> None:
    assert words_of("我用 Python 写。") == ["我", "用", " Python", " 写。"]
    assert words_of("Take two, please.") == ["Take", " two,", " please."]


def test_case_and_punctuation_do_not_make_another_word() -> None:
    assert plain(" Headache.") == plain("headache") == "headache"


@pytest.mark.parametrize(
    "text",
    [
        "Hold on, hold fast, hold out. Hold on, hold fast, hold out.",
        "Lobsters and lobsters. Lobsters and lobsters.",
        "I had it on Monday, and I had it on Tuesday.",
        "you you you you you you",
        "ha" * 60,
        "谢谢大家谢谢大家谢谢大家",
    ],
)
def test_what_may_be_a_loop_is_noticed(text: str) -> None:
    assert is_repetitive(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "No, no, no, that is not what I meant.",
        "It was very, very bad.",
        "你好，我头疼三天了，应该怎么办？",
    ],
)
def test_people_may_repeat_themselves(text: str) -> None:
    assert not is_repetitive(text)
    assert without_repetition(text) == text


def test_only_the_first_round_of_a_loop_stays() -> None:
    assert without_repetition("Hold on, hold fast, hold out. " * 3) == "Hold on, hold fast, hold out."
    assert without_repetition("I see you you you you you") == "I see you"


def test_a_phrase_said_twice_is_kept() -> None:
    text = "I went to the, I went to the doctor."
    assert without_repetition(text) == text


@given(st.lists(st.sampled_from(["a", "b", "c."]), max_size=30).map(" ".join))
def test_what_is_left_is_a_prefix_without_a_loop(text: str) -> None:
    left = without_repetition(text)
    assert text.startswith(left)
    assert without_repetition(left) == left


def test_sentences_end_in_english_and_chinese() -> None:
    assert ends_sentence(" done.") and ends_sentence(" really?”") and ends_sentence("了。")
    assert not ends_sentence(" and,") and not ends_sentence("")


def test_text_goes_on_with_a_space_where_the_language_has_one() -> None:
    assert spaced("One.", "Two.") == " Two."
    assert spaced("", "Two.") == "Two."
    assert spaced("好。", "我") == "我"
