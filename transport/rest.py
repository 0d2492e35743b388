"""Requests over HTTP: their bodies, errors in OpenAI's shape, and answers that end when nobody reads them."""

from __future__ import annotations

import asyncio
import json
import logging
import math
import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping
from contextlib import aclosing, asynccontextmanager

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.types import Message, Receive, Scope, Send

from transport.errors import ConnectionLostError, RefusedError, RejectedEventError
from transport.fields import Fields
from transport.limits import Limits

log = logging.getLogger(__name__)

EVENT_STREAM = "text/event-stream"
DONE = b"data: [DONE]\n\n"  # ends a stream of chat completions

Endpoint = Callable[[Request], Awaitable[Response]]


class Turnstile:
    """Lets some computations of a kind run at a time, some wait, and turns the others away.

    They share their engine with conversations, in which every millisecond is heard.
    """

    def __init__(self, limits: Limits) -> None:
        self._slots = asyncio.Semaphore(limits.max_requests)
        self._waiting = 0
        self._limits = limits
        self._took_s = 1.0  # the last one; before it, a guess

    @asynccontextmanager
    async def passage(self) -> AsyncIterator[None]:
        """Wait for one's turn, and hold it. Raises RefusedError when too many wait already."""
        if self._slots.locked() and self._waiting >= self._limits.max_waiting_requests:
            ahead = self._limits.max_waiting_requests / self._limits.max_requests
            raise RefusedError(
                429,
                f"{self._waiting} requests wait already: try again later",
                code="rate_limit_exceeded",
                retry_after_s=ahead * self._took_s,
            )
        self._waiting += 1
        try:
            await self._slots.acquire()
        finally:
            self._waiting -= 1
        started_s = time.monotonic()
        try:
            yield
        finally:
            self._slots.release()
            self._took_s = time.monotonic() - started_s


class Computed(Response):
    """An answer that is sent while it is made, and made while somebody reads it.

    `pieces` yields at least one piece. What goes wrong before the first is answered with an error; later it
    is an event in a stream of events, and breaks any other answer off.
    """

    def __init__(
        self, pieces: AsyncGenerator[bytes], turnstile: Turnstile, limits: Limits, media_type: str
    ) -> None:
        super().__init__(media_type=media_type)
        del self.headers["content-length"]
        if media_type == EVENT_STREAM:
            self.headers["cache-control"] = "no-cache"
        self._pieces = pieces
        self._turnstile = turnstile
        self._patience_s = limits.ping_timeout_s
        self._started = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, until the end or until the client has left."""
        answering = asyncio.create_task(self._answer(scope, receive, send))
        leaving = asyncio.create_task(_disconnected(receive))
        try:
            await asyncio.wait({answering, leaving}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            answering.cancel()
            leaving.cancel()
            await asyncio.wait({answering, leaving})
        if not answering.cancelled():
            answering.result()  # what broke it off breaks the connection

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            async with self._turnstile.passage(), aclosing(self._pieces) as pieces:
                async for piece in pieces:
                    await self._start(send)
                    await self._send(send, piece, more=True)
            await self._send(send, b"", more=False)
        except ConnectionLostError as lost:
            log.info("an answer was broken off: %s", lost)
        except Exception as error:  # whatever an engine died of, the client is told
            if not self._started:
                await refusal(error)(scope, receive, send)
            elif self.media_type == EVENT_STREAM:
                await self._send(send, event({"error": _fault(error)}), more=True)
                await self._send(send, b"", more=False)
            else:
                raise

    async def _start(self, send: Send) -> None:
        if not self._started:
            self._started = True
            await self._deliver(
                send, {"type": "http.response.start", "status": 200, "headers": self.raw_headers}
            )

    async def _send(self, send: Send, body: bytes, *, more: bool) -> None:
        await self._deliver(send, {"type": "http.response.body", "body": body, "more_body": more})

    async def _deliver(self, send: Send, message: Message) -> None:
        """Send; a client that does not read must not hold a slot for ever."""
        try:
            async with asyncio.timeout(self._patience_s):
                await send(message)
        except TimeoutError as error:
            raise ConnectionLostError(f"the client did not read for {self._patience_s:g} s") from error


def endpoint(respond: Endpoint) -> Endpoint:
    """Answer what `respond` refuses with an error."""

    async def answer(request: Request) -> Response:
        try:
            return await respond(request)
        except (RefusedError, RejectedEventError) as error:
            return refusal(error)
        except ClientDisconnect:
            return Response()  # nobody reads it

    return answer


def refusal(error: Exception) -> JSONResponse:
    """What an error looks like to a client."""
    status = 400 if isinstance(error, RejectedEventError) else 500
    headers = {}
    match error:
        case RefusedError():
            status = error.status
            if error.retry_after_s is not None:
                headers["Retry-After"] = str(max(1, math.ceil(error.retry_after_s)))
        case HTTPException():
            status, headers = error.status_code, dict(error.headers or {})
    return JSONResponse({"error": _fault(error)}, status, headers)


async def not_served(_: Request, error: Exception) -> JSONResponse:
    """Starlette's own refusals, of paths and methods, in the same shape."""
    return refusal(error)


def _fault(error: Exception) -> dict[str, object]:
    match error:
        case RefusedError() | RejectedEventError():
            kind = "server_error" if isinstance(error, RefusedError) and error.status >= 500 else _CLIENTS
            return {"message": str(error), "type": kind, "code": error.code, "param": error.param}
        case HTTPException():
            return {"message": error.detail, "type": _CLIENTS, "code": None, "param": None}
    log.error("a request failed", exc_info=error)
    failed = "the request failed on our side: try again"
    return {"message": failed, "type": "server_error", "code": "request_failed", "param": None}


_CLIENTS = "invalid_request_error"


def event(data: Mapping[str, object]) -> bytes:
    """One server-sent event."""
    return b"data: " + json.dumps(data, ensure_ascii=False).encode() + b"\n\n"


async def read_json(request: Request, most_bytes: int) -> Fields:
    """Read the JSON object that is a request's body. Raises RefusedError."""
    body = bytearray()
    async for chunk in limited(request, most_bytes).stream():
        body += chunk
    try:
        values = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise RefusedError(400, f"the body is not JSON: {error}", code="invalid_json") from error
    if not isinstance(values, dict):
        raise RefusedError(400, "the body is not a JSON object", code="invalid_json")
    return Fields(values)


def limited(request: Request, most_bytes: int) -> Request:
    """The same request, whose body raises RefusedError when it is longer than that."""
    too_long = RefusedError(413, f"the body is over {most_bytes} bytes", code="request_too_large")
    length = request.headers.get("content-length", "0")
    if length.isdecimal() and int(length) > most_bytes:
        raise too_long
    received = 0

    async def receive() -> Message:
        nonlocal received
        message = await request.receive()
        received += len(message.get("body", b""))
        if received > most_bytes:
            raise too_long
        return message

    return Request(request.scope, receive)


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
