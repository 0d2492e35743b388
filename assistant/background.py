"""Takes reports in a thread of its own: no conversation waits for a disk, a network or a formatter."""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Callable

from assistant.turn_report import Report, Sink

log = logging.getLogger(__name__)

# A turn takes seconds to say and milliseconds to write: so many wait only while the disk stands still.
QUEUE_REPORTS = 1000
FAREWELL_S = 10.0  # that closing waits for what is still to be written
DAY_S = 24 * 3600


class Background:
    """A sink whose work is done elsewhere, in order. What cannot be taken is lost, counted, and told once."""

    def __init__(
        self,
        name: str,
        sink: Sink,
        *,
        daily: Callable[[], None] = lambda: None,
        wall: Callable[[], float] = time.time,
    ) -> None:
        """`sink` and `daily`, which is called at once and then every day, are used in that thread alone."""
        self.lost = 0  # reports: the queue was full, or the sink failed
        self._name = name
        self._sink = sink
        self._daily = daily
        self._wall = wall
        self._queue: queue.Queue[Report | None] = queue.Queue(QUEUE_REPORTS)
        self._told = False  # that reports are lost
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def take(self, report: Report) -> None:
        """Queue a report."""
        try:
            self._queue.put_nowait(report)
        except queue.Full:
            self._lose(f"{QUEUE_REPORTS} reports wait already")

    def close(self) -> None:
        """Let all that was taken be written, and close the sink."""
        try:
            self._queue.put(None, timeout=FAREWELL_S)
            self._thread.join(FAREWELL_S)
        except queue.Full:
            pass
        if self._thread.is_alive():
            log.error("%s could not finish within %g s: the last turns are missing", self._name, FAREWELL_S)
        if self.lost:
            log.error("%s: %d reports were lost", self._name, self.lost)

    def flush(self) -> None:
        """Wait until all that was taken is written."""
        self._queue.join()

    def _run(self) -> None:
        due_s = 0.0
        while True:
            if self._wall() >= due_s:
                due_s = self._wall() + DAY_S
                self._attempt(self._daily)
            try:
                report = self._queue.get(timeout=max(0.0, due_s - self._wall()))
            except queue.Empty:
                continue
            try:
                if report is None:
                    break
                self._attempt(self._sink.take, report)
            finally:
                self._queue.task_done()
        self._attempt(self._sink.close)

    def _attempt(self, work: Callable[..., None], *reports: Report) -> None:
        try:
            work(*reports)
        except Exception as error:  # a full disk, a damaged file: conversations go on, and it may come back
            self._lose(f"{type(error).__name__}: {error}")

    def _lose(self, why: str) -> None:
        self.lost += 1
        if not self._told:  # once: it goes wrong with every turn
            self._told = True
            log.error("%s: a report is lost (%s); conversations go on", self._name, why)
