"""Where an answer speaks of something that can be looked at: a row of a picture, a bar of a chart.

By its words alone. A row is spoken of by its name, or by its number if no other row has it; a chart, by the
value of a bar together with the bar's label, or by a value that is long enough to be no other.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from assistant.charts import Chart

NUMBER = re.compile(r"(?<![\w.,])\d+(?:,\d{3})*(?:\.\d+)?(?![\w]|[.,]\d)")
LEAST_LETTERS = 4  # of a name; Chinese: half of it
LEAST_DIGITS = 3  # of a number without a unit that stands for its row: a year has four, a date two
# Behind a number; a percent sign counts.
UNIT = re.compile(r"\s?(%|[a-zA-Zµμ°]+[\w^]*(?:/[\w.^]+)*|[毫微千]?[克升米]|片|粒|元)")
RANGE = re.compile(r"\d[\d.,]*\s?[-–~～]\s?\d[\d.,]*")  # what is usual is no result


@dataclass(frozen=True, slots=True)
class Mention:
    """The words `start` to `end` of a text speak of the `index`-th thing."""

    start: int
    end: int
    index: int


def rows_mentioned(text: str, rows: Sequence[str]) -> tuple[Mention, ...]:
    """Return the first mention of each row, in the order of the text."""
    names = Counter(name.casefold() for row in rows if (name := _name(row)))
    amounts = Counter(amount for row in rows for amount in set(_amounts(row)))
    mentions = []
    for index, row in enumerate(rows):
        if not any(character.isdigit() for character in row):
            continue  # a heading
        name = _name(row)
        if name and names[name.casefold()] == 1 and (found := _find(name, text)):
            mentions.append(Mention(*found, index))
            continue
        own = {amount for amount in _amounts(row) if amounts[amount] == 1}
        if (said := next((at for at, amount in _said(text) if amount in own), None)) is not None:
            mentions.append(Mention(*said, index))
    return tuple(sorted(mentions, key=lambda mention: mention.start))


def charts_mentioned(text: str, charts: Sequence[Chart]) -> tuple[Mention, ...]:
    """Return where each chart's numbers are first said, in the order of the text."""
    said = [(match.span(), _plain(match.group())) for match in NUMBER.finditer(text)]
    mentions = []
    for index, chart in enumerate(charts):
        values = {_plain(point.text): point for point in chart.points}
        places = [
            at
            for at, number in said
            if (point := values.get(number)) is not None
            and (_digits(number) > LEAST_DIGITS or _find(point.label, text))
        ]
        if places:
            mentions.append(Mention(*places[0], index))
    return tuple(sorted(mentions, key=lambda mention: mention.start))


def _name(row: str) -> str:
    """What stands before a row's first number, without what is in brackets; "" when it is no name."""
    before = re.split(r"\d", row, maxsplit=1)[0]
    name = re.sub(r"[(（\[].*", "", before).strip(" .:：,，;*-–$£€¥￥")
    letters = sum(1 if character.isascii() else 2 for character in name if character.isalpha())
    return name if letters >= LEAST_LETTERS else ""


def _find(words: str, text: str) -> tuple[int, int] | None:
    """Where the words stand in the text, not within others."""
    pattern = re.escape(words)
    if words[0].isascii():
        pattern = rf"(?<![a-zA-Z]){pattern}"
    if words[-1].isascii():
        pattern = rf"{pattern}(?![a-zA-Z])"
    match = re.search(pattern, text, re.IGNORECASE)
    return match.span() if match else None


def _amounts(row: str) -> Iterator[str]:
    """The row's numbers that stand for it: with their unit, and without if they are long."""
    return (amount for _, amount in _said(RANGE.sub("", row)))


def _said(text: str) -> Iterator[tuple[tuple[int, int], str]]:
    """Each number of a text that may stand for a row, with its place: with its unit first."""
    for match in NUMBER.finditer(text):
        number = _plain(match.group())
        if unit := UNIT.match(text, match.end()):
            yield (match.start(), unit.end()), f"{number} {unit[1].casefold()}"
        if _digits(number) >= LEAST_DIGITS or "." in number:
            yield match.span(), number


def _plain(number: str) -> str:
    return number.replace(",", "")


def _digits(number: str) -> int:
    return sum(character.isdigit() for character in number)
