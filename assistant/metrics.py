"""Where the time of a turn went."""

from __future__ import annotations

from dataclasses import asdict, dataclass


@dataclass(frozen=True, slots=True)
class TurnTimings:
    """Moments of one turn, in ms after the last voiced sample of the user; None for what did not happen."""

    noticed_ms: float | None = None  # the pause was noticed: everything below starts, held back
    scored_ms: float | None = None  # smart-turn's verdict
    transcript_ms: float | None = None  # final transcript
    first_token_ms: float | None = None
    first_phrase_ms: float | None = None  # first chunk of text released by the pacing
    first_audio_ms: float | None = None  # its audio
    confirmed_ms: float | None = None  # the turn was judged over
    sent_ms: float | None = None  # first audio (or text) given to the wire


class Stopwatch:
    """Collects a turn's moments as they happen. `origin_s` is the time of the last voiced sample."""

    def __init__(self, origin_s: float) -> None:
        self._origin_s = origin_s
        self._marks: dict[str, float] = {}

    def mark(self, name: str, now_s: float) -> None:
        """Note the first time that `name` (a field of TurnTimings without `_ms`) happens."""
        self._marks.setdefault(f"{name}_ms", self.elapsed_ms(now_s))

    def elapsed_ms(self, now_s: float) -> float:
        """The time since the last voiced sample."""
        return round((now_s - self._origin_s) * 1000, 1)

    def timings(self) -> TurnTimings:
        """The moments so far."""
        return TurnTimings(**self._marks)

    def as_dict(self) -> dict[str, float]:
        """The moments that happened, for the wire."""
        return {name: value for name, value in asdict(self.timings()).items() if value is not None}
