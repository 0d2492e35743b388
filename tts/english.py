"""English for the ear: everything that is no word put into words, plain numbers last.

Whole numbers too: the voices read "1999" and "$1.50" each in a way of its own.
"""

from __future__ import annotations

from tts.aligned import AlignedText
from tts.english_dates import NUMERIC_DATES, ORDINALS, TIMES, WRITTEN_DATES, YEARS
from tts.english_fractions import FRACTIONS, PROPORTIONS
from tts.english_money import MONEY
from tts.english_names import ABBREVIATIONS, LABELS, MIXED, ROMANS, SIGNED, SPELLINGS, TELEPHONES
from tts.english_numbers import number
from tts.english_units import POWERS, PRESCRIPTIONS, TYPED_POWERS, with_units_said
from tts.rules import applied, group
from tts.shown_numbers import NUMBER

COMPARISONS = group(
    "[<>≥≤~≈±]",
    (r"≥\s?|>=\s?", "at least "),
    (r"≤\s?|<=\s?", "at most "),
    (r"(?<![\w=-])>\s?(?=[\d$£€])", "more than "),
    (r"(?<![\w=])<\s?(?=[\d$£€])", "less than "),
    (r"(?<!\w)[~≈]\s?(?=[\d$£€])", "about "),
    (r"\s?±\s?", " plus or minus "),
)
SIGNS = group(
    r"[-–—−+=×÷]|\w\s?x|\d / \d",
    (r"(?<=\d)\s?[-−–]\s?(?=\d+\s?=)", " minus "),
    (
        rf"(?<![\w.-])(?:{NUMBER}|\.\d+)[%°]?(?P<said>\s?[-–—]\s?)(?=(?:{NUMBER}|\.\d+)(?![\d-]|[.,]\d))",
        " to ",
    ),
    (r"(?<![\w)%-])[-−](?=\.?\d)", "minus "),
    (r"(?<=\d)x(?=\d)", " by "),
    (r"(?<=\d)[x×](?!\w|\s?[-+=^])", " times"),
    (r"(?<=\d)\s?\+\s?(?=\d)|(?<=[A-Z])\+(?=\d)|(?<=[\w)])\s\+\s(?=\w)", " plus "),
    (r"(?<!\w)\+(?=\.?\d)", "plus "),
    (r"(?<=[\w+])\+(?!\w)", " plus"),  # 65+, K+, C++
    (r"(?<=[\w)²])\s?=\s?(?=[\w-])", " equals "),
    (r"(?<=\d)\s?×\s?(?=\d)|(?<=\w)\s[x×]\s(?=\d)", " times "),
    (r"(?<=\d)(?:\s?÷\s?|\s/\s)(?=\d)", " divided by "),
)
SCALED = group(  # 3M is a company
    r"\d[KMB]\b",
    (r"(?<=\.\d)M\b|(?<=\d)M(?= (?!is\b|was\b|has\b)[a-z]+s\b)", " million"),
    (r"(?<=\.\d)B\b|(?<=\d)B(?= (?!is\b|was\b|has\b)[a-z]+s\b)", " billion"),
    (r"(?<=\d)K(?= (?!is\b|was\b|has\b)[a-z]+s\b)", " thousand"),
)
NUMBERS = group(
    r"\d",
    (r"(?<=\d)\s?%", " percent"),
    (r"(?<=\d)\s?‰", " per thousand"),
    (r"(?<=\d)\s?k\b", " thousand"),
    (rf"{NUMBER}|\.\d+", lambda match: number(match[0])),
)
BEFORE_UNITS = (
    *(ABBREVIATIONS, SIGNED, SPELLINGS, PRESCRIPTIONS, TELEPHONES, LABELS),
    *(NUMERIC_DATES, WRITTEN_DATES, ORDINALS, COMPARISONS, TYPED_POWERS, PROPORTIONS, TIMES, MONEY, SIGNS),
)
AFTER_UNITS = (SCALED, POWERS, FRACTIONS, YEARS, ROMANS, MIXED, NUMBERS)


def in_english(text: AlignedText) -> AlignedText:
    """Return the text as it is read aloud."""
    return applied(with_units_said(applied(text, BEFORE_UNITS)), AFTER_UNITS)
