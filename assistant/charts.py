"""Charts of a domain's knowledge, drawn as SVG: a line of an entry says what is in one.

    chart: 10,000 dollars at 5 percent a year (dollars) | Start=10000; 10 years=16289; 20 years=26533

Bars, since what is compared are a few amounts; their values stand beside them. No model has a part in it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from xml.sax.saxutils import escape

MAX_POINTS = 12  # more bars are not taken in while a sentence is heard
MAX_CHARS = 120  # of a title or a label

_WIDTH, _TOP, _ROW, _BAR = 480, 44, 30, 18  # pixels: readable on a phone, a third of a page wide
_CHARACTER = 7.5  # of a label at 13 pixels; Chinese: two
# Grounds, inks and bars of both themes differ by 7:1 and more (WCAG 2.2, 1.4.6); bars by 3:1 (1.4.11).
_STYLE = (
    "text{font:13px system-ui,sans-serif;fill:#1a1a1a}.t{font-weight:600;font-size:15px}"
    ".g{fill:#fff}.b{fill:#2f6f9f}"
    "@media(prefers-color-scheme:dark){text{fill:#eee}.g{fill:#1c1f22}.b{fill:#6cb2e0}}"
)


class ChartError(ValueError):
    """A chart's line that says something else; the message shows it and what to write."""


@dataclass(frozen=True, slots=True)
class Point:
    """A bar: `text` is its value as it was written."""

    label: str
    value: float
    text: str


@dataclass(frozen=True, slots=True)
class Chart:
    """A chart; `title` names the unit."""

    title: str
    points: tuple[Point, ...]

    @property
    def alt(self) -> str:
        """The same in words."""
        return f"{self.title}: {', '.join(f'{point.label} {point.text}' for point in self.points)}"


def parse_chart(line: str) -> Chart:
    """Return the chart in `Title | label=value; label=value`. Raises ChartError."""
    title, bar, values = line.strip().partition("|")
    points = tuple(_point(line, each) for each in values.split(";") if each.strip())
    if not bar or not title.strip() or not points:
        raise ChartError(f"{line.strip()!r} is no chart: write Title | label=value; label=value")
    if len(points) > MAX_POINTS:
        raise ChartError(f"{title.strip()!r} has {len(points)} points: a chart has at most {MAX_POINTS}")
    if max(len(title.strip()), *(len(point.label) for point in points)) > MAX_CHARS:
        raise ChartError(f"{title.strip()[:40]!r}...: a title or a label has at most {MAX_CHARS} characters")
    return Chart(title.strip(), points)


def _point(line: str, text: str) -> Point:
    label, _, written = (part.strip() for part in text.rpartition("="))
    try:
        value = float(written.replace(",", ""))
    except ValueError:
        value = math.nan
    if not label or not math.isfinite(value):
        raise ChartError(f"{text.strip()!r} in {line.strip()!r} is no point: write label=value, a number")
    return Point(label, value, written if "," in written else _grouped(written))


def _grouped(number: str) -> str:
    whole, dot, rest = number.partition(".")
    return f"{int(whole):,}{dot}{rest}" if whole.lstrip("+-").isdecimal() else number


def draw(chart: Chart) -> str:
    """Return the chart as an SVG, readable on light and dark pages."""
    labels = min(_WIDTH * 0.45, max(_length(point.label) for point in chart.points) + 12)
    numbers = max(_length(point.text) for point in chart.points) + 12
    low = min(0.0, *(point.value for point in chart.points))
    span = max(0.0, *(point.value for point in chart.points)) - low or 1.0
    per_unit = (_WIDTH - 24 - labels - numbers) / span
    zero = 12 + labels - low * per_unit
    height = _TOP + _ROW * len(chart.points) + 12
    rows = "".join(_row(point, index, labels, zero, per_unit) for index, point in enumerate(chart.points))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" width="{_WIDTH}"'
        f' height="{height}" role="img" aria-label="{_quoted(chart.alt)}"><style>{_STYLE}</style>'
        f'<rect class="g" width="{_WIDTH}" height="{height}" rx="8"/>'
        f'<text class="t" x="12" y="26"{_fitted(chart.title, _WIDTH - 24, 1.15)}>{escape(chart.title)}</text>'
        f"{rows}</svg>"
    )


def _row(point: Point, index: int, labels: float, zero: float, per_unit: float) -> str:
    top = _TOP + _ROW * index
    start, width = zero + min(0.0, point.value) * per_unit, abs(point.value) * per_unit
    base = top + _BAR - 4
    return (
        f'<text x="12" y="{base}"{_fitted(point.label, labels - 8)}>{escape(point.label)}</text>'
        f'<rect class="b" x="{start:.1f}" y="{top}" width="{max(1.0, width):.1f}" height="{_BAR}" rx="2"/>'
        f'<text x="{start + width + 6:.1f}" y="{base}">{escape(point.text)}</text>'
    )


def _length(text: str) -> float:
    return sum(_CHARACTER if character.isascii() else 2 * _CHARACTER for character in text)


def _fitted(text: str, width: float, scale: float = 1.0) -> str:
    """Squeeze a text that would be longer."""
    if _length(text) * scale <= width:
        return ""
    return f' textLength="{width:.0f}" lengthAdjust="spacingAndGlyphs"'


def _quoted(text: str) -> str:
    return escape(text, {'"': "&quot;"})
