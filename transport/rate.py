"""A token bucket: a rate that holds over time, with a burst that may come at once. It has no clock."""

from __future__ import annotations


class TokenBucket:
    """Holds at most `burst` tokens and gains `per_s` of them a second; it starts full.

    What is taken is always given: the bucket goes into debt, and says how long the taker has to wait.
    """

    def __init__(self, per_s: float, burst: float, now_s: float) -> None:
        self._per_s = per_s
        self._burst = burst
        self._tokens = burst
        self._then_s = now_s

    def take(self, tokens: float, now_s: float) -> float:
        """Take `tokens` and return the seconds until the bucket is out of debt, 0 if it is in none."""
        gained = (now_s - self._then_s) * self._per_s
        self._tokens = min(self._burst, self._tokens + gained) - tokens
        self._then_s = now_s
        return max(0.0, -self._tokens / self._per_s)
