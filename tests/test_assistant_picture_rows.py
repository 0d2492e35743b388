"""Lines in the order of reading."""

from __future__ import annotations

import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from assistant.picture_rows import Found, in_order
from assistant.pictures import FAILED, NOTHING, SURE, Line, ReadPicture

HEIGHT = 20.0


def found(text: str, x: float, y: float, *, degrees: float = 0.0, confidence: float = 0.99) -> Found:
    """A word at its place on paper that is turned by so much."""
    width = 11.0 * len(text)
    corners = np.array([(x, y), (x + width, y), (x + width, y + HEIGHT), (x, y + HEIGHT)], np.float32)
    turn = math.radians(degrees)
    matrix = np.array([(math.cos(turn), math.sin(turn)), (-math.sin(turn), math.cos(turn))], np.float32)
    return Found(text, corners @ matrix, confidence)


def texts(words: list[Found]) -> list[str]:
    return [line.text for line in in_order(words)]


ROWS = (("Haemoglobin", "10.2", "g/dL"), ("White cells", "6.8", "10^9/L"), ("Ferritin", "8", "ug/L"))


@given(st.floats(-8, 8), st.randoms(use_true_random=False))
def test_the_cells_of_a_row_are_one_line_in_whatever_order_and_however_askew_they_were_found(
    degrees: float, random: object
) -> None:
    cells = [
        found(text, 60 + 300 * column, 40 + 44 * row, degrees=degrees)
        for row, cells in enumerate(ROWS)
        for column, text in enumerate(cells)
    ]
    random.shuffle(cells)  # type: ignore[attr-defined]
    assert texts(cells) == [" ".join(row) for row in ROWS]


def test_prose_in_two_columns_is_read_one_column_after_the_other() -> None:
    left = [found(f"a long line of the left number {n}", 20, 30 * n) for n in range(4)]
    right = [found(f"a long line of the right number {n}", 460, 30 * n) for n in range(4)]
    lines = texts([word for pair in zip(left, right, strict=True) for word in pair])
    assert lines == [word.text for word in (*left, *right)]


def test_a_row_is_as_certain_as_its_least_certain_cell_and_its_box_holds_all_of_them() -> None:
    (line,) = in_order([found("Iron", 10, 50, confidence=0.9), found("8", 200, 52, confidence=0.4)])
    assert (line.text, line.box, line.uncertain) == ("Iron 8", (10, 50, 211, 72), True)
    assert abs(line.confidence - 0.4) < 1e-6
    assert in_order([]) == () and in_order([found(" ", 0, 0)]) == ()


def test_the_model_is_told_what_is_certain_and_how_much_is_not() -> None:
    sure, unsure = Line("Ferritin 8 ug/L", (0, 0, 9, 9), SURE), Line("Fe??", (0, 9, 9, 19), SURE - 0.1)
    told = ReadPicture(99, 99, (sure, unsure)).told()
    assert "Ferritin 8 ug/L" in told and "Fe??" not in told
    assert "1 line is too unclear" in told
    assert ReadPicture(99, 99, ()).told() == ReadPicture(99, 99, (unsure,)).told() == NOTHING != FAILED


def test_a_page_of_text_is_told_as_far_as_there_is_room() -> None:
    told = ReadPicture(9, 9, (Line("血红蛋白" * 20, (0, 0, 9, 9), 1.0),) * 20).told()
    assert len(told) < 800 and "(12 more lines)" in told
