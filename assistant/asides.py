"""Responses out of band: written beside the conversation, which goes on meanwhile and never hears of them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import aclosing

from assistant.asked import asked, usage
from assistant.dialogue import Dialogue
from llm.engine import PromptTokens
from llm.tool_calls import ToolCallStream
from transport.events import ResponseRequested
from transport.open_response import Usage
from transport.protocol import RealtimeProtocol

log = logging.getLogger(__name__)


class Asides:
    """Those of one conversation; the wire bounds their number."""

    def __init__(
        self, wire: RealtimeProtocol, dialogue: Dialogue, flush: Callable[[], Awaitable[None]]
    ) -> None:
        self._wire = wire
        self._dialogue = dialogue
        self._flush = flush
        self._tasks: dict[str, asyncio.Task[None]] = {}  # by response id

    def begin(self, request: ResponseRequested) -> None:
        """Begin a response."""
        response_id = self._wire.response_started("text", request)
        task = asyncio.get_running_loop().create_task(self._respond(response_id, request))
        self._tasks[response_id] = task
        task.add_done_callback(lambda _: self._tasks.pop(response_id, None))

    def cancel(self, response_id: str | None) -> bool:
        """End a response now; False if it is none of these."""
        task = self._tasks.pop(response_id or "", None)
        if task is None or response_id is None:
            return False
        task.cancel()
        self._wire.response_finished("cancelled", "client_cancelled", response_id=response_id)
        return True

    async def close(self) -> None:
        """The session is over."""
        tasks = tuple(self._tasks.values())
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    async def _respond(self, response_id: str, request: ResponseRequested) -> None:
        try:
            whole, took = await self._write(response_id, request)
        except Exception as error:  # whatever an engine died of, the client is told, and the session lives
            log.exception("a response out of band failed")
            self._wire.response_finished("failed", f"the answer failed: {error}", response_id=response_id)
        else:
            if whole:
                self._wire.response_finished("completed", usage=took, response_id=response_id)
            else:
                self._wire.response_finished("incomplete", "max_output_tokens", took, response_id=response_id)
        await self._flush()

    async def _write(self, response_id: str, request: ResponseRequested) -> tuple[bool, Usage | None]:
        """Write the text and make the calls; True if the answer ended by itself, and what it took."""
        wanted = asked(request, self._wire.settings)
        assert wanted.aside is not None
        stream, tokens = ToolCallStream(wanted.names), 0
        prompt: list[PromptTokens | None] = []
        async with aclosing(self._dialogue.apart(wanted.aside, wanted.sampling, prompt.append)) as answer:
            async for token in answer:
                tokens += 1
                if text := stream.push(token.text):
                    self._wire.response_text(text, response_id)
                    await self._flush()
                if stream.over:
                    break
        cut_short = tokens >= wanted.sampling.max_tokens
        if text := stream.finish(cut_short=cut_short):
            self._wire.response_text(text, response_id)
        for call in stream.calls:
            self._wire.response_called(call.name, call.arguments, response_id)
        return not cut_short, usage(prompt[0], tokens) if prompt else None
