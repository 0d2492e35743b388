"""Text for the ear: what a good reader would say, given what is shown.

Only what the voices' own readers get wrong is put into words here: they read numbers, dates, times, amounts
of money and common abbreviations well, but drop or spell units, comparisons, addresses and most ranges.
"""

from __future__ import annotations

import re
import unicodedata

from tts.aligned import AlignedText, Replacement
from tts.markdown import without_markdown
from tts.units import NUMBER, with_units_said

EMOJI = re.compile(
    "[\U0001f000-\U0001faff\u2600-\u27bf\u2b00-\u2bff\u23e9-\u23fa\ufe0e\ufe0f\u200b-\u200f\u20e3\U000e0020-\U000e007f]+"
)
BEFORE_NUMBER = {  # with a full stop that ends no sentence
    "approx": "approximately",
    "no": "number",
    "fig": "figure",
    "p": "page",
    "pp": "pages",
    "vol": "volume",
    "ch": "chapter",
}
_MONEY = rf"[$£€]{NUMBER}"
_END_OF_NUMBER = r"(?![\w-]|[.,]\d)"


def _host(match: re.Match[str]) -> str:
    return match[1].replace(".", " dot ")


def _email(match: re.Match[str]) -> str:
    return f"{match[1]} at {match[2]}".replace(".", " dot ").replace("_", " underscore ")


def _digits(match: re.Match[str]) -> str:
    return ", ".join(" ".join(group) for group in re.findall(r"\d+", match.group()))


def _before_number(match: re.Match[str]) -> str:
    return BEFORE_NUMBER[match[1].lower()] + " "


def _greek(match: re.Match[str]) -> str:
    return unicodedata.name(match.group().lower()).split()[-1].lower().replace("lamda", "lambda")


RULES: tuple[tuple[re.Pattern[str], Replacement], ...] = (
    # Addresses: the host is enough for the ear.
    (re.compile(r"\b([\w.+-]+)@([\w-]+(?:\.[\w-]+)+)"), _email),
    (
        re.compile(r"\b(?:https?://(?:www\.)?|www\.)([\w-]+(?:\.[\w-]+)*)(?::\d+)?(?:[/?#](\S*[\w/])?)?"),
        _host,
    ),
    # Abbreviations.
    (re.compile(r"\be\.\s?g\.,?", re.IGNORECASE), "for example,"),
    (re.compile(r"\bi\.\s?e\.,?", re.IGNORECASE), "that is,"),
    (re.compile(r"\b(etc)\.(?=[,;:)]|\s+[a-z])"), r"\1"),
    (re.compile(r"\b(Jan|Feb|Mar|Apr|Jun|Jul|Aug|Sept?|Oct|Nov|Dec)\.\s+(?=\d)"), r"\1 "),
    (re.compile(rf"\b({'|'.join(BEFORE_NUMBER)})\.\s+(?=\d)", re.IGNORECASE), _before_number),
    # Telephones, digit by digit.
    (re.compile(r"(?<![\w-])(?:\+?1[ -])?(?:\(\d{3}\)\s?|\d{3}-)\d{3}-\d{4}(?![\w-])"), _digits),
    (re.compile(r"(?<=[Cc]all )\d{3}\b|(?<=[Dd]ial )\d{3}\b"), _digits),
    (re.compile(r"(?<![\w$£€.,-])(?:911|988)(?![\w%-]|[.,]\d)"), _digits),
    # Comparisons.
    (re.compile(r"≥\s?|>=\s?"), "at least "),
    (re.compile(r"≤\s?|<=\s?"), "at most "),
    (re.compile(r"(?<![\w=-])>\s?(?=\d)"), "more than "),
    (re.compile(r"(?<!\w)[~≈]\s?(?=[\d$£€])"), "about "),
    # Fractions: one and a half, blood pressure, a ratio.
    (re.compile(r"(?<=\d)\s(?=\d/\d\b(?!/))|(?<=\d)(?=[½¼¾])"), " and "),
    (re.compile(r"\b(24/7|50/50)\b"), lambda match: match[1].replace("/", " ")),
    (re.compile(r"(?<![\w/.])([6-9]\d|1\d\d|2[0-4]\d)/([3-9]\d|1[0-4]\d)(?![\w/]|[.,]\d)"), r"\1 over \2"),
    (re.compile(r"(?<![\w:])(\d+):(\d)(?![\d:])"), r"\1 to \2"),
    (re.compile(r"""\b(\d)['′]\s?(\d{1,2})["″]"""), r"\1 foot \2"),
    # Ranges that are not two plain integers.
    (re.compile(rf"(?<![\w.-])({NUMBER}%?)\s?[-–—]\s?({NUMBER})(?=\s?%)"), r"\1 to \2"),
    (re.compile(rf"(?<![\w.-])(\d+\.\d+)\s?[-–]\s?({NUMBER}){_END_OF_NUMBER}"), r"\1 to \2"),
    (re.compile(rf"(?<![\w.-])({NUMBER})\s?[-–]\s?(\d+\.\d+){_END_OF_NUMBER}"), r"\1 to \2"),
    (re.compile(rf"({_MONEY}[kKmMbB]?)\s?[-–—]\s?(?={_MONEY})"), r"\1 to "),
    (re.compile(rf"([$£€])({NUMBER})\s?[-–]\s?({NUMBER}){_END_OF_NUMBER}"), r"\1\2 to \1\3"),
    (re.compile(r"(\b\d{1,2}:\d\d(?:\s?[ap]\.?m\.?)?)\s?[-–—]\s?(?=\d{1,2}:\d\d)", re.IGNORECASE), r"\1 to "),
    # Money written another way round.
    (re.compile(rf"\b(?:US|CA|AU)(?=\${NUMBER})"), ""),
    (re.compile(rf"(?<![\w)])[-−](?={_MONEY})"), "minus "),
    (re.compile(rf"(?<![\w.,])({NUMBER})\s?([$£€])(?!\d)"), r"\2\1"),
    (re.compile(rf"(?<![\w.,$£€])({NUMBER})\s?USD\b"), r"$\1"),
    (re.compile(rf"(?<![\w.,$£€])({NUMBER})\s?EUR\b"), r"€\1"),
    (re.compile(rf"(?<![\w.,$£€])({NUMBER})\s?GBP\b"), r"£\1"),
    (re.compile(rf"({_MONEY})\s?bn\b"), r"\1 billion"),
    (re.compile(rf"({_MONEY})\s?(?:tn|T)\b"), r"\1 trillion"),
    # Odds and ends.
    (re.compile(r"\b401\(k\)"), "four oh one K"),
    (re.compile(r"\b(\d+)x\b"), r"\1 times"),
    (re.compile(r"℃"), "°C"),
    (re.compile(r"℉"), "°F"),
    (re.compile(r"−(?=\d)"), "-"),
)
GREEK_LETTER = re.compile(r"(?<![Ͱ-Ͽ])[Α-Ωα-ω](?![Ͱ-Ͽ])")  # one by itself: alpha, not a Greek word


def for_the_ear(shown: str) -> AlignedText:
    """Return what is said for the shown text; every part knows what it stands for."""
    text = without_markdown(AlignedText.of(shown)).sub(EMOJI, " ")
    for pattern, replacement in RULES:
        text = text.sub(pattern, replacement)
    return with_units_said(text).sub(GREEK_LETTER, _greek)


def foreign_share(text: str) -> float:
    """Return the share of the letters that are not Latin; 0 without letters."""
    letters = [character for character in text if character.isalpha()]
    foreign = sum("LATIN" not in unicodedata.name(letter, "") for letter in letters)
    return foreign / len(letters) if letters else 0.0
