from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.cpu_time import least_s
from transport.key_words import KeyWords, TaggedWord, WordClass

NAMES = ("ibuprofen", "metformin", "Vanguard 500", "阿司匹林", "沪深300")
TAGGER = KeyWords(NAMES)


def key_words(text: str) -> list[str]:
    return [word.text.rstrip(" ,.;，。？") for word in TAGGER.tag(text) if word.word_class is WordClass.KEY]


# What an assistant writes, shuffled: words, numbers, marks, both languages, and anything else.
MARKED = (
    "The dose is 5 mg/kg . , ! Do not can't 1,200 $ % April 3rd Dr. - 不要 服用 两片 三次 。 ， 的 500毫克"
)
PIECES = [*MARKED.split(), "\n"]
texts = st.one_of(
    st.text(),
    st.lists(st.one_of(st.sampled_from([*PIECES, " ", "\n"]), st.text(max_size=3))).map("".join),
    st.lists(st.sampled_from(PIECES)).map(" ".join),
)


@given(texts)
def test_the_words_in_order_are_the_text(text: str) -> None:
    words = TAGGER.tag(text)
    assert "".join(word.text for word in words) == text
    assert all(word.text and text.startswith(word.text, word.offset) for word in words)
    assert [word.offset for word in words] == sorted({word.offset for word in words})


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("The usual dose is 5 mg/kg twice a day with food.", ["5 mg/kg", "twice a day"]),
        (
            "Take two tablets, then one tablet every six hours.",
            ["two tablets", "one tablet", "every six hours"],
        ),
        ("It costs $1,200, or 3.5 % a year.", ["$1,200", "3.5 % a year"]),
        ("no more than 4,000 mg", ["no more than 4,000 mg"]),
        ("Their interest is 18 to 25 percent a year.", ["18 to 25 percent a year"]),
        ("It can fall by a third in a bad year.", ["a third"]),
        ("due on April 15, 2025, at 5:30 p.m.", ["April 15, 2025", "5:30 p.m"]),
        ("the 3rd of May, 10/12/2024", ["3rd of May", "10/12/2024"]),
        ("Ring 555-867-5309 on Friday.", ["Ring 555-867-5309", "Friday"]),
        ("one of the best, and no one knows", ["no one"]),
        ("每次200毫克，每天三次", ["每次", "200毫克", "每天", "三次"]),
        ("去年涨了12.5%，三个月后", ["12.5%", "三个月"]),
        ("两片，每公斤5毫克/公斤", ["两片", "5毫克/公斤"]),
    ],
)
def test_numbers_keep_their_units(text: str, expected: list[str]) -> None:
    assert key_words(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Do not take it with a stomach ulcer.", ["Do not take"]),
        ("You shouldn't stop taking this without a doctor.", ["shouldn't stop", "without a doctor"]),
        ("You can’t withdraw it", ["can’t withdraw"]),
        ("Never mix them.", ["Never mix"]),
        ("请不要服用", ["不要服用"]),
        ("您没有对青霉素过敏吧", ["没有对青霉素", "过敏"]),
        ("不过这种情况不同", []),
        ("别担心", ["别担心"]),
    ],
)
def test_negations_keep_what_they_deny(text: str, expected: list[str]) -> None:
    assert key_words(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Take metformin or Ibuprofen.", ["metformin", "Ibuprofen"]),
        ("However, ask at Barclays in New York.", ["Barclays", "New", "York"]),
        ("Mary Smith left. ETFs are cheap. I know.", ["Mary", "Smith", "ETFs"]),
        ("as Dr. Miller says", ["Dr", "Miller"]),
        ("孕妇慎用阿司匹林，买沪深300指数基金", ["阿司匹林", "沪深300"]),
        ("他住在北京", ["北京"]),
    ],
)
def test_names_are_key(text: str, expected: list[str]) -> None:
    assert key_words(text) == expected


def test_what_a_warning_asks_to_do_is_key() -> None:
    assert key_words("Call 911 at once, or see a doctor.") == ["Call 911", "at once", "see a doctor"]
    assert key_words("请立即就医") == ["立即", "就医"]


def test_function_words_are_told_from_the_others() -> None:
    words = TAGGER.tag("It's probably a headache, so rest in the room.")
    function = [word.text.strip(" ,.") for word in words if word.word_class is WordClass.FUNCTION]
    assert function == ["It's", "a", "so", "in", "the"]
    assert TAGGER.tag("我的基金涨了") == (
        TaggedWord(0, "我", WordClass.FUNCTION),
        TaggedWord(1, "的", WordClass.FUNCTION),
        TaggedWord(2, "基金", WordClass.WORD),
        TaggedWord(4, "涨", WordClass.WORD),
        TaggedWord(5, "了", WordClass.FUNCTION),
    )


def test_what_stands_before_the_first_word_is_the_first_words() -> None:
    assert TAGGER.tag(" “ 5 mg”") == (TaggedWord(0, " “ 5 mg”", WordClass.KEY),)
    assert TAGGER.tag("...") == (TaggedWord(0, "...", WordClass.WORD),)
    assert TAGGER.tag("") == ()


def test_a_long_text_takes_no_longer_per_word() -> None:
    def tagged_s(text: str) -> float:
        return least_s(lambda: TAGGER.tag(text))

    sentence = "The usual dose is 5 mg/kg twice a day, and Mary says: do not take it with grapefruit juice. "
    short_s, long_s = tagged_s(sentence * 20), tagged_s(sentence * 200)
    assert long_s < 25 * short_s  # ten times as long
    hostile = ["1" * 5000, "a" * 5000, "not " * 2000, "5 mg/" * 1000, "1-" * 3000, "two " * 2000, "不" * 3000]
    assert max(map(tagged_s, [*hostile, "+1 (" * 2000, "A " * 2000, "Mr." * 2000])) < 10 * long_s
