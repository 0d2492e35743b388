"""What is said for what is shown, and which shown characters each part stands for."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tts import chinese, english, markdown
from tts.aligned import AlignedText
from tts.scripts import foreign_share
from tts.text import for_the_ear, is_chinese

TABLE = Path(__file__).parent / "data" / "spoken.tsv"


def read_table() -> Iterator[tuple[str, str]]:
    for line in TABLE.read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("# "):
            shown, _, spoken = line.partition("\t")
            yield shown.replace("\\n", "\n"), spoken


CASES = tuple(read_table())


def said(shown: str) -> str:
    return " ".join(for_the_ear(shown).text.split())


def shown_for(shown: str, said_part: str) -> str:
    """What in `shown` stands for `said_part`."""
    text = for_the_ear(shown)
    at = text.text.index(said_part)
    start, end = text.shown_span(at, at + len(said_part))
    return shown[start:end]


@pytest.mark.parametrize(
    ("shown", "spoken"),
    [
        ("**Take** *one* `pill` ~~now~~", "Take one pill now"),
        ("half **of a bold", "half of a bold"),
        ("# Rest\n\n- sleep\n- [x] drink\n1. walk", "Rest. sleep. drink. one, walk"),
        ("> quoted", "quoted"),
        ("see [the guide](https://a.org/x) ![a chart](c.png)", "see the guide a chart"),
        ("| Drug | Dose |\n|---|:--|\n| ibuprofen | 1 g |\n", "Drug, Dose. ibuprofen, one gram."),
        ("Run:\n```sh\nrm -rf x\n```\nDone.", "Run: Done."),
        ("a\n\n---\n\nb", "a. b"),
        ("<b>so</b> line<br>break", "so line break"),
        ("snake_case and 5 * 3", "snake_case and five times three"),
        ("Well done 🎉👍🏽 ❤️!", "Well done !"),
        ("**", ""),
    ],
)
def test_markdown_and_emoji_do_not_reach_the_voice(shown: str, spoken: str) -> None:
    assert said(shown) == spoken


@pytest.mark.parametrize(
    ("shown", "spoken"),
    [
        ("500mg", "five hundred milligrams"),
        ("1 g", "one gram"),
        ("5 mg/kg/day", "five milligrams per kilogram per day"),
        ("2.5-5 mL", "two point five to five milliliters"),
        ("a 5-mg dose", "a five milligram dose"),
        ("1/2 tsp", "one half teaspoon"),
        ("90 mg/dL", "ninety milligrams per deciliter"),
        ("in mmol/L", "in millimoles per liter"),
        ("120/80 mmHg", "one hundred twenty over eighty millimeters of mercury"),
        ("5 μg or 5 µg", "five micrograms or five micrograms"),
        ("25 kg/m²", "twenty-five kilograms per square meter"),
        ("39℃", "thirty-nine degrees Celsius"),
        ("the 1990s, 5G, $50 m, A5 m", "the nineteen nineties, five G, fifty million dollars, A five m"),
        ("8 hours/day", "eight hours per day"),
        ("58 mL/min/1.73 m²", "fifty-eight milliliters per minute per one point seven three square meters"),
        (
            "8 oz. (240 mL) for 10 min., then",
            "eight ounces (two hundred forty milliliters) for ten minutes, then",
        ),
        ("1850 mg in 1850", "one thousand eight hundred fifty milligrams in eighteen fifty"),
    ],
)
def test_units_are_said_in_full(shown: str, spoken: str) -> None:
    assert said(shown) == spoken


@pytest.mark.parametrize(
    ("shown", "spoken"),
    [
        ("10-20%", "ten to twenty percent"),
        ("2.5%–3.5%", "two point five percent to three point five percent"),
        ("$5-10", "five to ten dollars"),
        ("$1,000-$2,000", "one thousand dollars to two thousand dollars"),
        ("10:30-11:00", "ten thirty to eleven o'clock"),
        ("20€, 5 USD, -$5, US$20", "twenty euros, five dollars, minus five dollars, twenty dollars"),
        ("€1.2bn", "one point two billion euros"),
        ("≥ 65, ≤5, > 5, ~5", "at least sixty-five, at most five, more than five, about five"),
        ("1 1/2 and 1½", "one and a half and one and a half"),
        ("24/7, 12/25, 2:30", "twenty-four seven, twelve over twenty-five, two thirty"),
        (
            "Call 911 or 1-800-555-1234.",
            "Call nine one one or one, eight zero zero, five five five, one two three four.",
        ),
        ("e.g. tea, i.e. rest, etc., or", "for example, tea, that is, rest, etc, or"),
        ("No. 5, approx. 5, Jan. 5", "number five, approximately five, January fifth"),
        ("https://www.a.org/x?y=1.", "a dot org."),
        ("me@a.co.uk", "me at a dot co dot uk"),
        ("a 401(k), 3x daily", "a four oh one K, three times daily"),
        ("TNF-α", "TNF alpha"),
        (
            "Dr. Lee, May 5, 2024, 7:30 pm, 98.6°F, $1.50",
            "Doctor Lee, May fifth, twenty twenty-four, seven thirty p.m.,"
            " ninety-eight point six degrees Fahrenheit, one dollar and fifty cents",
        ),
    ],
)
def test_what_the_voices_misread_is_put_in_words(shown: str, spoken: str) -> None:
    assert said(shown) == spoken


def test_the_table_is_large_and_speaks_both_languages() -> None:
    assert len(CASES) >= 200
    assert sum(is_chinese(shown) for shown, _ in CASES) >= 80


@pytest.mark.parametrize(("shown", "spoken"), CASES)
def test_a_good_reader_says(shown: str, spoken: str) -> None:
    assert said(shown) == spoken


@pytest.mark.parametrize(
    ("shown", "chinese"),
    [
        ("服用 ibuprofen 200 mg", True),
        ("AAPL上涨2%", True),
        ("38.5。", True),
        ("CT、MRI和X-ray，共3项", True),
        ("详见 https://www.example.com/a/b/c", True),
        ("The word 你好 means hello.", False),
        ("38.5", False),
        ("", False),
    ],
)
def test_numbers_are_read_in_the_language_around_them(shown: str, chinese: bool) -> None:
    assert is_chinese(shown) is chinese


def test_code_that_is_not_spoken_does_not_choose_the_language() -> None:
    assert said("```\nif x is not None and y is not None: pass\n```\n好了5次。") == "好了五次。"


def test_said_words_know_what_they_stand_for() -> None:
    shown = "Take **5 mg** of [ibuprofen](http://x.y) at 120/80, 3-5 days."
    assert shown_for(shown, "milligrams") == " mg"
    assert shown_for(shown, "five") == "5"
    assert shown_for(shown, "ibuprofen") == "ibuprofen"
    assert shown_for(shown, "over") == "/"
    assert shown_for(shown, "eighty") == "80"
    assert shown_for(shown, "three") == "3"
    assert shown_for(shown, "to") == "-"
    assert shown_for("**体温**38.5℃，每日3次", "三十八点五") == "38.5"
    assert shown_for("**体温**38.5℃，每日3次", "摄氏度") == "℃"
    assert shown_for("剂量5 mg/kg。", "每公斤五毫克") == "5 mg/kg"


def test_a_rule_replaces_only_what_it_says() -> None:
    text = AlignedText.of("3-5 days").sub(re.compile(r"\d(?P<said>-)(?=\d)"), " to ")
    assert text.text == "3 to 5 days"
    assert text.shown_span(0, 1) == (0, 1)
    assert text.shown_span(2, 4) == (1, 2)


def test_another_wording_keeps_the_alignment_of_common_words() -> None:
    shown = "meet at 7:30 pm on Monday"
    text = AlignedText.of(shown).rewritten("meet at seven thirty P.M. on Monday")
    at = text.text.index("seven thirty P.M.")
    assert text.shown_span(at, at + len("seven")) == (8, 16)
    assert text.text == "meet at seven thirty P.M. on Monday"
    at = text.text.index("Monday")
    assert text.shown_span(at, at + 6) == (shown.index("Monday"), len(shown))


SNIPPETS = tuple(sorted({piece for shown, _ in CASES for piece in re.findall(r"\s|\d+|[A-Za-z]+|.", shown)}))


SHOWN = (
    st.text(alphabet="ab5 .*_`|[]()#-\n$%mg/é头😀½'\"", max_size=40)
    | st.lists(st.sampled_from(SNIPPETS), max_size=20).map("".join)
    | st.lists(st.sampled_from([shown for shown, _ in CASES]), max_size=3).map(" ".join)
    | st.text(max_size=40)
)
GROUPS = (*english.BEFORE_UNITS, *english.AFTER_UNITS, *chinese.BEFORE_UNITS, *chinese.AFTER_UNITS)


@given(SHOWN)
@example("²²")
def test_every_said_character_stands_for_a_place_in_the_shown_text(shown: str) -> None:
    text = for_the_ear(shown)
    assert len(text.text) == len(text.starts) == len(text.ends)
    assert all(0 <= start <= end <= len(shown) for start, end in zip(text.starts, text.ends, strict=True))
    assert list(text.starts) == sorted(text.starts)
    assert list(text.ends) == sorted(text.ends)
    assert not re.search("[0-9]", text.text)


@given(SHOWN)
def test_a_group_of_rules_is_passed_over_only_where_it_changes_nothing(shown: str) -> None:
    for group in GROUPS:
        if not group.sign.search(shown):
            assert not any(pattern.search(shown) for pattern, _ in group.rules), group.sign.pattern


@given(SHOWN.filter(lambda shown: not markdown.MARKED.search(shown)))
def test_text_without_marks_is_known_at_a_glance(shown: str) -> None:
    patterns = [pattern for pattern in vars(markdown).values() if isinstance(pattern, re.Pattern)]
    assert not any(pattern.search(shown) for pattern in patterns)


def test_the_share_of_other_scripts_is_of_letters_only() -> None:
    assert foreign_share("今天 12:30!") == 1.0
    assert foreign_share("café 12") == 0.0
    assert foreign_share("ab 今天") == 0.5
    assert foreign_share("...") == 0.0
