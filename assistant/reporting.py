"""Who is told of a service's conversations: what the command line asks for, and the sinks that it means."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from assistant.background import Background
from assistant.errors import ConfigError
from assistant.log_sink import LogSink, write_json_lines
from assistant.metrics_sink import MetricsSink
from assistant.record_sink import recorder
from assistant.record_store import FOLDER, RecordStore
from assistant.reports import NOBODY, Reports
from assistant.trace_sink import TraceSink, exporting, is_asked_for
from assistant.turn_report import Setting, Sink

BusyTimes = Callable[[], dict[str, float]]
LOG_VARIABLE = "LIUSHUI_LOG"  # "json": as --log-json
RECORD_DAYS = 30  # long enough to look into a complaint; what is kept longer needs a reason


@dataclass(frozen=True, slots=True)
class ReportingConfig:
    """What is kept and told; nothing, unless it is asked for."""

    record: bool = False  # what is said, with what names a person taken out
    record_days: int = RECORD_DAYS
    feedback: bool = False  # ratings, also where nothing is recorded
    metrics: bool = False  # /metrics
    otlp: str | None = None  # where traces go
    log_json: bool = False
    log_content: bool = False  # and what was said

    def __post_init__(self) -> None:
        if self.record_days < 1:
            raise ConfigError(f"record-days is {self.record_days}; a record is kept for at least 1")
        if self.log_content and not self.log_json:
            raise ConfigError("--log-content goes with --log-json: there is no other log of conversations")


@dataclass(frozen=True, slots=True)
class Reporting:
    """What a service tells, and the page of its metrics."""

    reports: Reports = NOBODY
    metrics: Callable[[], bytes] | None = None


SILENT = Reporting()


@contextmanager
def reporting(
    config: ReportingConfig, setting: Setting, home: Path, busy_s: BusyTimes
) -> Iterator[Reporting]:
    """Open what the config asks for; leaving writes what is still to be written. Raises ConfigError."""
    sinks: list[Sink] = []  # each in a thread of its own: the loop has other things to do
    metrics = MetricsSink(busy_s) if config.metrics else None
    if is_asked_for(config.otlp):  # first: it may fail, and leaves nothing open
        sinks.append(Background("traces", TraceSink(exporting(config.otlp))))
    if config.record or config.feedback:
        sinks.append(recorder(RecordStore(home / FOLDER), config.record_days, words=config.record))
    if metrics is not None:
        sinks.append(Background("metrics", metrics))
    if config.log_json:
        sinks.append(Background("the log of turns", LogSink(content=config.log_content)))
    reports = Reports(
        setting,
        sinks,
        record_days=config.record_days if config.record else None,
        feedback=config.record or config.feedback,
    )
    try:
        yield Reporting(reports, metrics.render if metrics else None)
    finally:
        reports.close()


def config_from(args: Namespace, environment: dict[str, str]) -> ReportingConfig:
    """The configuration that the command line and the environment ask for."""
    wanted = environment.get(LOG_VARIABLE, "")
    if wanted not in ("", "json"):
        raise ConfigError(f"{LOG_VARIABLE} is {wanted!r}; the only form that can be named is json")
    return ReportingConfig(
        record=getattr(args, "record", False),
        record_days=getattr(args, "record_days", RECORD_DAYS),
        feedback=getattr(args, "feedback", False),
        metrics=getattr(args, "metrics", False),
        otlp=getattr(args, "otlp", None),
        log_json=getattr(args, "log_json", False) or wanted == "json",
        log_content=getattr(args, "log_content", False),
    )


def begin_logging(config: ReportingConfig) -> None:
    """Have this process log as the config asks."""
    if config.log_json:
        write_json_lines()
