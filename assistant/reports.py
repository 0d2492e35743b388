"""The reports of a service: what is told once, and who is told. A sink that fails ends no conversation."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace

from assistant.turn_report import Report, Setting, Sink

log = logging.getLogger(__name__)


class Reports:
    """Tells every sink. `record_days`: conversations are recorded so long; None: they are not."""

    def __init__(
        self,
        setting: Setting,
        sinks: Sequence[Sink] = (),
        *,
        record_days: int | None = None,
        feedback: bool = False,
    ) -> None:
        """`feedback`: ratings are kept."""
        self.setting = setting
        self.record_days = record_days
        self.feedback = feedback
        self._sinks = tuple(sinks)
        self._failed: set[str] = set()  # told of already

    def of(self, domain: str) -> Reports:
        """The reports of conversations in that domain, told to the same sinks."""
        reports = Reports(
            replace(self.setting, domain=domain),
            self._sinks,
            record_days=self.record_days,
            feedback=self.feedback,
        )
        reports._failed = self._failed
        return reports

    def __bool__(self) -> bool:
        """Whether anybody wants to know."""
        return bool(self._sinks)

    def tell(self, report: Report) -> None:
        """Tell all sinks."""
        for sink in self._sinks:
            try:
                sink.take(report)
            except Exception as error:  # whatever it is, the conversation is not about that
                self._tell_failure(type(sink).__name__, error)

    def close(self) -> None:
        """No more will come."""
        for sink in self._sinks:
            try:
                sink.close()
            except Exception as error:  # the others have something to finish too
                self._tell_failure(type(sink).__name__, error)

    def _tell_failure(self, name: str, error: Exception) -> None:
        if name not in self._failed:  # once: a full disk fails with every turn
            self._failed.add(name)
            log.error(
                "%s failed; conversations go on, its further failures are not told", name, exc_info=error
            )


NOBODY = Reports(Setting("", ""))
