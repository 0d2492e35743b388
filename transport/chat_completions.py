"""`POST /v1/chat/completions`: a dialogue as text, its answer as text, at once or token by token."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from typing import Literal

from starlette.requests import Request
from starlette.responses import Response

from transport.domains import Domain, Domains
from transport.fields import Fields
from transport.limits import Limits
from transport.pictures import Picture, check_count, read_picture
from transport.protocol import random_id
from transport.rest import DONE, EVENT_STREAM, Computed, Turnstile, event, read_json
from transport.updates import MAX_TEXT_CHARS

Role = Literal["system", "user", "assistant"]
Finish = Literal["stop", "length"]

MOST_STOPS = 4  # as in OpenAI's API
_ROLES: dict[str, Role] = {
    "system": "system", "developer": "system", "user": "user", "assistant": "assistant"
}  # fmt: skip
_USED = (
    "max_completion_tokens", "max_tokens", "messages", "n", "seed", "stop", "stream", "stream_options",
    "temperature", "top_p",
)  # fmt: skip
# Accepted, so that unmodified clients connect; none of them would change what an answer says here.
_WITHOUT_EFFECT = (
    "metadata", "model", "parallel_tool_calls", "prompt_cache_key", "prompt_cache_retention",
    "reasoning_effort", "safety_identifier", "service_tier", "store", "tool_choice", "user", "verbosity",
)  # fmt: skip
_UNSUPPORTED = {
    "audio": "speech is at /v1/audio/speech",
    "frequency_penalty": "this penalty is not supported",
    "function_call": "tools are not supported",
    "functions": "tools are not supported",
    "logit_bias": "token ids of other models mean nothing here",
    "logprobs": "log probabilities are not given",
    "moderation": "nothing is moderated here",
    "prediction": "predicted outputs are not supported",
    "presence_penalty": "this penalty is not supported",
    "tools": "tools are not supported",
    "top_logprobs": "log probabilities are not given",
    "web_search_options": "there is no web search here",
}


@dataclass(frozen=True, slots=True)
class ChatMessage:
    """One message of the dialogue."""

    role: Role
    text: str
    pictures: tuple[Picture, ...] = ()  # what is written in them stands before the text


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """What is to be answered, and how; None: as the service sees fit."""

    messages: tuple[ChatMessage, ...]  # at least one
    max_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    seed: int | None = None
    stop: tuple[str, ...] = ()
    domain: Domain | None = None  # whose adviser answers; None: the model alone
    id: str = field(default_factory=lambda: random_id("chatcmpl"))  # of the answer


@dataclass(frozen=True, slots=True)
class ChatEnd:
    """How an answer ended, and its length in tokens; None: not known."""

    finish: Finish
    prompt_tokens: int | None
    completion_tokens: int
    cached_tokens: int = 0  # of the prompt's, what the KV cache held already
    notices: tuple[Mapping[str, object], ...] = ()  # what a session's client would be told of the answer

    def usage(self) -> dict[str, object] | None:
        """OpenAI's object."""
        if self.prompt_tokens is None:
            return None
        total = self.prompt_tokens + self.completion_tokens
        return {
            "prompt_tokens": self.prompt_tokens,
            "completion_tokens": self.completion_tokens,
            "total_tokens": total,
            "prompt_tokens_details": {"cached_tokens": self.cached_tokens},
        }


# Yields the answer piece by piece, and how it ended; closing it stops the computation.
Complete = Callable[[ChatRequest], AsyncGenerator[str | ChatEnd]]


class ChatCompletions:
    """The endpoint."""

    def __init__(self, complete: Complete, model: str, limits: Limits, domains: Domains) -> None:
        self._complete = complete
        self._model = model
        self._limits = limits
        self._domains = domains
        self._turnstile = Turnstile(limits)

    async def create(self, request: Request) -> Response:
        """Answer one request. Raises RefusedError for a domain that is not here."""
        name = request.query_params.get("domain")
        domain = None if name is None else self._domains.chosen(name)
        body = await read_json(request, self._limits.max_body_bytes)
        asked = replace(read_chat_request(body), domain=domain)
        answer = self._complete(asked)
        shape: dict[str, object] = {
            "id": asked.id, "created": int(time.time()), "model": self._model
        }  # fmt: skip
        if body.flag("stream"):
            with_usage = bool(body.nested("stream_options").flag("include_usage"))
            pieces = _streamed(answer, shape, with_usage=with_usage)
            return Computed(pieces, self._turnstile, self._limits, EVENT_STREAM)
        return Computed(_whole(answer, shape), self._turnstile, self._limits, "application/json")


async def _whole(answer: AsyncGenerator[str | ChatEnd], shape: dict[str, object]) -> AsyncGenerator[bytes]:
    text = ""
    async with aclosing(answer) as pieces:
        async for piece in pieces:
            if isinstance(piece, ChatEnd):
                message = {"role": "assistant", "content": text, "refusal": None}
                choice = {"index": 0, "message": message, "finish_reason": piece.finish, "logprobs": None}
                answered = {
                    "object": "chat.completion", "choices": [choice | _told(piece)], "usage": piece.usage()
                }  # fmt: skip
                yield json.dumps(shape | answered, ensure_ascii=False).encode()
            else:
                text += piece


