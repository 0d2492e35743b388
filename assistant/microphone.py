"""A microphone that never closes: recordings at real-time speed, and silence between them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

import numpy as np
from numpy.typing import NDArray

Audio = NDArray[np.float32]

SAMPLE_RATE_HZ = 24_000  # the wire's
CHUNK = SAMPLE_RATE_HZ // 50  # 20 ms, what a browser's or a telephone's packets hold


class Microphone:
    """Feeds `send` one chunk every 20 ms, each when its last sample has been captured.

    The schedule is absolute: a late chunk does not delay those after it.
    """

    def __init__(
        self,
        send: Callable[[Audio], Awaitable[None]],
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._send = send
        self._clock = clock
        self._sleep = sleep
        self._waiting = np.zeros(0, np.float32)  # the rest of the recording being played
        self._next_s = clock()  # when the next chunk's first sample is captured

    def play(self, recording: Audio) -> float:
        """Play `recording` (24 kHz) from the next chunk on; return when its first sample is captured [s]."""
        self._waiting = recording
        return self._next_s

    async def run(self) -> None:
        """Feed until cancelled."""
        while True:
            chunk, self._waiting = self._waiting[:CHUNK], self._waiting[CHUNK:]
            self._next_s += CHUNK / SAMPLE_RATE_HZ
            await self._sleep(max(0.0, self._next_s - self._clock()))
            await self._send(np.pad(chunk, (0, CHUNK - len(chunk))))
