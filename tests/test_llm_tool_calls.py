"""Calls of tools, parted from what is to be said."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm.engine import Tool
from llm.errors import BadCall
from llm.tool_calls import ToolCall, ToolCallStream, opening

NAMES = ["get_weather", "book"]
WEATHER = ToolCall("get_weather", '{"city": "Paris"}')
BOOK = ToolCall("book", '{"day": "周一"}')


def parted(*pieces: str, cut_short: bool = False) -> tuple[str, list[ToolCall]]:
    """What is said of an answer in pieces, and its calls."""
    stream = ToolCallStream(NAMES)
    said = "".join(map(stream.push, pieces))
    return said + stream.finish(cut_short=cut_short), stream.calls


@pytest.mark.parametrize(
    ("answer", "said", "calls"),
    [
        ("Drink enough.", "Drink enough.", []),
        ("", "", []),
        (WEATHER.text, "", [WEATHER]),
        (f"Let me see. {WEATHER.text}", "Let me see. ", [WEATHER]),
        (f"{WEATHER.text}\n{BOOK.text}", "", [WEATHER, BOOK]),
        (WEATHER.text.removesuffix("\n</tool_call>"), "", [WEATHER]),
        (f"{WEATHER.text}\nIt is sunny.", "", [WEATHER]),
        ('{"name": "get_weather", "arguments": {"city": "Paris"}}', "", [WEATHER]),
        ('```json\n{"name": "get_weather", "parameters": {"city": "Paris"}}\n```', "", [WEATHER]),
        ('<tool_call>{"name": "book", "arguments": "{\\"day\\": \\"周一\\"}"}</tool_call>', "", [BOOK]),
        ('{"name": "Ada"}', '{"name": "Ada"}', []),
        ("{not JSON}", "{not JSON}", []),
        ("a < b, and <tool", "a < b, and <tool", []),
    ],
)
def test_what_is_a_call_is_not_said_and_the_rest_is(answer: str, said: str, calls: list[ToolCall]) -> None:
    assert parted(answer) == (said, calls)
    assert parted(*answer) == (said, calls)


@given(st.data())
def test_the_pieces_that_an_answer_comes_in_make_no_difference(data: st.DataObject) -> None:
    parts = st.sampled_from(["Well, ", "{", "\n", "<tool_", "tell me. ", WEATHER.text, BOOK.text])
    answer = "".join(data.draw(st.lists(parts, max_size=6)))
    cuts = sorted(data.draw(st.sets(st.integers(0, len(answer)), max_size=8)))
    pieces = [answer[a:b] for a, b in zip([0, *cuts], [*cuts, len(answer)], strict=True)]
    try:
        whole: object = parted(answer)
    except BadCall:
        whole = BadCall
    try:
        assert parted(*pieces) == whole
    except BadCall:
        assert whole is BadCall


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ("<tool_call>get_weather(Paris)</tool_call>", "malformed: get_weather"),
        ('<tool_call>{"arguments": {}}</tool_call>', "malformed"),
        ("<tool_call>[1]</tool_call>", "malformed"),
        ('<tool_call>{"name": "get_weather", "arguments": [1]}</tool_call>', "no object of arguments"),
        ('<tool_call>{"name": "launch", "arguments": {}}</tool_call>', "'launch', which is no tool here"),
        ('<tool_call>{"name": ["x"]}</tool_call>', "no tool here"),
        ('Now: <tool_call>{"name": "get_we', "malformed"),
        ("<tool_call>" + "[" * 100_000 + "</tool_call>", "malformed"),
    ],
)
def test_a_call_that_cannot_be_made_is_an_error_that_shows_it(answer: str, words: str) -> None:
    with pytest.raises(BadCall, match=words.replace("(", r"\(")):
        parted(answer)


def test_a_call_that_the_token_limit_cut_is_neither_said_nor_made() -> None:
    assert parted('Now: <tool_call>{"name": "get_we', cut_short=True) == ("Now: ", [])
    assert parted('{"name": "get_we', cut_short=True) == ("", [])


def test_the_answer_is_over_where_the_model_goes_on_without_knowing_the_result() -> None:
    stream = ToolCallStream(NAMES)
    stream.push(WEATHER.text + "\n")
    assert stream.calling and not stream.over
    stream.push("It is")
    assert stream.over


def test_an_answer_that_must_call_begins_with_all_that_is_known_of_the_call() -> None:
    tools = (Tool("book", parameters={"required": ["day"]}), Tool("hang_up"))
    assert opening("", tools) == '<tool_call>\n{"name": "'
    assert opening("hang_up", tools) == '<tool_call>\n{"name": "hang_up", "arguments": {'
    assert opening("", tools[:1]) == '<tool_call>\n{"name": "book", "arguments": {"'