async def _streamed(
    answer: AsyncGenerator[str | ChatEnd], shape: dict[str, object], *, with_usage: bool
) -> AsyncGenerator[bytes]:
    shape = shape | {"object": "chat.completion.chunk"} | ({"usage": None} if with_usage else {})

    def chunk(delta: dict[str, object], end: ChatEnd | None = None) -> bytes:
        finish, told = (end.finish, _told(end)) if end else (None, {})
        choice = {"index": 0, "delta": delta, "finish_reason": finish, "logprobs": None} | told
        return event(shape | {"choices": [choice]})

    role: dict[str, object] = {"role": "assistant"}  # stands in the first chunk alone
    async with aclosing(answer) as pieces:
        async for piece in pieces:
            if isinstance(piece, ChatEnd):
                yield chunk(role, piece)
                if with_usage:
                    yield event(shape | {"choices": [], "usage": piece.usage()})
                yield DONE
            elif piece:
                yield chunk(role | {"content": piece})
                role = {}


def _told(end: ChatEnd) -> dict[str, object]:
    return {"liushui": list(end.notices)} if end.notices else {}


def read_chat_request(body: Fields) -> ChatRequest:
    """Check a request. Raises `RejectedEventError`, which names the first field at fault."""
    body.only((*_USED, *_WITHOUT_EFFECT, *_UNSUPPORTED, "modalities", "response_format"))
    for name, reason in _UNSUPPORTED.items():
        body.unsupported(name, reason)
    if body.items("modalities") not in (None, ["text"]):
        raise body.rejected("modalities", 'asks for more than ["text"]', code="unsupported_parameter")
    body.nested("response_format").choice("type", ("text",))
    if body.integer("n") not in (None, 1):
        raise body.rejected("n", "is not 1: ask once for each answer", code="unsupported_parameter")
    body.flag("stream")
    body.nested("stream_options").only(("include_obfuscation", "include_usage"))
    return ChatRequest(
        messages=_read_messages(body),
        max_tokens=_read_max_tokens(body),
        temperature=_within(body, "temperature", 0, 2),
        top_p=_within(body, "top_p", 0, 1),
        seed=_read_seed(body),
        stop=_read_stop(body),
    )


def _read_messages(body: Fields) -> tuple[ChatMessage, ...]:
    given = body.required("messages", body.items("messages"))
    if not given:
        raise body.rejected("messages", "is empty: send at least one message")
    return tuple(_read_message(body, index, value) for index, value in enumerate(given))


def _read_message(body: Fields, index: int, value: object) -> ChatMessage:
    path = f"messages[{index}]"
    message = _object(body, path, value)
    role = message.required("role", message.choice("role", tuple(_ROLES)))
    message.unsupported("tool_calls", "tools are not supported")
    content = message.value("content")
    if isinstance(content, list):
        parts = (_object(body, f"{path}.content[{n}]", part) for n, part in enumerate(content))
        return _with_pictures(_ROLES[role], message, [*parts])
    return ChatMessage(_ROLES[role], _text(message, "content"))


def _with_pictures(role: Role, message: Fields, parts: list[Fields]) -> ChatMessage:
    kinds = ("text", "image_url") if role == "user" else ("text",)
    read = [(part.required("type", part.choice("type", kinds)), part) for part in parts]
    check_count(message, sum(kind == "image_url" for kind, _ in read))
    return ChatMessage(
        role,
        "".join(_text(part, "text") for kind, part in read if kind == "text"),
        tuple(
            read_picture(part.required(kind, part.object(kind)), "url")
            for kind, part in read
            if kind == "image_url"
        ),
    )


def _text(fields: Fields, name: str) -> str:
    return fields.required(name, fields.text(name, longest=MAX_TEXT_CHARS))


def _object(body: Fields, path: str, value: object) -> Fields:
    if not isinstance(value, dict):
        raise body.rejected(path, "is not an object")
    return Fields(value, path)


def _read_max_tokens(body: Fields) -> int | None:
    for name in ("max_completion_tokens", "max_tokens"):  # the old name is the second
        if (limit := body.integer(name)) is not None:
            if limit < 1:
                raise body.rejected(name, f"is {limit}: send 1 or more")
            return limit
    return None


def _read_seed(body: Fields) -> int | None:
    seed = body.integer("seed")
    if seed is not None and not -(2**63) <= seed < 2**63:
        raise body.rejected("seed", "is no integer of 64 bits")
    return seed


def _read_stop(body: Fields) -> tuple[str, ...]:
    given = body.value("stop")
    stops = given if isinstance(given, list) else [] if given is None else [given]
    if len(stops) > MOST_STOPS or not all(isinstance(stop, str) and stop for stop in stops):
        raise body.rejected("stop", f"is neither a string nor up to {MOST_STOPS} strings that are not empty")
    return tuple(map(str, stops))


def _within(body: Fields, name: str, low: float, high: float) -> float | None:
    value = body.number(name)
    if value is not None and not low <= value <= high:
        raise body.rejected(name, f"is {value:g}: send {low:g} to {high:g}")
    return value
