"""How fast one client's messages are taken: at its own speed, then slower, then no more."""

from __future__ import annotations

from transport.errors import FloodingError
from transport.limits import Limits
from transport.rate import TokenBucket


class Intake:
    """The buckets of one connection. While `wait_s` lasts the socket is not read, which is back-pressure."""

    def __init__(self, limits: Limits, now_s: float) -> None:
        self._limits = limits
        self._messages = TokenBucket(limits.messages_per_s, limits.message_burst, now_s)
        self._bytes = TokenBucket(limits.bytes_per_s, limits.byte_burst, now_s)
        self._flooding_since_s: float | None = None

    def wait_s(self, size_bytes: int, now_s: float) -> float:
        """Count a message, and return for how long to read no other; raises `FloodingError`.

        Only many messages are ever too many: a large upload is slowed down, and that is all it takes.
        """
        flood_s = self._messages.take(1, now_s)
        if not flood_s:
            self._flooding_since_s = None
        elif self._flooding_since_s is None:
            self._flooding_since_s = now_s
        elif now_s - self._flooding_since_s > self._limits.flood_s:
            per_s = f"{self._limits.messages_per_s:g} messages a second"
            raise FloodingError(f"more than {per_s} came for {self._limits.flood_s:g} s: send longer chunks")
        return max(flood_s, self._bytes.take(size_bytes, now_s))
