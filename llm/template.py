"""The chat template that the weights bring, as token ids around the messages.

Templates are Jinja programs (https://huggingface.co/docs/transformers/chat_templating). They run in a sandbox
and see a marker for each message, never what a user says.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from functools import lru_cache

from jinja2 import TemplateError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from llm.engine import Role, Tool
from llm.errors import WeightsUnsupported
from llm.tokenizer import TextTokenizer

MARKER = re.compile("\ue000(\\d+)\ue001")  # private-use characters: no template writes them itself


class ChatTemplate:
    """Renders the frame around messages. Thread-safe."""

    def __init__(self, source: str, tokenizer: TextTokenizer) -> None:
        environment = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True)
        environment.globals["raise_exception"] = _refuse
        # As in transformers: Jinja's own escapes what HTML would not survive, and sorts.
        environment.filters["tojson"] = lambda value, **_: json.dumps(value, ensure_ascii=False)
        # A reader of thoughts is no listener: where a template can, it asks for an answer without them.
        environment.globals["enable_thinking"] = False
        try:
            self._template = environment.from_string(source)
        except TemplateError as error:
            raise WeightsUnsupported(f"the chat template does not compile: {error}") from error
        self._encode = lru_cache(maxsize=64)(lambda text: tuple(tokenizer.encode_template(text)))

    def frame(self, roles: Sequence[Role], tools: Sequence[Tool] = ()) -> list[tuple[int, ...]]:
        """Return the ids before, between and behind messages of these roles; the last ones open an answer.

        There is one more of them than roles. Raises WeightsUnsupported if the template leaves a message or a
        tool out.
        """
        described = {"tools": [_described(tool) for tool in tools]} if tools else {}
        try:
            rendered = self._template.render(
                messages=_messages(roles), add_generation_prompt=True, **described
            )
        except TemplateError as error:
            raise WeightsUnsupported(f"the chat template refuses the dialogue: {error}") from error
        if not all(json.dumps(tool.name) in rendered for tool in tools):
            raise WeightsUnsupported(
                "the chat template knows no tools: take a model that was trained to call some"
            )
        fragments = MARKER.split(rendered)  # text, "0", text, "1", ..., text
        if fragments[1::2] != [str(i) for i in range(len(roles))]:
            raise WeightsUnsupported("the chat template leaves out, repeats or reorders messages")
        return [self._encode(text) for text in fragments[::2]]


def with_names(source: str, tokens: Mapping[str, str]) -> str:
    """Let a template know special tokens by their names: bos_token and so on."""
    return "".join(f"{{% set {name} = {json.dumps(text)} %}}" for name, text in tokens.items()) + source


def _messages(roles: Sequence[Role]) -> list[dict[str, str]]:
    """Make a message for each role; what the assistant said in several parts is one."""
    messages: list[dict[str, str]] = []
    for i, role in enumerate(roles):
        marker = f"\ue000{i}\ue001"
        if i and role == "assistant" == roles[i - 1]:
            messages[-1]["content"] += f"\n{marker}"
        else:
            messages.append({"role": role, "content": marker})
    return messages


def _described(tool: Tool) -> dict[str, object]:
    """The form of OpenAI's chat API, which the templates know."""
    function = {"name": tool.name, "description": tool.description, "parameters": dict(tool.parameters)}
    return {"type": "function", "function": function}


def _refuse(message: str) -> None:
    raise TemplateError(message)
