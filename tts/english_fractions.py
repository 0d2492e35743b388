"""What stands on either side of a stroke or a colon in English: fractions, ratios, scores, blood pressure."""

from __future__ import annotations

import re

from tts.english_numbers import cardinal, number, ordinal, plural
from tts.rules import group
from tts.shown_numbers import VULGAR, in_ascii

_RATIO = r"ratio|odds|dilution|scale|split|mix"
_END = r"(?![\w/]|[.,]\d)"
_PARTS = {2: "half", 4: "quarter"}


def _pair(match: re.Match[str]) -> str:
    return " ".join(map(number, match[0].split("/")))


def _adding_up(match: re.Match[str]) -> str:
    """A 60/40 portfolio."""
    first, second = match[0].split("/")
    return f"{first} {second}" if int(first) + int(second) == 100 else match[0]


def _height(match: re.Match[str]) -> str:
    return f"{number(match[1])} foot {number(match[2])}"


def _inches(match: re.Match[str]) -> str:
    return f"{match[1]} {'inch' if match[1] == '1' else 'inches'}"


def _fraction(match: re.Match[str]) -> str:
    whole, above, below = match[1] or "", int(match[2]), int(match[3])
    common = below <= 12 or below % 10 == 0 or below in (16, 32, 64)
    if not 0 < above < below or not common:
        return f"{whole}{number(match[2])} over {number(match[3])}"
    part = _PARTS.get(below) or ordinal(below)
    if above == 1:
        return f"{whole}{'a' if whole else 'one'} {part}"
    return f"{whole}{cardinal(above)} {'halves' if part == 'half' else plural(part)}"


# Before units: "1 1/2 mL" is one measure.
PROPORTIONS = group(
    rf"\d\s?[/:{VULGAR}'′’]|[{VULGAR}]|ft \d",
    (rf"(?<=\d)\s?(?=[{VULGAR}])|(?<=\d)\s(?=\d/\d{{1,2}}\b(?!/))", " and "),
    (rf"(?<=[A-Za-z])(?=[{VULGAR}])", " "),
    (f"[{VULGAR}]", in_ascii),
    (r"(?<![\w/])(?:24/7|20/20|9/11)(?![\w/])", _pair),
    (rf"(?<![\w/.])\d\d/\d\d{_END}", _adding_up),
    # Blood pressure.
    (rf"(?<![\w/.])(?:[6-9]\d|1\d\d|2[0-4]\d)(?P<said>/)(?=(?:[3-9]\d|1[0-4]\d){_END})", " over "),
    # Marks: 7/10, 4.5/5.
    (rf"(?<![\w/.])(?:\d+(?P<said>/)(?=10{_END}))", " out of "),
    (rf"(?<![\w/.])\d+\.\d+(?P<said>/)(?=\d{{1,3}}{_END})", " out of "),
    (rf"(?:{_RATIO})(?: of| is| was)? \d+(?P<said>:)(?=\d)", " to "),
    (r"(?<![\w:])\d(?P<said>:)(?=\d:\d(?![\d:]))", " to "),
    (rf"(?<![\w:])\d+(?P<said>:)(?=\d+ (?:{_RATIO})\b|\d(?![\d:]))", " to "),
    (r"""\b(\d)['′’]\s?(\d{1,2})["″”]""", _height),
    (r"(?<=ft )(\d{1,2}) in\b(?:\.(?=,| [a-z]))?", _inches),
)
FRACTIONS = group("/", (rf"(?<![\w/.])(\d+ and )?(\d{{1,3}})/(\d{{1,5}}){_END}", _fraction))
