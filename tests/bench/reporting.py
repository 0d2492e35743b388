"""What it costs the event loop to report a turn, to each sink and to all of them together.

    python -m tests.bench.reporting

The baseline is a turn that nobody wants to know of. Writing and sending happen in threads of their own, which
go on meanwhile: what they take of the interpreter is in the first two figures.
"""

from __future__ import annotations

import json
import logging
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path

from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from assistant.answer import Answer
from assistant.background import Background
from assistant.log_sink import LOGGER, JsonFormatter, LogSink
from assistant.metrics import Stopwatch
from assistant.metrics_sink import MetricsSink
from assistant.playback import Playback
from assistant.record_sink import recorder
from assistant.record_store import RecordStore
from assistant.reports import NOBODY, Reports
from assistant.session_reports import SessionReports
from assistant.trace_sink import TraceSink
from assistant.turn_report import Sink
from tests.bench.machine import this_machine
from tests.reports import SETTING, TURN
from transport.events import ResponseRequested
from transport.protocol import RealtimeProtocol
from transport.settings import SessionSettings

TURNS, WARM_UP = 200, 20
APART_S = 0.01  # between turns: they come seconds apart, not on each other's heels
TEXT = "Take two tablets of ibuprofen, 400 mg each, with food, and call 212 555 0199 if it gets worse. " * 4


def main() -> None:
    """Print a line per sink, and one of JSON."""
    machine = this_machine()
    print(machine)
    took_ms = {}
    with tempfile.TemporaryDirectory() as folder:
        for name, make in sinks(Path(folder)).items():
            made = make()
            reports = Reports(SETTING, made, record_days=30, feedback=True) if made else NOBODY
            took_ms[name] = measure(reports)
            reports.close()
            wall, late, computed = took_ms[name]
            print(f"{name:<8} median {wall:.3f} ms, 99th percentile {late:.3f}; computing {computed:.3f}")
    print(json.dumps({"machine": asdict(machine), "turns": TURNS, "median_p99_cpu_ms": took_ms}))


def sinks(folder: Path) -> dict[str, Callable[[], list[Sink]]]:
    """What is measured."""

    def record() -> Sink:
        return recorder(RecordStore(Path(tempfile.mkdtemp(dir=folder))), 30)

    def metrics() -> Sink:
        return Background("metrics", MetricsSink(dict))

    def trace() -> Sink:
        provider = TracerProvider()
        provider.add_span_processor(BatchSpanProcessor(InMemorySpanExporter()))
        return Background("traces", TraceSink(provider))

    def log() -> Sink:
        output = logging.StreamHandler(open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115  # till the end
        output.setFormatter(JsonFormatter())
        logger = logging.getLogger(LOGGER)
        logger.handlers, logger.propagate = [output], False
        logger.setLevel(logging.INFO)
        return Background("the log", LogSink(content=True))

    every = {"record": record, "metrics": metrics, "trace": trace, "log": log}
    return {
        "nobody": list,
        **{name: lambda make=make: [make()] for name, make in every.items()},  # type: ignore[misc]
        "all": lambda: [make() for make in every.values()],
    }


def measure(reports: Reports) -> tuple[float, float, float]:
    """What a turn takes of the loop [ms]: the median, the 99th percentile, and the median of its computing.

    The last is without the time that other processes had the core.
    """
    wire = RealtimeProtocol("sess_bench", "m", SessionSettings())
    session = SessionReports(reports, wire, time.monotonic)
    session.begin()
    took, computed = [], []
    for number in range(WARM_UP + TURNS):
        answer = settled(number)
        began_s, cpu_s = time.perf_counter(), time.thread_time()
        session.settled(answer, TEXT, None)
        computed.append((time.thread_time() - cpu_s) * 1000)
        took.append((time.perf_counter() - began_s) * 1000)
        time.sleep(APART_S)
    session.end()
    took = sorted(took[WARM_UP:])
    figures = statistics.median(took), took[int(len(took) * 0.99)], statistics.median(computed[WARM_UP:])
    wall, late, cpu = (round(each, 4) for each in figures)
    return wall, late, cpu


def settled(number: int) -> Answer:
    """An answer that was heard to its end."""
    now_s = time.monotonic()
    answer = Answer(Playback(24_000), Stopwatch(now_s - 3), ResponseRequested())
    answer.user_text, answer.confirmed, answer.modality = TEXT, True, "audio"
    answer.response, answer.item = f"resp_{number}", f"item_{number}"
    answer.playback.said = TEXT
    for name, ms in (replace(TURN).marks or {}).items():
        answer.stopwatch.mark(name.removesuffix("_ms"), now_s - 3 + ms / 1000)
    return answer


if __name__ == "__main__":
    main()
