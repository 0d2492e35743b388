"""Words found in a picture, put into the order of reading: rows of a table together, columns of prose apart.

A photo is askew, and seen from an angle its rows are not even parallel. So a row is grown from word to word:
the next one is where the row so far, continued, would meet it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

import numpy as np
from numpy.typing import NDArray

from assistant.pictures import Line

SAME_ROW = 0.6  # of a word's height: how far its middle may be from where the row would be
OVERLAP = 0.3  # of a word's width: more of it under the row's last word is another row
LONG_ROW = 4.0  # heights: from then on a row has a slope of its own; a word's box alone is too rough
GUTTER = 1.5  # heights: a gap between columns is wider than those between words
PROSE_TOKENS = (
    16.0  # a column of prose has lines longer than a cell's text, in characters (Chinese: two each)
)
PROSE_ROWS = 3  # and so many of them


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """Text that was found in one piece."""

    text: str
    corners: NDArray[np.float32]  # [4, 2] x, y: top left, top right, bottom right, bottom left
    confidence: float

    @property
    def start(self) -> NDArray[np.float32]:
        """The middle of its left edge, [2]."""
        return (self.corners[0] + self.corners[3]) / 2  # type: ignore[no-any-return]

    @property
    def end(self) -> NDArray[np.float32]:
        """The middle of its right edge, [2]."""
        return (self.corners[1] + self.corners[2]) / 2  # type: ignore[no-any-return]

    @property
    def height(self) -> float:
        """How tall it is."""
        sides = self.corners[[3, 2]] - self.corners[[0, 1]]
        return float(np.linalg.norm(sides, axis=1).mean())

    @property
    def width(self) -> float:
        """How long it is."""
        return float(np.linalg.norm(self.end - self.start))


def in_order(found: Sequence[Found]) -> tuple[Line, ...]:
    """Return the lines, top to bottom, left to right; prose in columns, one column after the other."""
    words = [word for word in found if word.text.strip()]
    if not words:
        return ()
    slope = _slope(words)
    left, right = _columns(words, slope)
    return tuple(_line(row) for column in (left, right) for row in _rows(column, slope))


def _slope(words: Sequence[Found]) -> float:
    """How much a line falls per pixel to the right, by the long words: short ones' boxes are too rough."""
    long = sorted(words, key=lambda word: word.width)[len(words) // 2 :]
    return median(_between(word.start, word.end, 0.0) for word in long)


def _between(start: NDArray[np.float32], end: NDArray[np.float32], otherwise: float) -> float:
    across = float(end[0] - start[0])
    return float(end[1] - start[1]) / across if across > 1 else otherwise


def _rows(words: Sequence[Found], slope: float) -> list[list[Found]]:
    rows: list[list[Found]] = []
    for word in sorted(words, key=lambda word: float(word.start[0] + slope * word.start[1])):
        row = min(
            (row for row in rows if _continues(row, word, slope)),
            key=lambda row: _off(row, word, slope),
            default=None,
        )
        if row is None:
            rows.append([word])
        else:
            row.append(word)
    return sorted(rows, key=lambda row: float(row[0].start[1] - slope * row[0].start[0]))


def _continues(row: Sequence[Found], word: Found, slope: float) -> bool:
    beside = float(word.start[0]) >= float(row[-1].end[0]) - OVERLAP * min(word.width, row[-1].width)
    return beside and _off(row, word, slope) <= SAME_ROW * min(word.height, row[-1].height)


def _off(row: Sequence[Found], word: Found, slope: float) -> float:
    """How far the word is above or below where the row would go on."""
    first, last = row[0], row[-1]
    if float(last.end[0] - first.start[0]) > LONG_ROW * last.height:
        slope = _between(first.start, last.end, slope)
    across = float(word.start[0] - last.end[0])
    return abs(float(word.start[1] - last.end[1]) - slope * across)


def _columns(words: Sequence[Found], slope: float) -> tuple[list[Found], list[Found]]:
    """Split at a gap that no word crosses, if there is prose on both sides; else all is the left column."""
    spans = sorted((_across(word.start, slope), _across(word.end, slope)) for word in words)
    widest, at, reached = GUTTER * median(word.height for word in words), None, spans[0][1]
    for start, end in spans:
        if start - reached > widest:
            widest, at = start - reached, (start + reached) / 2
        reached = max(reached, end)
    if at is not None:
        left = [word for word in words if _across(word.start, slope) < at]
        right = [word for word in words if _across(word.start, slope) >= at]
        if _is_prose(left) and _is_prose(right):
            return left, right
    return list(words), []


def _across(point: NDArray[np.float32], slope: float) -> float:
    return float(point[0] + slope * point[1])


def _is_prose(words: Sequence[Found]) -> bool:
    lengths = [sum(1 if character.isascii() else 2 for character in word.text) for word in words]
    return len(words) >= PROSE_ROWS and median(lengths) >= PROSE_TOKENS


def _line(row: Sequence[Found]) -> Line:
    corners = np.concatenate([word.corners for word in row])  # [4 * words, 2]
    left, top = np.floor(corners.min(axis=0))
    right, bottom = np.ceil(corners.max(axis=0))
    text = " ".join(word.text.strip() for word in row)
    box = (max(0, int(left)), max(0, int(top)), int(right), int(bottom))
    return Line(text, box, min(word.confidence for word in row))
