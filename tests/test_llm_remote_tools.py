"""Tools between the model's own words and the fields of OpenAI's chat API."""

from __future__ import annotations

import json

from llm.completions import request_body
from llm.engine import Message, Sampling, Tool
from llm.remote_tools import CallPieces, choice_on_wire, messages_on_wire
from llm.tool_calls import ToolCall, ToolCallStream

FIND = ToolCall("find", '{"what": "a room"}')
BOOK = ToolCall("book", "{}")


def test_calls_and_their_results_travel_in_fields_of_their_own() -> None:
    said = Message("assistant", f"One moment. {FIND.text}{BOOK.text}")
    told = messages_on_wire([Message("user", "Hi"), said, Message("tool", "12"), Message("tool", "done")])
    assert told[1]["content"] == "One moment."
    calls = told[1]["tool_calls"]
    assert isinstance(calls, list)
    assert [(call["function"]["name"], call["function"]["arguments"]) for call in calls] == [
        ("find", FIND.arguments),
        ("book", "{}"),
    ]
    assert [message["tool_call_id"] for message in told[2:]] == [call["id"] for call in calls]


def test_a_call_that_comes_in_pieces_reads_as_the_models_own() -> None:
    pieces = CallPieces()
    pieces.add([{"index": 0, "id": "x", "function": {"name": "find", "arguments": ""}}])
    pieces.add(
        [{"index": 0, "function": {"arguments": '{"what": '}}, {"index": 1, "function": {"name": "book"}}]
    )
    pieces.add([{"index": 0, "function": {"arguments": '"a room"}'}}])
    stream = ToolCallStream(["find", "book"])
    assert stream.push(pieces.text) == ""
    assert stream.calls == [FIND, BOOK]
    assert CallPieces().text == ""


def test_a_request_names_tools_and_choice_only_when_there_are_some() -> None:
    body = request_body("m", [], Sampling(call="find"), [Tool("find", "Finds.", {"type": "object"})])
    assert json.loads(json.dumps(body["tools"]))[0]["function"]["name"] == "find"
    assert body["tool_choice"] == {"type": "function", "function": {"name": "find"}}
    assert (choice_on_wire(None), choice_on_wire("")) == ("auto", "required")
    assert "tools" not in request_body("m", [], Sampling())
