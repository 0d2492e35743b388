"""Charts of the knowledge, and where an answer speaks of them or of a picture's rows."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant.charts import Chart, ChartError, Point, draw, parse_chart
from assistant.knowledge import parse_entries
from assistant.mentions import charts_mentioned, rows_mentioned

LINE = "10,000 dollars at 5 percent (dollars) | Start=10000; 10 years=16289; 20 years=26,533"
ROWS = (
    "Test Result Unit Reference",
    "Haemoglobin 10.2 g/dL 12.0-15.5",
    "White cells 6.8 10^9/L 4.0-11.0",
    "Ferritin (serum) 8 ug/L 15-200",
    "血小板 243 10^9/L 150-400",
    "Take one tablet every 8 hours",
)


def spoken_of(text: str, rows: tuple[str, ...] = ROWS) -> list[tuple[str, int]]:
    return [(text[each.start : each.end], each.index) for each in rows_mentioned(text, rows)]


def test_a_charts_line_becomes_its_title_and_its_points() -> None:
    chart = parse_chart(LINE)
    assert chart.title == "10,000 dollars at 5 percent (dollars)"
    assert chart.points[1] == Point("10 years", 16289.0, "16,289")
    assert chart.alt.endswith("Start 10,000, 10 years 16,289, 20 years 26,533")
    (entry,) = parse_entries(f"## Saving {{#saving}}\nText.\nchart: {LINE}\nask: how much", "saving.md")
    assert entry.charts == (chart,)


@pytest.mark.parametrize("line", ["no values", "T | a=b", "| a=1", "T | =1", "T | a=inf", "T | 5"])
def test_a_line_that_is_no_chart_is_refused_with_what_to_write(line: str) -> None:
    with pytest.raises(ChartError, match="label=value"):
        parse_chart(line)


@given(
    st.text(st.characters(codec="utf-8", categories=("L", "N", "P", "S", "Zs")), min_size=1, max_size=60),
    st.lists(st.floats(-1e6, 1e6).map(lambda value: round(value, 2)), min_size=1, max_size=12),
)
def test_every_chart_is_a_small_picture_with_all_its_numbers_inside_its_frame(
    title: str, values: list[float]
) -> None:
    chart = Chart(title, tuple(Point(f"<{n}>", value, str(value)) for n, value in enumerate(values)))
    svg = draw(chart)
    root = ElementTree.fromstring(svg)
    texts = [node.text for node in root.iter("{http://www.w3.org/2000/svg}text")]
    assert texts[2::2] == [str(value) for value in values]
    width = float(root.attrib["width"])
    for bar in root.iter("{http://www.w3.org/2000/svg}rect"):
        assert float(bar.get("x", 0)) >= 0 and float(bar.get("x", 0)) + float(bar.attrib["width"]) <= width
    assert len(svg) < 8_000


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Your haemoglobin is a little low.", [("haemoglobin", 1)]),
        ("It is 10.2 grams, and ferritin is 8.", [("10.2", 1), ("ferritin", 3)]),
        ("It is 8 ug/L, which is low.", [("8 ug/L", 3)]),
        ("您的血小板是243。", [("血小板", 4)]),
        ("The count is 243, as it should be.", [("243", 4)]),
        ("Nothing of it is here: 110.25, 2430 or 8.", []),
        ("The usual range is 12.0-15.5.", []),
        ("Test results need a doctor.", []),
        ("Preferritins are not in it.", []),
    ],
)
def test_a_row_is_spoken_of_by_its_name_or_by_a_number_of_its_own(
    text: str, expected: list[tuple[str, int]]
) -> None:
    assert spoken_of(text) == expected


def test_a_name_or_number_of_two_rows_stands_for_neither() -> None:
    rows = ("Tablet one 500 mg", "Tablet one 500 mg", "Cream 30 g")
    assert spoken_of("Tablet one has 500 mg, the cream 30 g.", rows) == [("cream", 2)]


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("After 10 years it is 16,289 dollars.", "16,289"),
        ("It grows to 26533 dollars.", "26533"),
        ("Money grows over 10 years.", None),
        ("You need 50 percent of it.", None),
    ],
)
def test_a_chart_is_spoken_of_by_its_numbers(text: str, at: str | None) -> None:
    mentions = charts_mentioned(text, [parse_chart(LINE)])
    assert [text[each.start : each.end] for each in mentions] == ([] if at is None else [at])


def test_a_short_number_speaks_of_a_chart_together_with_its_label() -> None:
    chart = parse_chart("The budget (percent) | Needs=50; Wants=30; Saving=20")
    assert charts_mentioned("Half of it, 50 percent, is for needs.", [chart])
    assert not charts_mentioned("A fee of 50 dollars.", [chart])
