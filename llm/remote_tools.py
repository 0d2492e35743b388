"""Tools on the wire to a server of the OpenAI chat API: fields of their own for what `tool_calls` writes."""

from __future__ import annotations

import json
import re
from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any

from llm.engine import Message, Tool
from llm.tool_calls import BEGIN, END, ToolCall

CALL = re.compile(f"{BEGIN}(.*?){END}", re.DOTALL)


def tools_on_wire(tools: Sequence[Tool]) -> list[dict[str, object]]:
    """Return what the request says of the tools."""
    return [
        {
            "type": "function",
            "function": {
                "name": tool.name,
                "description": tool.description,
                "parameters": dict(tool.parameters),
            },
        }
        for tool in tools
    ]


def choice_on_wire(call: str | None) -> object:
    """Return the request's tool_choice; `call` as in `Sampling`."""
    if call is None:
        return "auto"
    return {"type": "function", "function": {"name": call}} if call else "required"


def messages_on_wire(messages: Sequence[Message]) -> list[dict[str, object]]:
    """Return the dialogue with its calls in fields of their own; results answer calls in their order."""
    told: list[dict[str, object]] = []
    open_calls: deque[str] = deque()
    for number, message in enumerate(messages):
        entry: dict[str, object] = {"role": message.role, "content": message.text}
        if message.role == "assistant" and (calls := CALL.findall(message.text)):
            ids = [f"call_{number}_{index}" for index in range(len(calls))]
            open_calls.extend(ids)
            entry["content"] = CALL.sub("", message.text).strip()
            entry["tool_calls"] = [_call_on_wire(id, call) for id, call in zip(ids, calls, strict=True)]
        elif message.role == "tool":
            entry["tool_call_id"] = open_calls.popleft() if open_calls else f"call_{number}"
        told.append(entry)
    return told


def _call_on_wire(id: str, text: str) -> dict[str, object]:
    call = json.loads(text)  # it was read before it was kept
    function = {"name": call["name"], "arguments": json.dumps(call.get("arguments", {}), ensure_ascii=False)}
    return {"id": id, "type": "function", "function": function}


class CallPieces:
    """The calls of one answer, which come in pieces."""

    def __init__(self) -> None:
        self._calls: dict[int, list[str]] = {}  # by place: the name, and the arguments so far

    def add(self, deltas: Sequence[Mapping[str, Any]]) -> None:
        """Take the pieces in one event. Raises LookupError, TypeError or AttributeError for none."""
        for delta in deltas:
            call = self._calls.setdefault(delta["index"], ["", ""])
            function = delta.get("function") or {}
            call[0] += function.get("name") or ""
            call[1] += function.get("arguments") or ""

    @property
    def text(self) -> str:
        """All of them as the model's own text; "" without any."""
        calls = (self._calls[place] for place in sorted(self._calls))
        return "".join(ToolCall(name, arguments or "{}").text for name, arguments in calls)
