"""Which of the service's voices a conversation has: the one its client chose, else the service's own."""

from __future__ import annotations

import asyncio
import logging

from assistant.loaded import Engines
from assistant.reply import Voice
from transport.protocol import RealtimeProtocol
from transport.settings import SessionSettings

log = logging.getLogger(__name__)


class SessionVoice:
    """The voices of one conversation. One that was chosen and fails gives way to the service's own."""

    def __init__(self, wire: RealtimeProtocol, engines: Engines) -> None:
        self.own: Voice | None = engines.voice()  # None: this conversation is read, not heard
        self._wire = wire
        self._engines = engines
        self._chosen: dict[str, Voice] = {}
        self._lost: set[str] = set()  # failed in this conversation
        self._loading: set[asyncio.Task[None]] = set()

    def configure(self, settings: SessionSettings) -> None:
        """Take over the client's choice: the voice is loaded before the first answer needs it."""
        if settings.voice not in self._chosen and self.is_further(settings.voice):
            self.of(settings.voice)
            task = asyncio.get_running_loop().create_task(self._load(settings.voice))
            self._loading.add(task)
            task.add_done_callback(self._loading.discard)

    def of(self, name: str) -> Voice | None:
        """The voice for an answer that is to be spoken by `name`; None: there is none at all any more."""
        if self.own is None or not self.is_further(name):
            return self.own
        if name not in self._chosen and (voice := self._engines.voice(name)) is not None:
            self._chosen[name] = voice
        return self._chosen[name]

    def is_further(self, name: str) -> bool:
        """Whether that is another voice than the service's own, and did not fail."""
        return name in self._engines.further_voices and name not in self._lost

    def lose(self, name: str, error: Exception) -> None:
        """The voice that was to speak by `name` failed."""
        log.error("the voice %s failed", name, exc_info=error)
        if self.is_further(name):
            self._lost.add(name)
            reason = f"the service's own voice speaks instead of {name}: {error}"
            self._wire.notice("liushui.mode", mode="audio", reason=reason)
        elif name not in self._lost:
            self.own = None
            self._wire.mode_changed("text", f"the voice failed ({error})")

    def close(self) -> None:
        """The session is over."""
        for task in tuple(self._loading):
            task.cancel()

    async def _load(self, name: str) -> None:
        further = self._engines.further_voices[name]
        try:
            await further.worker.run(further.loaded)
        except Exception as error:  # whatever it is, another voice is better than none
            self.lose(name, error)
