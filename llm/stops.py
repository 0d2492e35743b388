"""Ending an answer at a string, while it streams."""

from __future__ import annotations

from collections.abc import Sequence


class StopStrings:
    """Lets the text of one answer through up to the first stop string to be complete.

    Of several that are complete with the same character, the longest counts. The pieces that the text comes
    in make no difference.
    """

    def __init__(self, stop: Sequence[str]) -> None:
        """`stop`: none of them empty, as `Sampling` has it."""
        self._stop = stop
        self._held = ""  # the end of the text so far that a stop string may begin with
        self._met = False

    def push(self, text: str) -> tuple[str, bool]:
        """Take the next piece; returns what may be shown now, and whether a stop string was met.

        Once one was met nothing more is shown, and every later answer is ("", True).
        """
        if self._met:
            return "", True
        text = self._held + text
        if (start := self._start(text)) is not None:
            self._held, self._met = "", True
            return text[:start], True
        shown = len(text) - max((beginning(stop, text) for stop in self._stop), default=0)
        self._held = text[shown:]
        return text[:shown], False

    def flush(self) -> str:
        """Return what was held back: the text has ended without a stop string."""
        held, self._held = self._held, ""
        return held

    def _start(self, text: str) -> int | None:
        """Find where the stop string that is complete first starts; None: there is none."""
        found = [(start + len(stop), start) for stop in self._stop if (start := text.find(stop)) >= 0]
        return min(found)[1] if found else None


def beginning(stop: str, text: str) -> int:
    """Return how many characters of `stop`, short of all, `text` ends with at most."""
    sizes = range(min(len(stop) - 1, len(text)), 0, -1)
    return next((size for size in sizes if text.endswith(stop[:size])), 0)
