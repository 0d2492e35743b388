"""Writes reports into the record, redacted, in a thread of its own: no conversation waits for a disk."""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Callable
from dataclasses import replace

from assistant.record_store import DAY_S, RecordStore
from assistant.redaction import Redactor
from assistant.turn_report import Feedback, Rating, Report, SessionBegan, SessionEnded, TurnReport

log = logging.getLogger(__name__)

# A turn takes seconds to say and milliseconds to write: so many wait only while the disk stands still.
QUEUE_REPORTS = 1000
FAREWELL_S = 10.0  # that closing waits for what is still to be written
REDACTORS = 64  # of open sessions; more than a service has


class RecordSink:
    """Keeps conversations; with `words=False` only how answers were rated."""

    def __init__(
        self, store: RecordStore, days: int, *, words: bool = True, wall: Callable[[], float] = time.time
    ) -> None:
        """`store` is this sink's own from here on. Deletes what is older than `days`, now and daily."""
        self.lost = 0  # reports that were not kept: the queue was full, or the disk
        self._store = store
        self._days = days
        self._words = words
        self._wall = wall
        self._redactors: dict[str, Redactor] = {}  # by session
        self._queue: queue.Queue[Report | None] = queue.Queue(QUEUE_REPORTS)
        self._told = False  # that reports are lost
        self._thread = threading.Thread(target=self._write_all, name="record", daemon=True)
        self._thread.start()

    def take(self, report: Report) -> None:
        """Queue a report; it is lost, and counted, when the disk has not followed for long."""
        if not self._words and not isinstance(report, Feedback):
            return
        try:
            self._queue.put_nowait(report)
        except queue.Full:
            self._lose(f"the disk is too slow, {QUEUE_REPORTS} reports wait")

    def close(self) -> None:
        """Write what waits, and close the file."""
        try:
            self._queue.put(None, timeout=FAREWELL_S)
            self._thread.join(FAREWELL_S)
        except queue.Full:
            pass
        if self._thread.is_alive():
            log.error("the record could not be finished within %g s: its last turns are lost", FAREWELL_S)
        if self.lost:
            log.error("%d reports are missing in the record", self.lost)

    def flush(self) -> None:
        """Wait until all that was taken is written."""
        self._queue.join()

    def _write_all(self) -> None:
        due_s = 0.0
        while True:
            if self._wall() >= due_s:
                due_s = self._wall() + DAY_S
                self._attempt(self._prune)
            try:
                report = self._queue.get(timeout=max(0.0, due_s - self._wall()))
            except queue.Empty:
                continue
            try:
                if report is None:
                    break
                self._attempt(lambda report=report: self._write(report))  # type: ignore[misc]
            finally:
                self._queue.task_done()
        self._attempt(self._store.close)

    def _attempt(self, work: Callable[[], None]) -> None:
        try:
            work()
        except Exception as error:  # a full disk, a damaged file: conversations go on, and it may come back
            self._lose(f"{type(error).__name__}: {error}")

    def _prune(self) -> None:
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

    def _lose(self, why: str) -> None:
        self.lost += 1
        if not self._told:  # once: it goes wrong with every turn
            self._told = True
            log.error("a turn is missing in the record (%s); conversations go on", why)
