"""`liushui.feedback`: what a user thought of an answer."""

from __future__ import annotations

from dataclasses import dataclass

from transport.commands import Command
from transport.errors import RejectedEventError
from transport.fields import Fields

MAX_ID_CHARS = 64  # ours have 25
MAX_COMMENT_CHARS = 1000  # a paragraph


@dataclass(frozen=True, slots=True)
class FeedbackGiven(Command):
    """Of the answer `response_id`: was it fluent, was it right? None: the user did not say."""

    response_id: str
    fluent: bool | None = None
    right: bool | None = None
    comment: str | None = None


def read_feedback(event: Fields) -> FeedbackGiven:
    """Read the event. Raises RejectedEventError, also where it says nothing."""
    event.only(("type", "event_id", "response_id", "fluent", "right", "comment"))
    given = FeedbackGiven(
        event.required("response_id", event.text("response_id", longest=MAX_ID_CHARS)),
        event.flag("fluent"),
        event.flag("right"),
        (event.text("comment", longest=MAX_COMMENT_CHARS) or "").strip() or None,
    )
    if given.fluent is None and given.right is None and given.comment is None:
        message = "fluent, right and comment are all missing: send at least one of them"
        raise RejectedEventError(message, code="missing_required_parameter", param="right")
    return given
