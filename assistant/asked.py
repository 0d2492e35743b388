"""What a client's request means to the model: its tools, its chat, how it is sampled, and what it took."""

from __future__ import annotations

from dataclasses import dataclass, replace

from assistant.dialogue import Aside
from llm.engine import Message, PromptTokens, Sampling, Tool
from llm.tool_calls import ToolCall
from transport.calls import FunctionCall, FunctionCallOutput
from transport.conversation import ConversationItem
from transport.errors import LocalProtocolError
from transport.events import ItemReference, ResponseRequested
from transport.open_response import Usage
from transport.settings import SessionSettings

CALLING_TOKENS = 512  # of an answer that may call: arguments are longer than what is said in a breath
# Small models, shown a result, repeat the call; of four wordings, this made Qwen2.5 0.5B answer each time.
TELL = "Tell the user what this means, in one or two short sentences."
SILENT = "The user has been silent for a while. Ask in one short sentence whether they are still there."
NOTHING = "(nothing)"  # what a function returned that returned nothing: no message is without text


@dataclass(frozen=True, slots=True)
class Asked:
    """An answer that is wanted. `aside`: in a chat of its own; None: in the conversation's."""

    sampling: Sampling
    tools: tuple[Tool, ...]
    note: str | None = None
    aside: Aside | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the tools that may be called."""
        return tuple(tool.name for tool in self.tools)


def tools_of(settings: SessionSettings) -> tuple[Tool, ...]:
    """Return what the model is told of: nothing of tools that must not be called."""
    if settings.tool_choice.mode == "none":
        return ()
    return tuple(Tool(tool.name, tool.description, tool.parameters) for tool in settings.tools)


def asked(request: ResponseRequested, session: SessionSettings) -> Asked:
    """Return what a request, or a turn of the user's, asks for."""
    settings = request.over(session)
    tools = tools_of(settings)
    sampling = _sampling(settings, tools)
    if request.in_conversation and request.input is None and tools == tools_of(session):
        return Asked(sampling, tools, request.instructions)
    messages = None if request.input is None else tuple(map(message_of, request.input))
    aside = Aside(settings.instructions, tools, messages, is_kept=request.in_conversation)
    return Asked(sampling, tools, aside=aside)


def message_of(item: ConversationItem | ItemReference) -> Message:
    """Return an item as the model reads it."""
    match item:
        case ItemReference():  # the wire puts the items in their place
            raise LocalProtocolError(f"{item.id} is not looked up: take requests from `receive`")
        case FunctionCall():
            return Message("assistant", ToolCall(item.name, item.arguments).text)
        case FunctionCallOutput():
            return Message("tool", item.output or NOTHING)
    return Message(item.role, item.words)


def usage(prompt: PromptTokens | None, said: int) -> Usage | None:
    """Return what an answer of `said` tokens took, as the client is told; None: the engine cannot tell."""
    return None if prompt is None else Usage(prompt.total, said, prompt.cached)


def _sampling(settings: SessionSettings, tools: tuple[Tool, ...]) -> Sampling:
    usual = Sampling(max_tokens=CALLING_TOKENS) if tools else Sampling()
    limit = settings.max_output_tokens or usual.max_tokens
    call = {"required": "", "function": settings.tool_choice.name}.get(settings.tool_choice.mode)
    return replace(usual, max_tokens=limit, call=call if tools else None)
