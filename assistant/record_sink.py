"""Writes reports into the record, with what names a person taken out."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import replace

from assistant.background import Background
from assistant.record_store import DAY_S, RecordStore
from assistant.redaction import Redactor
from assistant.turn_report import Feedback, Rating, Report, SessionBegan, SessionEnded, TurnReport

log = logging.getLogger(__name__)

REDACTORS = 64  # of open sessions; more than a service has


def recorder(
    store: RecordStore, days: int, *, words: bool = True, wall: Callable[[], float] = time.time
) -> Background:
    """Keep conversations in `store`, which is the recorder's own from here on.

    `words=False`: only how answers were rated. What is older than `days` is deleted, now and daily.
    """
    sink = RecordSink(store, days, words=words, wall=wall)
    return Background("the record", sink, daily=sink.prune, wall=wall)


class RecordSink:
    """Keeps each report as it comes. May raise sqlite3.Error."""

    def __init__(self, store: RecordStore, days: int, *, words: bool, wall: Callable[[], float]) -> None:
        self._store = store
        self._days = days
        self._words = words
        self._wall = wall
        self._redactors: dict[str, Redactor] = {}  # by session

    def take(self, report: Report) -> None:
        """Keep a report, if it is of a kind that is kept."""
        if self._words or isinstance(report, Feedback):
            self._write(report)

    def close(self) -> None:
        """Close the file."""
        self._store.close()

    def prune(self) -> None:
        """Delete what may be kept no longer."""
        deleted = self._store.delete_before(self._wall() - self._days * DAY_S)
        if deleted:
            log.info("deleted %d recorded sessions older than %d days", deleted, self._days)

    def _write(self, report: Report) -> None:
        with self._store.writing():
            match report:
                case SessionBegan():
                    self._store.begin(report)
                case TurnReport() if report.status != "withdrawn":
                    self._store.keep(self._redacted(report))
                case Feedback():
                    self._store.rate(self._redacted_feedback(report))
                case SessionEnded():
                    self._store.end(report)
                    self._redactors.pop(report.session_id, None)

    def _redacted(self, turn: TurnReport) -> TurnReport:
        redact = self._redactor(turn.session_id)
        if turn.context:
            redact(turn.context)
        user_text = redact(turn.user_text)  # first: a name that the user gives is in the answer too
        reason = None if turn.reason is None else redact(turn.reason)
        return replace(
            turn, user_text=user_text, said=redact(turn.said), heard=redact(turn.heard), reason=reason
        )

    def _redacted_feedback(self, feedback: Feedback) -> Feedback:
        comment = feedback.rating.comment
        if comment is not None:
            comment = self._redactor(feedback.turn.session_id)(comment) if self._words else None
        rating = Rating(feedback.rating.fluent, feedback.rating.right, comment)
        return replace(feedback, rating=rating)

    def _redactor(self, session_id: str) -> Redactor:
        if session_id not in self._redactors:
            self._redactors[session_id] = Redactor()
            if len(self._redactors) > REDACTORS:  # of sessions whose end was lost
                del self._redactors[next(iter(self._redactors))]
        return self._redactors[session_id]
