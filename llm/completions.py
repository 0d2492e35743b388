"""The wire to a server of the OpenAI API: a dialogue goes out, the answer comes in as server-sent events.

vLLM, llama.cpp and Ollama speak it, too. What a server cannot do becomes one line: its address, its status,
its own words, and what to do.
"""

from __future__ import annotations

import json
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import httpx2

from llm.engine import Message, Sampling, Tool
from llm.errors import ContextOverflow, LlmError, ServerFailed
from llm.remote_tools import CallPieces, choice_on_wire, messages_on_wire, tools_on_wire

CONNECT_TIMEOUT_S = 3.0  # a server that is up accepts at once, from the other side of the world too
READ_TIMEOUT_S = (
    30.0  # some load the model at the first question; after longer silence nobody listens any more
)
LONGEST_QUOTE = 300  # characters of what a server says of its failure: a page of HTML helps nobody
DONE = "[DONE]"
TOO_LONG = (
    400,
    413,
)  # how servers refuse a dialogue that exceeds the context; the words of all say "context"
ADVICE = {
    401: "check the API key",
    403: "check the API key",
    404: "check the address, most end in /v1, and the model's name",
    429: "it is busy: ask again later",
}


class Endpoint:
    """One server. Thread-safe: its connections are kept and shared.

    The key goes into the Authorization header and nowhere else. Raises ServerFailed for what is no address.
    """

    def __init__(self, base_url: str, api_key: str | None = None) -> None:
        try:
            self._url = httpx2.URL(base_url.rstrip("/"))
        except httpx2.InvalidURL as error:
            raise ServerFailed(f"{base_url!r} is no address of a server: {error}") from error
        self.address = str(self._url.copy_with(userinfo=b""))  # for messages: no password in them
        # Compressed, an answer would wait in the buffers of what compresses it.
        headers = {"Accept-Encoding": "identity"}
        if api_key:
            headers["Authorization"] = f"Bearer {api_key}"
        timeout = httpx2.Timeout(READ_TIMEOUT_S, connect=CONNECT_TIMEOUT_S)
        self._client = httpx2.Client(headers=headers, timeout=timeout)

    def models(self) -> list[str]:
        """Ask for the names of the models it serves. Raises ServerFailed."""
        with self._telling():
            response = self._client.get(f"{self._url}/models")
            if not response.is_success:
                raise self._refusal(response)
        try:
            return [model["id"] for model in response.json()["data"]]
        except (ValueError, LookupError, TypeError) as error:
            raise self._failure(f"its list of models is none: {_quoted(response.text)}") from error

    def answer(
        self, model: str, messages: Sequence[Message], sampling: Sampling, tools: Sequence[Tool] = ()
    ) -> Generator[str]:
        """Yield the answer as it comes. Closing the iterator closes the connection: the server stops.

        Its calls of tools are written as `tool_calls` has them.

        Raises ServerFailed, and ContextOverflow before the first text.
        """
        body = request_body(model, messages, sampling, tools)
        with (
            self._telling(),
            self._client.sse(f"{self._url}/chat/completions", method="POST", json=body) as events,
        ):
            if not events.response.is_success:
                events.response.read()
                raise self._refusal(events.response)
            yield from self._texts(events)

    def _texts(self, events: httpx2.EventSource) -> Iterator[str]:
        finished, calls = False, CallPieces()
        for event in events:
            if event.data.strip() == DONE:
                finished = True
                break
            if event.data:  # an event may hold nothing but an id or a retry time
                text, over = self._understood(event.data, calls)
                finished = finished or over
                if text:
                    yield text
        if text := calls.text:
            yield text
        if not finished:  # some end without the mark, after they have given the reason
            raise self._failure("it ended before its answer did: ask again, or see its log")

    def _understood(self, data: str, calls: CallPieces) -> tuple[str, bool]:
        """Read one event: the text that it adds, and whether the answer is complete. Calls go to `calls`."""
        try:
            chunk = json.loads(data)
            if (error := chunk.get("error")) is not None:
                raise self._failure(f"it broke off its answer: {_quoted(_message(error))}; see its log")
            if not (choices := chunk.get("choices")):  # how many tokens it took, and other notes
                return "", False
            delta = choices[0].get("delta") or {}
            calls.add(delta.get("tool_calls") or [])
            return delta.get("content") or "", choices[0].get("finish_reason") is not None
        except (ValueError, LookupError, TypeError, AttributeError) as error:
            raise self._failure(f"it sent no piece of an answer: {_quoted(data)}") from error

    @contextmanager
    def _telling(self) -> Iterator[None]:
        """Say of a failed exchange what it was and what to do."""
        try:
            yield
        except (httpx2.ConnectError, httpx2.ConnectTimeout) as error:
            reason = str(error) or f"no connection within {CONNECT_TIMEOUT_S:g} s"
            raise self._failure(f"it cannot be reached ({reason}): is it running there?") from error
        except httpx2.ReadTimeout as error:
            raise self._failure(f"it said nothing for {READ_TIMEOUT_S:g} s: see its log") from error
        except httpx2.SSEError as error:
            raise self._failure(f"it does not answer piece by piece: {error}") from error
        except httpx2.HTTPError as error:
            reason = str(error) or type(error).__name__
            raise self._failure(f"the exchange broke off ({reason}): ask again, or see its log") from error

    def _refusal(self, response: httpx2.Response) -> LlmError:
        said = _quoted(_message(_parsed(response.text)))
        if response.status_code in TOO_LONG and "context" in said.lower():
            return ContextOverflow(f"{self.address}: {said}")
        advice = ADVICE.get(response.status_code, "see its log")
        return self._failure(f"it answered {response.status_code}, {said or 'without a word'}: {advice}")

    def _failure(self, what: str) -> ServerFailed:
        return ServerFailed(f"the model's server {self.address}: {what}")


def request_body(
    model: str, messages: Sequence[Message], sampling: Sampling, tools: Sequence[Tool] = ()
) -> dict[str, Any]:
    """Return the request for an answer in pieces; servers' own defaults are not greedy, so all is said."""
    body: dict[str, Any] = {
        "model": model,
        "messages": messages_on_wire(messages),
        "stream": True,
        "temperature": sampling.temperature,
        "top_p": sampling.top_p,
        "seed": sampling.seed,
        "max_tokens": sampling.max_tokens,
    }
    if tools:
        body["tools"], body["tool_choice"] = tools_on_wire(tools), choice_on_wire(sampling.call)
    if sampling.stop:
        body["stop"] = list(sampling.stop)
    if sampling.logit_bias:
        body["logit_bias"] = {str(id): bias for id, bias in sampling.logit_bias}
    # The rest is not in OpenAI's API, which refuses what it does not know.
    if sampling.min_p:
        body["min_p"] = sampling.min_p
    if sampling.repetition_penalty != 1:
        body["repetition_penalty"] = sampling.repetition_penalty  # vLLM's name
        body["repeat_penalty"] = sampling.repetition_penalty  # llama.cpp's
    return body


def _parsed(text: str) -> object:
    try:
        return json.loads(text)
    except ValueError:
        return text


def _message(error: object) -> str:
    """Find the words in what servers wrap them in: {"error": {"message": ...}} and its relatives."""
    while isinstance(error, dict):
        error = next((error[key] for key in ("error", "message", "detail") if key in error), str(error))
    return str(error)


def _quoted(text: str) -> str:
    said = " ".join(text.split())
    return said if len(said) <= LONGEST_QUOTE else said[:LONGEST_QUOTE] + "…"
