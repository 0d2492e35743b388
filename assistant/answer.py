"""The assistant's turn: from the user's pause to the last word heard."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine

from assistant.metrics import Stopwatch
from assistant.playback import Playback
from assistant.reply import Reply
from llm.tool_calls import ToolCallStream
from transport.events import ResponseRequested
from transport.settings import Modality


class Answer:
    """State of one answer. It owns its tasks and its playback: a stale task cannot reach another answer."""

    def __init__(self, playback: Playback, stopwatch: Stopwatch, request: ResponseRequested | None) -> None:
        self.playback = playback
        self.stopwatch = stopwatch
        self.request = request  # None: transcribe the turn, but do not answer it unless asked
        self.modality: Modality = "text"  # set when the generation begins
        self.user_text: str | None = None  # what is answered; None before the transcript, or when typed
        self.voiced_s = 0.0  # how long the user's voice took for that; 0: unknown
        self.minded = False  # the pace follows what the user said
        self.reply: Reply | None = None  # what makes it, once that began
        self.user_item: str | None = None  # its id on the wire, once the turn is confirmed
        self.confirmed = False  # the turn is over: the answer may leave
        self.response: str | None = None  # the answer's id on the wire, once it began
        self.item: str | None = None  # and that of its item
        self.timed = False  # the wire knows its timings
        self.advised = 0  # how much the wire knows of its passages and safety
        self.told = False  # the wire knows that the response ended
        self.started = False  # the reply task runs: the dialogue holds a pending turn
        self.calls = ToolCallStream(())  # of tools, as the generation meets them
        self.called: list[str] = []  # the items of those that the wire knows
        self.cut_short = False  # the token limit came before the end
        self.looked_at = 0  # so much of its text was looked through for what can be shown
        self.shown: set[object] = set()  # what of that the wire knows
        self.pace = 1.0  # at which it is spoken
        self.voice: str | None = None  # by which voice, if not the service's own
        self.held = 0  # times that a sound silenced it
        self.resumed = 0  # of those, how often it went on
        self.passages: tuple[str, ...] = ()  # ids of the knowledge in its prompt
        self.safety: str | None = None  # kind of a red flag in what it answers
        self.error: BaseException | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    def spawn(self, work: Coroutine[None, None, None]) -> None:
        """Run `work` as a task of this answer."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def cancel(self) -> None:
        """Stop this answer's tasks; a running engine step ends by itself, its result is dropped."""
        tasks = tuple(self._tasks)
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    def heard(self, now_s: float) -> str:
        """The words that reached the user's ear (or, as text, eye)."""
        return self.playback.heard(self.playback.playhead_s(now_s)) if self.item else ""
