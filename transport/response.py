"""The life of one response: a transition table with one beginning and exactly one end.

`AWAITED`, then `SPEAKING` or `WRITING`, then `COMPLETED`, `CANCELLED`, `FAILED` or `INCOMPLETE`, for good.
"""

from __future__ import annotations

from enum import Enum, StrEnum
from typing import Literal

from transport.errors import LocalProtocolError

EndStatus = Literal["completed", "cancelled", "failed", "incomplete"]


class Life(StrEnum):
    """Where a response stands."""

    AWAITED = "awaited"
    SPEAKING = "speaking"  # audio with its transcript
    WRITING = "writing"  # text only
    COMPLETED = "completed"
    CANCELLED = "cancelled"
    FAILED = "failed"
    INCOMPLETE = "incomplete"


class Step(Enum):
    """What can happen to a response."""

    SPEAK = "is started with audio"
    WRITE = "is started with text only"
    TEXT = "is given text"
    AUDIO = "is given audio"
    CALL = "is given a call"
    COMPLETE = "is completed"
    CANCEL = "is cancelled"
    FAIL = "fails"
    CUT_SHORT = "is cut short"


ENDED = frozenset({Life.COMPLETED, Life.CANCELLED, Life.FAILED, Life.INCOMPLETE})
END_STEPS: dict[EndStatus, Step] = {
    "completed": Step.COMPLETE,
    "cancelled": Step.CANCEL,
    "failed": Step.FAIL,
    "incomplete": Step.CUT_SHORT,
}
_ENDS = {
    Step.COMPLETE: Life.COMPLETED,
    Step.CANCEL: Life.CANCELLED,
    Step.FAIL: Life.FAILED,
    Step.CUT_SHORT: Life.INCOMPLETE,
}
TABLE: dict[Life, dict[Step, Life]] = {
    Life.AWAITED: {Step.SPEAK: Life.SPEAKING, Step.WRITE: Life.WRITING},
    Life.SPEAKING: {
        Step.TEXT: Life.SPEAKING,
        Step.AUDIO: Life.SPEAKING,
        Step.CALL: Life.SPEAKING,
        **_ENDS,
    },
    Life.WRITING: {Step.TEXT: Life.WRITING, Step.CALL: Life.WRITING, **_ENDS},
    Life.COMPLETED: {},
    Life.CANCELLED: {},
    Life.FAILED: {},
    Life.INCOMPLETE: {},
}


def next_life(life: Life, step: Step) -> Life:
    """Return where `step` leads from `life`; raises `LocalProtocolError` where the table has no such step."""
    try:
        return TABLE[life][step]
    except KeyError:
        allowed = ", ".join(sorted(known.name for known in TABLE[life])) or "nothing"
        message = f"a response that is {life} {step.value}: from there only {allowed} can follow"
        raise LocalProtocolError(message) from None
