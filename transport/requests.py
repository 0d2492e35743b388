"""`response.create`: an answer is wanted, with what differs for it from the session."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from transport.audio_formats import AudioFormat
from transport.commands import Command
from transport.conversation import ConversationItem, read_item
from transport.errors import RejectedEventError
from transport.fields import Fields
from transport.items import Recording
from transport.settings import Modality, SessionSettings
from transport.tools import FunctionTool, ToolChoice, check_choice, read_tool_choice, read_tools
from transport.updates import (
    MAX_NAME_CHARS,
    MAX_TEXT_CHARS,
    read_format,
    read_max_output_tokens,
    read_modality,
    read_voice,
)

MAX_METADATA = 16  # pairs, and the lengths below: OpenAI's own bounds
MAX_KEY_CHARS = 64
MAX_VALUE_CHARS = 512
MAX_INPUT_ITEMS = 128  # a quarter of the items that a conversation keeps

NewId = Callable[[str], str]


@dataclass(frozen=True, slots=True)
class ItemReference:
    """An item of the conversation, by its id."""

    id: str


@dataclass(frozen=True, slots=True)
class ResponseRequested(Command):
    """Answer now. A None field leaves the session's setting as it is for this response.

    `input` is answered instead of the conversation. `in_conversation` False: out of band, the answer does not
    join the conversation. `metadata` is the client's own, and comes back with the response.
    """

    instructions: str | None = None
    modality: Modality | None = None
    max_output_tokens: int | None = None
    output_format: AudioFormat | None = None
    voice: str | None = None
    tools: tuple[FunctionTool, ...] | None = None
    tool_choice: ToolChoice | None = None
    input: tuple[ConversationItem | ItemReference, ...] | None = None
    in_conversation: bool = True
    metadata: dict[str, str] | None = None

    @property
    def is_aside(self) -> bool:
        """Whether it is written beside the conversation, which goes on meanwhile."""
        return not self.in_conversation and self.modality == "text"

    def over(self, settings: SessionSettings) -> SessionSettings:
        """Return what holds for this response."""
        asked = {
            "instructions": self.instructions,
            "modality": self.modality,
            "max_output_tokens": self.max_output_tokens,
            "output_format": self.output_format,
            "voice": self.voice,
            "tools": self.tools,
            "tool_choice": self.tool_choice,
        }
        return replace(settings, **{name: value for name, value in asked.items() if value is not None})  # type: ignore[arg-type]


def read_request(event: Fields, settings: SessionSettings, new_id: NewId) -> ResponseRequested:
    """Return the request in a `response.create`; raises `RejectedEventError`."""
    asked = event.nested("response")
    asked.only(_KNOWN)
    asked.unsupported("prompt", "stored prompts are OpenAI's; send the text as instructions")
    asked.nested("audio").only(("output",))
    output = asked.nested("audio", "output")
    output.only(("format", "voice"))
    tools, choice = read_tools(asked), read_tool_choice(asked)
    check_choice(
        asked, settings.tools if tools is None else tools, settings.tool_choice if choice is None else choice
    )
    in_conversation = asked.choice("conversation", ("auto", "none")) != "none"
    modality = read_modality(asked)
    return ResponseRequested(
        instructions=asked.text("instructions", longest=MAX_TEXT_CHARS),
        modality=modality if in_conversation else modality or settings.modality,
        max_output_tokens=read_max_output_tokens(asked, None),
        output_format=read_format(output),
        voice=read_voice(output, settings.voices),
        tools=tools,
        tool_choice=choice,
        input=_read_input(asked, settings, new_id),
        in_conversation=in_conversation,
        metadata=_read_metadata(asked),
    )


_KNOWN = (
    "audio",
    "conversation",
    "input",
    "instructions",
    "max_output_tokens",
    "metadata",
    "output_modalities",
    "parallel_tool_calls",
    "prompt",
    "reasoning",
    "tool_choice",
    "tools",
)


def _read_input(
    asked: Fields, settings: SessionSettings, new_id: NewId
) -> tuple[ConversationItem | ItemReference, ...] | None:
    items = asked.items("input")
    if items is None:
        return None
    if len(items) > MAX_INPUT_ITEMS:
        raise asked.rejected("input", f"has {len(items)} items: send at most {MAX_INPUT_ITEMS}")
    return tuple(_read_input_item(asked, index, item, settings, new_id) for index, item in enumerate(items))


def _read_input_item(
    asked: Fields, index: int, value: object, settings: SessionSettings, new_id: NewId
) -> ConversationItem | ItemReference:
    name = f"input[{index}]"
    if not isinstance(value, dict):
        raise asked.rejected(name, "is no object: send items with a type")
    item = Fields(value, asked.path(name))
    if value.get("type") == "item_reference":
        return ItemReference(item.required("id", item.text("id", longest=MAX_NAME_CHARS)))
    read, unread = read_item(item, new_id("item"), settings.input_format)
    if unread is not None:
        holds = "audio" if isinstance(unread, Recording) else "a picture"
        message = f"holds {holds}: create the item with conversation.item.create, and refer to it by its id"
        raise asked.rejected(name, message, code="unsupported_content")
    return read


def _read_metadata(asked: Fields) -> dict[str, str] | None:
    metadata = asked.object("metadata")
    if metadata is None:
        return None
    names = metadata.names()
    if len(names) > MAX_METADATA:
        raise asked.rejected("metadata", f"has {len(names)} pairs: send at most {MAX_METADATA}")
    for name in names:
        if len(name) > MAX_KEY_CHARS:
            raise asked.rejected(
                "metadata", f"has a key of {len(name)} characters: send at most {MAX_KEY_CHARS}"
            )
    return {name: _read_value(metadata, name) for name in names}


def _read_value(metadata: Fields, name: str) -> str:
    try:
        name.encode()
    except UnicodeEncodeError as error:
        raise RejectedEventError(
            "metadata has half of a surrogate pair in a key: send whole characters"
        ) from error
    return metadata.required(name, metadata.text(name, longest=MAX_VALUE_CHARS))
