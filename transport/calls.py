"""The items of a conversation that are no messages: a call of a client's function, and what it returned."""

from __future__ import annotations

from dataclasses import dataclass

from transport.fields import Fields
from transport.items import Status
from transport.updates import MAX_NAME_CHARS, MAX_TEXT_CHARS


@dataclass(frozen=True, slots=True)
class FunctionCall:
    """The model asks the client for a function; `arguments` is JSON as text."""

    id: str
    call_id: str
    name: str
    arguments: str
    status: Status = "completed"

    @property
    def text(self) -> str:
        """What is kept of it."""
        return self.arguments

    def on_wire(self) -> dict[str, object]:
        """Return the API's conversation item."""
        return {
            "id": self.id,
            "object": "realtime.item",
            "type": "function_call",
            "status": self.status,
            "name": self.name,
            "call_id": self.call_id,
            "arguments": self.arguments,
        }


@dataclass(frozen=True, slots=True)
class FunctionCallOutput:
    """What the client's function returned."""

    id: str
    call_id: str
    output: str

    @property
    def text(self) -> str:
        """What is kept of it."""
        return self.output

    def on_wire(self) -> dict[str, object]:
        """Return the API's conversation item."""
        return {
            "id": self.id,
            "object": "realtime.item",
            "type": "function_call_output",
            "status": "completed",
            "call_id": self.call_id,
            "output": self.output,
        }


def read_call(fields: Fields, new_id: str) -> FunctionCall:
    """Return a call that happened before, such as in a session that is told anew."""
    name = fields.required("name", fields.text("name", longest=MAX_NAME_CHARS))
    arguments = fields.required("arguments", fields.text("arguments", longest=MAX_TEXT_CHARS))
    item_id = fields.text("id", longest=MAX_NAME_CHARS) or new_id
    return FunctionCall(item_id, fields.text("call_id", longest=MAX_NAME_CHARS) or item_id, name, arguments)


def read_output(fields: Fields, new_id: str) -> FunctionCallOutput:
    """Return what a function returned."""
    call_id = fields.required("call_id", fields.text("call_id", longest=MAX_NAME_CHARS))
    output = fields.required("output", fields.text("output", longest=MAX_TEXT_CHARS))
    return FunctionCallOutput(fields.text("id", longest=MAX_NAME_CHARS) or new_id, call_id, output)
