"""Responses out of band: written beside the conversation, which goes on meanwhile and never hears of them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from typing import Literal

from assistant.asked import asked, usage
from assistant.dialogue import Dialogue
from assistant.session_reports import SessionReports
from assistant.written_report import Written
from llm.engine import PromptTokens
from llm.tool_calls import ToolCallStream
from transport.events import ResponseRequested
from transport.items import Item
from transport.open_response import Usage
from transport.protocol import RealtimeProtocol

log = logging.getLogger(__name__)


class Asides:
    """Those of one conversation; the wire bounds their number."""

    def __init__(
        self,
        wire: RealtimeProtocol,
        dialogue: Dialogue,
        flush: Callable[[], Awaitable[None]],
        reports: SessionReports,
    ) -> None:
        self._wire = wire
        self._reports = reports
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
        written = Written(response_id, _question(request))
        try:
            whole, took = await self._write(response_id, request, written)
        except asyncio.CancelledError:
            self._reports.aside(written, "left" if response_id in self._tasks else "cancelled")
            raise
        except Exception as error:  # whatever an engine died of, the client is told, and the session lives
            log.exception("a response out of band failed")
            self._wire.response_finished("failed", f"the answer failed: {error}", response_id=response_id)
            self._reports.aside(written, "failed", str(error))
        else:
            status: Literal["completed", "incomplete"] = "completed" if whole else "incomplete"
            reason = None if whole else "max_output_tokens"
            self._wire.response_finished(status, reason, took, response_id=response_id)
            self._reports.aside(written, status)
        await self._flush()

    async def _write(
        self, response_id: str, request: ResponseRequested, written: Written
    ) -> tuple[bool, Usage | None]:
        """Write the text and make the calls; True if the answer ended by itself, and what it took."""
        wanted = asked(request, self._wire.settings)
        assert wanted.aside is not None
        stream = ToolCallStream(wanted.names)
        prompt: list[PromptTokens | None] = []
        async with aclosing(self._dialogue.apart(wanted.aside, wanted.sampling, prompt.append)) as answer:
            async for token in answer:
                written.tokens += token.chosen
                if text := stream.push(token.text):
                    written.add(text)
                    self._wire.response_text(text, response_id)
                    await self._flush()
                if stream.over:
                    break
        cut_short = written.tokens >= wanted.sampling.max_tokens
        if text := stream.finish(cut_short=cut_short):
            written.add(text)
            self._wire.response_text(text, response_id)
        for call in stream.calls:
            self._wire.response_called(call.name, call.arguments, response_id)
        written.calls = tuple(call.name for call in stream.calls)
        return not cut_short, usage(prompt[0], written.tokens) if prompt else None


def _question(request: ResponseRequested) -> str:
    words = [item.words for item in request.input or () if isinstance(item, Item)]
    return "\n".join(filter(None, (request.instructions, *words)))
