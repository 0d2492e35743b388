"""A turn cut into the stages that its time went into: for metrics, traces and the picture."""

from __future__ import annotations

from dataclasses import dataclass

from assistant.turn_report import TurnReport


@dataclass(frozen=True, slots=True)
class Stage:
    """One stage, in ms after the user's last voiced sample."""

    name: str
    begin_ms: float
    end_ms: float

    @property
    def length_ms(self) -> float:
        """How long it took."""
        return self.end_ms - self.begin_ms


# name, from which mark (the first of these that there is; None: 0), to which
_STAGES: tuple[tuple[str, tuple[str | None, ...], str], ...] = (
    ("notice", (None,), "noticed_ms"),  # the pause
    ("transcribe", ("noticed_ms",), "transcript_ms"),
    ("judge", ("noticed_ms",), "scored_ms"),  # whether the turn sounds over; beside the one before
    ("think", ("transcript_ms", None), "first_token_ms"),
    ("phrase", ("first_token_ms",), "first_phrase_ms"),
    ("voice", ("first_phrase_ms",), "first_audio_ms"),
    ("wait", ("first_audio_ms", "first_phrase_ms", "first_token_ms"), "sent_ms"),  # until the turn is over
)
NAMES = (*(name for name, _, _ in _STAGES), "answer")


def stages(turn: TurnReport) -> tuple[Stage, ...]:
    """The stages that a turn went through, in order; `answer` is what was heard."""
    marks = dict(turn.marks or {})
    found = []
    for name, begins, end in _STAGES:
        begin_ms = next(
            (marks.get(at, 0.0) if at else 0.0 for at in begins if at is None or at in marks), None
        )
        if begin_ms is not None and end in marks:
            found.append(Stage(name, begin_ms, max(begin_ms, marks[end])))
    if "sent_ms" in marks:
        found.append(Stage("answer", marks["sent_ms"], max(marks["sent_ms"], turn.settled_ms)))
    return tuple(found)
