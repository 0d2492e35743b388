"""What is said for what is shown, and which shown characters each part stands for."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tts.aligned import AlignedText
from tts.text import for_the_ear, foreign_share


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
        ("# Rest\n\n- sleep\n- [x] drink\n1. walk", "Rest. sleep. drink. 1, walk"),
        ("> quoted", "quoted"),
        ("see [the guide](https://a.org/x) ![a chart](c.png)", "see the guide a chart"),
        ("| Drug | Dose |\n|---|:--|\n| ibuprofen | 1 g |\n", "Drug, Dose. ibuprofen, 1 gram."),
        ("Run:\n```sh\nrm -rf x\n```\nDone.", "Run: Done."),
        ("a\n\n---\n\nb", "a. b"),
        ("<b>so</b> line<br>break", "so line break"),
        ("snake_case and 5 * 3", "snake_case and 5 times 3"),
        ("Well done 🎉👍🏽 ❤️!", "Well done !"),
        ("**", ""),
    ],
)
def test_markdown_and_emoji_do_not_reach_the_voice(shown: str, spoken: str) -> None:
    assert said(shown) == spoken


@pytest.mark.parametrize(
    ("shown", "spoken"),
    [
        ("500mg", "500 milligrams"),
        ("1 g", "1 gram"),
        ("5 mg/kg/day", "5 milligrams per kilogram per day"),
        ("2.5-5 mL", "2.5 to 5 milliliters"),
        ("a 5-mg dose", "a 5 milligram dose"),
        ("1/2 tsp", "1/2 teaspoon"),
        ("90 mg/dL", "90 milligrams per deciliter"),
        ("in mmol/L", "in millimoles per liter"),
        ("120/80 mmHg", "120 over 80 millimeters of mercury"),
        ("5 μg or 5 µg", "5 micrograms or 5 micrograms"),
        ("25 kg/m²", "25 kilograms per square meter"),
        ("39℃", "39°C"),
        ("the 1990s, 5G, $50 m, A5 m", "the 1990s, 5G, $50 m, A5 m"),
        ("8 hours/day", "8 hours per day"),
    ],
)
def test_units_are_said_in_full(shown: str, spoken: str) -> None:
    assert said(shown) == spoken


@pytest.mark.parametrize(
    ("shown", "spoken"),
    [
        ("10-20%", "10 to 20%"),
        ("2.5%–3.5%", "2.5% to 3.5%"),
        ("$5-10", "$5 to $10"),
        ("$1,000-$2,000", "$1,000 to $2,000"),
        ("10:30-11:00", "10:30 to 11:00"),
        ("20€, 5 USD, -$5, US$20", "€20, $5, minus $5, $20"),
        ("€1.2bn", "€1.2 billion"),
        ("≥ 65, ≤5, > 5, ~5", "at least 65, at most 5, more than 5, about 5"),
        ("1 1/2 and 1½", "1 and 1/2 and 1 and ½"),
        ("24/7, 12/25, 2:1, 2:30", "24 7, 12/25, 2 to 1, 2:30"),
        ("Call 911 or 1-800-555-1234.", "Call 9 1 1 or 1, 8 0 0, 5 5 5, 1 2 3 4."),
        ("e.g. tea, i.e. rest, etc., or", "for example, tea, that is, rest, etc, or"),
        ("No. 5, approx. 5, Jan. 5", "number 5, approximately 5, Jan 5"),
        ("https://www.a.org/x?y=1.", "a dot org."),
        ("me@a.co.uk", "me at a dot co dot uk"),
        ("a 401(k), 3x daily", "a four oh one K, 3 times daily"),
        ("TNF-α", "TNF-alpha"),
        ("Dr. Lee, May 5, 2024, 7:30 pm, 98.6°F, $1.50", "Dr. Lee, May 5, 2024, 7:30 pm, 98.6°F, $1.50"),
    ],
)
def test_what_the_voices_misread_is_put_in_words(shown: str, spoken: str) -> None:
    assert said(shown) == spoken


def test_said_words_know_what_they_stand_for() -> None:
    shown = "Take **5 mg** of [ibuprofen](http://x.y) at 120/80."
    assert shown_for(shown, "milligrams") == " mg"
    assert shown_for(shown, "5") == "5"
    assert shown_for(shown, "ibuprofen") == "ibuprofen"
    assert shown_for(shown, "over") == "120/80"


def test_another_wording_keeps_the_alignment_of_common_words() -> None:
    shown = "meet at 7:30 pm on Monday"
    text = AlignedText.of(shown).rewritten("meet at seven thirty P.M. on Monday")
    at = text.text.index("seven thirty P.M.")
    assert text.shown_span(at, at + len("seven")) == (8, 16)
    assert text.text == "meet at seven thirty P.M. on Monday"
    at = text.text.index("Monday")
    assert text.shown_span(at, at + 6) == (shown.index("Monday"), len(shown))


@given(st.text(alphabet="ab5 .*_`|[]()#-\n$%mg/é头😀½'\"", max_size=40))
def test_every_said_character_stands_for_a_place_in_the_shown_text(shown: str) -> None:
    text = for_the_ear(shown)
    assert len(text.text) == len(text.starts) == len(text.ends)
    assert all(0 <= start <= end <= len(shown) for start, end in zip(text.starts, text.ends, strict=True))
    assert list(text.starts) == sorted(text.starts)
    assert list(text.ends) == sorted(text.ends)


def test_the_share_of_other_scripts_is_of_letters_only() -> None:
    assert foreign_share("今天 12:30!") == 1.0
    assert foreign_share("café 12") == 0.0
    assert foreign_share("ab 今天") == 0.5
    assert foreign_share("...") == 0.0
