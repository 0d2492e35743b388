"""Frames that the peer has not acknowledged yet, kept so that a new connection can go on where one broke."""

from __future__ import annotations

from collections import deque

from transport.errors import ResumeImpossibleError

# 20 s of PCM, minutes of Opus. In use the window of `transport.link` is under way, some kB.
REPLAY_BYTES = 1024 * 1024


class ReplayBuffer:
    """The newest frames, at most `max_bytes` of them; the last one is kept whatever its size."""

    def __init__(self, max_bytes: int = REPLAY_BYTES) -> None:
        self.max_bytes = max_bytes
        self._frames: deque[tuple[int, bytes]] = deque()  # sequence numbers without a gap
        self._bytes = 0
        self._next = 1  # the number that follows the last one added

    def add(self, sequence: int, data: bytes) -> None:
        """Keep a frame that is on its way; the oldest are lost where all would pass the bound."""
        self._frames.append((sequence, data))
        self._bytes += len(data)
        self._next = sequence + 1
        while self._bytes > self.max_bytes and len(self._frames) > 1:
            self._drop()

    def acknowledged(self, received: int) -> None:
        """Let go of the frames up to number `received`."""
        while self._frames and self._frames[0][0] <= received:
            self._drop()

    def after(self, received: int) -> tuple[tuple[int, bytes], ...]:
        """Return numbers and frames from `received` + 1 on; raises `ResumeImpossibleError` if any is lost."""
        oldest = self._frames[0][0] if self._frames else self._next
        if received + 1 < oldest:
            raise ResumeImpossibleError(
                f"the peer has frames up to {received}, but those before {oldest} are lost: they were"
                f" acknowledged before, or what waited passed {self.max_bytes} bytes; begin a new session"
            )
        return tuple(frame for frame in self._frames if frame[0] > received)

    def _drop(self) -> None:
        self._bytes -= len(self._frames.popleft()[1])
