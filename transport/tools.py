"""The functions that a client offers, and whether the model may, must or must not call them."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, get_args

from transport.fields import Fields

Mode = Literal["auto", "none", "required", "function"]

NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")  # OpenAI's own rule
MAX_TOOLS = 128  # OpenAI's bound for the tools of one request
MAX_SCHEMAS_CHARS = 65_536  # of all of them: half of the longest text; they stand in every prompt
MAX_DESCRIPTION_CHARS = 16_384

_MODES: tuple[Mode, ...] = get_args(Mode)[:3]


@dataclass(frozen=True, slots=True)
class FunctionTool:
    """A function of the client's; `parameters` is the JSON schema of its arguments."""

    name: str
    description: str = ""
    parameters: Mapping[str, object] = field(default_factory=dict)

    def on_wire(self) -> dict[str, object]:
        """Return the API's object."""
        return {
            "type": "function",
            "name": self.name,
            "description": self.description,
            "parameters": dict(self.parameters),
        }


@dataclass(frozen=True, slots=True)
class ToolChoice:
    """Whether tools are called: as the model likes, never, always one, or always the one named."""

    mode: Mode = "auto"
    name: str | None = None

    def on_wire(self) -> object:
        """Return the API's value."""
        return {"type": "function", "name": self.name} if self.mode == "function" else self.mode


def read_tools(fields: Fields) -> tuple[FunctionTool, ...] | None:
    """Return the tools in a `tools` array, None when it is left out; raises `RejectedEventError`."""
    asked = fields.items("tools")
    if asked is None:
        return None
    if len(asked) > MAX_TOOLS:
        raise fields.rejected("tools", f"has {len(asked)} tools: send at most {MAX_TOOLS}")
    tools = tuple(_read_tool(fields, index, tool) for index, tool in enumerate(asked))
    size = sum(len(json.dumps(tool.on_wire())) for tool in tools)
    if size > MAX_SCHEMAS_CHARS:
        raise fields.rejected("tools", f"has {size} characters of JSON: send at most {MAX_SCHEMAS_CHARS}")
    names = [tool.name for tool in tools]
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise fields.rejected("tools", f"has two tools named {twice!r}: give each a name of its own")
    return tools


def read_tool_choice(fields: Fields) -> ToolChoice | None:
    """Return the `tool_choice`, None when it is left out; raises `RejectedEventError`."""
    if not isinstance(fields.value("tool_choice"), dict):
        mode = fields.choice("tool_choice", _MODES)
        return mode and ToolChoice(mode)
    named = fields.nested("tool_choice")
    named.choice("type", ("function",))
    return ToolChoice("function", named.required("name", named.text("name", longest=64)))


def check_choice(fields: Fields, tools: Sequence[FunctionTool], choice: ToolChoice) -> None:
    """Refuse a choice that no tool could satisfy."""
    if choice.mode == "function" and choice.name not in [tool.name for tool in tools]:
        known = ", ".join(tool.name for tool in tools) or "none"
        raise fields.rejected(
            "tool_choice", f"names {choice.name!r}, which is no tool here: known are {known}"
        )
    if choice.mode == "required" and not tools:
        raise fields.rejected("tool_choice", "is 'required', and there are no tools: send some")


def _read_tool(fields: Fields, index: int, value: object) -> FunctionTool:
    name = f"tools[{index}]"
    if not isinstance(value, dict):
        raise fields.rejected(name, "is no object: send tools with a type and a name")
    tool = Fields(value, fields.path(name))
    tool.only(("type", "name", "description", "parameters"))
    tool.required("type", tool.choice("type", ("function",)))  # MCP servers are not called from here
    called = tool.required("name", tool.text("name", longest=64))
    if not NAME.fullmatch(called):
        raise tool.rejected("name", f"is {called!r}: send 1 to 64 letters, digits, _ and -")
    parameters = tool.value("parameters")
    if parameters is not None and not isinstance(parameters, dict):
        raise tool.rejected("parameters", "is no object: send a JSON schema")
    description = tool.text("description", longest=MAX_DESCRIPTION_CHARS)
    return FunctionTool(called, description or "", parameters or {})
