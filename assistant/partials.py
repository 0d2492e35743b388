"""Partial transcripts of the open utterance: how often, and one at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from asr.errors import Outdated
from asr.streaming import Utterance
from assistant.ear import Ear
from assistant.inbox import Deaf, Item, Overheard
from assistant.loaded import Hearing
from assistant.turns import State

# New audio between the starts of two partial transcripts. While the user speaks, at least so many times what
# one takes, for the final transcript may have to wait for it; during an answer, it says whether to stop.
PARTIAL_S = {State.SPEAKING: 0.4, State.DUCKED: 0.1}
PARTIAL_SHARE = {State.SPEAKING: 3, State.DUCKED: 1}


class Partials:
    """Reads what one session hears, and puts what it reads into the session's inbox."""

    def __init__(self, hearing: Hearing | None, put: Callable[[Item], Awaitable[None]]) -> None:
        self._hearing = hearing
        self._put = put
        self._clock = asyncio.get_running_loop().time
        self._reading: asyncio.Task[None] | None = None
        self._took_s = 0.0  # how long the last one took

    def read_when_due(self, ear: Ear, state: State) -> None:
        """Begin another reading if enough was heard since the last."""
        if state not in PARTIAL_S or ear.utterance is None or self._reading is not None:
            return
        assert self._hearing is not None  # there is an ear
        if ear.partial_due(max(PARTIAL_S[state], PARTIAL_SHARE[state] * self._took_s)):
            self._reading = asyncio.create_task(self._read(self._hearing, ear.utterance))

    def close(self) -> None:
        """The session is over."""
        if self._reading is not None:
            self._reading.cancel()

    async def _read(self, hearing: Hearing, utterance: Utterance) -> None:
        started_s = self._clock()
        try:
            partial = await hearing.words_worker.run(utterance.partial)
            self._took_s = self._clock() - started_s
            await self._put(Overheard(utterance, partial))
        except Outdated:
            pass  # the final transcript hears more
        except Exception as error:  # whatever it died of, the conversation goes on in text
            await self._put(Deaf(error))
        finally:
            self._reading = None
