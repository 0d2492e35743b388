"""Calls of tools in an answer, between <tool_call> and </tool_call>: a JSON object with a name and arguments.

So do Qwen and Hermes write them; source: the chat template of Qwen2.5. Small models forget the marks: where
an answer begins with a JSON object, fenced or not, that names a tool, it is a call as well (Llama 3 writes
them so, with "parameters").
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from llm.engine import Tool
from llm.errors import BadCall
from llm.stops import beginning

BEGIN, END = "<tool_call>", "</tool_call>"
LONGEST_QUOTE = 200  # characters of a malformed call that its error shows
BARE = ("{", "```")
FENCE = "```json"


@dataclass(frozen=True, slots=True)
class ToolCall:
    """The assistant asks for a tool; `arguments` is a JSON object as text."""

    name: str
    arguments: str

    @property
    def text(self) -> str:
        """How the model says it."""
        name = json.dumps(self.name, ensure_ascii=False)
        return f'{BEGIN}\n{{"name": {name}, "arguments": {self.arguments}}}\n{END}'


def opening(name: str, tools: Sequence[Tool]) -> str:
    """Return how an answer begins that calls this one of the tools; "": any of them."""
    name = name or (tools[0].name if len(tools) == 1 else "")
    begun = f'{BEGIN}\n{{"name": "'
    if not name:
        return begun
    required = any(tool.parameters.get("required") for tool in tools if tool.name == name)
    return begun + name + '", "arguments": {' + ('"' if required else "")


class ToolCallStream:
    """Parts the text of one answer, as it comes, into what is for the ear and calls of tools.

    `over` once text follows a call: the model goes on without knowing what the tool returns.
    """

    def __init__(self, names: Sequence[str]) -> None:
        """`names`: of the tools that there are."""
        self.over = False
        self.calls: list[ToolCall] = []
        self._names = names
        self._held = ""  # may be the beginning of a mark, or lies inside a call
        self._inside = False
        self._begun = False  # something that is no mark and no space was let through

    def push(self, text: str) -> str:
        """Take the next piece and return what of it is to be said. Raises BadCall."""
        if self.over:
            return ""
        said = ""
        self._held += text
        if self._maybe_bare:
            self._take_bare()
        while not self.over and not self._maybe_bare:
            before, found, after = self._held.partition(END if self._inside else BEGIN)
            if not found:
                break
            if self._inside:
                self.calls.append(self._read(before))
            else:
                said += self._outside(before)
            self._held, self._inside = ("", False) if self.over else (after, not self._inside)
        if self._inside or self._maybe_bare:
            return said
        free = len(self._held) - beginning(BEGIN, self._held)
        said += self._outside(self._held[:free])
        self._held = self._held[free:]
        return said

    @property
    def calling(self) -> bool:
        """Whether a call has begun: nothing more is to be said."""
        return self._inside or bool(self.calls)

    def finish(self, *, cut_short: bool) -> str:
        """The answer has ended; return what of it was held back and is to be said after all.

        `cut_short`: by its limit, maybe inside a call, which then is none. Otherwise a call counts without
        its last mark too, and raises BadCall if it cannot be read.
        """
        bare, (held, self._held) = self._maybe_bare, (self._held, "")
        if not self._inside:
            return "" if bare and cut_short else self._outside(held)
        self._inside = False
        if not cut_short:
            self.calls.append(self._read(held))
        return ""

    @property
    def _maybe_bare(self) -> bool:
        begun = self._held.lstrip()
        return (
            bool(self._names and begun)
            and not (self._inside or self._begun or self.calls or BEGIN in begun)
            and any(begun.startswith(mark) or mark.startswith(begun) for mark in BARE)
        )

    def _outside(self, text: str) -> str:
        if not self.calls:
            self._begun = self._begun or bool(text.strip())
            return text
        self.over = self.over or bool(text.strip())
        return ""

    def _take_bare(self) -> None:
        """Take a call without marks out of what is held, once it is whole. It must name a tool."""
        text = self._held.lstrip().removeprefix(FENCE).removeprefix("```").lstrip()
        try:
            call, end = json.JSONDecoder().raw_decode(text)
        except (ValueError, RecursionError):
            return
        if isinstance(call, dict) and call.get("name") in self._names:
            self.calls.append(self._read(text[:end]))
            self._held = text[end:].replace("```", "")

    def _read(self, text: str) -> ToolCall:
        try:
            call = json.loads(text)
            name = call["name"]
            arguments = call.get("arguments", call.get("parameters", {}))
            if isinstance(arguments, str):  # encoded twice, as in OpenAI's own API
                arguments = json.loads(arguments)
        except (ValueError, RecursionError, LookupError, TypeError, AttributeError) as error:
            raise BadCall(f"the model's call of a tool is malformed: {_quoted(text)}") from error
        if name not in self._names:
            known = ", ".join(self._names) or "none"
            raise BadCall(
                f"the model called {_quoted(str(name))!r}, which is no tool here: known are {known}"
            )
        if not isinstance(arguments, dict):
            raise BadCall(f"the model called {name} with what is no object of arguments: {_quoted(text)}")
        return ToolCall(name, json.dumps(arguments, ensure_ascii=False))


def _quoted(text: str) -> str:
    said = " ".join(text.split())
    return said if len(said) <= LONGEST_QUOTE else said[:LONGEST_QUOTE] + "…"
