"""Ending an answer at a string."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from llm.stops import StopStrings

LETTERS = "ab好"  # few, so that stop strings are met, and nearly met
STOPS = st.lists(st.text(LETTERS, min_size=1, max_size=5), max_size=4)


@st.composite
def pieces(draw: st.DrawFn) -> list[str]:
    text = draw(st.text(LETTERS, max_size=30))
    cuts = sorted(draw(st.lists(st.integers(0, len(text)), max_size=8)))  # equal ones make empty pieces
    return [text[start:end] for start, end in pairwise([0, *cuts, len(text)])]


def shown(stop: list[str], pieces: list[str]) -> tuple[str, bool]:
    """Return all that is shown of the pieces, and whether a stop string was met."""
    stops = StopStrings(stop)
    answers = [stops.push(piece) for piece in pieces]
    return "".join(text for text, _ in answers) + stops.flush(), any(met for _, met in answers)


def cut(stop: list[str], text: str) -> str | None:
    """Go through the text by characters; return what precedes the first stop string to be complete."""
    for end in range(len(text) + 1):
        for each in sorted(stop, key=len, reverse=True):
            if text[:end].endswith(each):
                return text[: end - len(each)]
    return None


@given(STOPS, pieces())
def test_a_text_ends_before_its_first_complete_stop_string_however_it_is_split(
    stop: list[str], pieces: list[str]
) -> None:
    text = "".join(pieces)
    expected = cut(stop, text)
    assert shown(stop, pieces) == (text if expected is None else expected, expected is not None)


@given(STOPS, pieces())
def test_no_more_is_held_back_than_could_become_a_stop_string(stop: list[str], pieces: list[str]) -> None:
    stops, said, shown = StopStrings(stop), "", ""
    for piece in pieces:
        said += piece
        text, met = stops.push(piece)
        shown += text
        assert met == (cut(stop, said) is not None)
        if not met:
            ends = [each[:size] for each in stop for size in range(len(each))]
            assert said[len(shown) :] == max((end for end in ends if said.endswith(end)), key=len, default="")


def test_nothing_follows_a_stop_string() -> None:
    stops = StopStrings(["好"])
    assert stops.push("a好b") == ("a", True)
    assert stops.push("c") == ("", True)
    assert stops.flush() == ""


def test_the_string_that_is_complete_first_counts_and_of_several_the_longest() -> None:
    assert shown(["abc", "b"], ["abc"]) == ("a", True)
    assert shown(["b", "ab"], ["xab"]) == ("x", True)


def test_what_was_held_back_is_given_once() -> None:
    stops = StopStrings(["abc"])
    assert stops.push("xab") == ("x", False)
    assert stops.flush() == "ab"
    assert stops.flush() == ""
