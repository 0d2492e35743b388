"""`idle_timeout_ms`: after so much silence behind an answer, the assistant speaks up. Pure: no clock."""

from __future__ import annotations

from transport.settings import TurnDetection


class Silence:
    """The silence of one conversation in which nobody has the turn; every answer's end begins it."""

    def __init__(self) -> None:
        self.timeout_ms = 0  # 0: it may last
        self._since_s: float | None = None  # when the last answer was heard to its end

    def configure(self, detection: TurnDetection | None) -> None:
        """Take over what the client wishes."""
        self.timeout_ms = (detection.idle_timeout_ms if detection else None) or 0

    def begin(self, now_s: float) -> None:
        """An answer was heard to its end."""
        self._since_s = now_s

    def left_s(self, now_s: float) -> float | None:
        """Seconds until it is over; None: it may last."""
        if self._since_s is None or not self.timeout_ms:
            return None
        return max(0.0, self._since_s + self.timeout_ms / 1000 - now_s)

    def is_over(self, now_s: float) -> bool:
        """Whether it has lasted too long; told once."""
        if (left_s := self.left_s(now_s)) is None or left_s > 0:
            return False
        self._since_s = None
        return True
