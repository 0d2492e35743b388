"""Which terms of a domain a reading may have misheard."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asr.hot_words import MOST, HotWords, hint

DRUGS = ("ibuprofen", "metformin", "ramipril", "loratadine", "apixaban", "阿莫西林")


@pytest.mark.parametrize(
    ("text", "nearest"),
    [
        ("What is ramer profile?", "ramipril"),
        ("I take warfarin and a pick sabon.", "apixaban"),
        ("Can I take IB Profan?", "ibuprofen"),
        ("我在吃阿莫西宁", "阿莫西林"),
    ],
)
def test_a_misheard_term_is_near(text: str, nearest: str) -> None:
    assert HotWords(DRUGS).near(text)[0] == nearest


@pytest.mark.parametrize("text", ["", "...", "My head hurts.", "I have metformin here.", "我头疼三天了"])
def test_what_has_them_all_or_is_like_none_is_not_read_again(text: str) -> None:
    assert HotWords(DRUGS).near(text) == []


@given(st.text(max_size=80), st.lists(st.text(max_size=12), max_size=20))
def test_whatever_is_read_few_terms_are_near_and_all_are_known(text: str, terms: list[str]) -> None:
    near = HotWords(terms).near(text)
    assert len(near) <= MOST
    assert set(near) <= set(terms)


def test_a_hint_is_a_sentence_of_the_language() -> None:
    assert hint(["ibuprofen", "codeine"], "en").startswith("You may hear names like ibuprofen, codeine. ")
    assert hint(["布洛芬"], "zh") == "您可能会听到布洛芬这些词。"


def test_terms_in_a_text_are_counted() -> None:
    words = HotWords(DRUGS)
    assert words.found("Metformin, and ibu-profen!") == 2
    assert words.found("") == 0
    assert HotWords(()).near("ibuprofen") == []
