"""What waits for a client that reads slower than we send: in order, counted in bytes, and with its age."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable


class Outbox:
    """Text messages that were not handed to the socket yet, oldest first. It has no clock."""

    def __init__(self) -> None:
        self._waiting: deque[tuple[str, int, float]] = deque()  # with its size and since when it waits
        self.size_bytes = 0  # as UTF-8

    def __len__(self) -> int:
        return len(self._waiting)

    def put(self, messages: Iterable[str], now_s: float) -> None:
        """Append messages."""
        for message in messages:
            size = len(message) if message.isascii() else len(message.encode())
            self._waiting.append((message, size, now_s))
            self.size_bytes += size

    @property
    def oldest(self) -> tuple[str, float]:
        """The message to send next, and since when it waits; raises `IndexError` when there is none."""
        message, _, since_s = self._waiting[0]
        return message, since_s

    def sent(self) -> None:
        """Forget the oldest: it was sent."""
        _, size, _ = self._waiting.popleft()
        self.size_bytes -= size

    def clear(self) -> None:
        """Forget everything: nobody will read it."""
        self._waiting.clear()
        self.size_bytes = 0
