"""Counts turns for Prometheus. No label comes from a client: their number is fixed at the start."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.core import CounterMetricFamily
from prometheus_client.registry import Collector

from assistant.stages import NAMES, stages
from assistant.turn_report import Report, SessionBegan, SessionEnded, TurnReport

# Around the half second at which an answer comes as from a person, finer than what a change moves it by.
V2V_S = (0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 1.0, 1.25, 1.5, 2.0, 3.0, 5.0)
# A stage takes from a few ms (the voice's first phrase) to seconds (an answer that is heard).
STAGE_S = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.5, 0.75, 1.0, 2.0, 5.0, 10.0, 30.0)
TOKENS_PER_S = (5, 10, 20, 30, 40, 50, 60, 80, 100, 150, 200, 400)


class MetricsSink:
    """The metrics of one service; `render` is what Prometheus scrapes."""

    def __init__(self, busy_s: Callable[[], Mapping[str, float]]) -> None:
        """`busy_s`: how long each audio engine has computed so far, by its name."""
        disable_created_metrics()  # type: ignore[no-untyped-call]  # twice the series, and nobody asks
        self._registry = CollectorRegistry()
        self._thinking_s = 0.0
        where = self._registry
        ProcessCollector(registry=where)
        where.register(_BusyTimes(lambda: {**busy_s(), "language model": self._thinking_s}))
        self._sessions = Gauge("liushui_sessions", "Conversations that are open.", registry=where)
        self._turns = Counter(
            "liushui_turns",
            "Turns by how they ended; withdrawn: the user went on speaking.",
            ["domain", "status"],
            registry=where,
        )
        self._v2v = Histogram(
            "liushui_voice_to_voice_seconds",
            "From the user's last voiced sample to the answer's first one given to the wire.",
            registry=where,
            buckets=V2V_S,
        )
        self._stage = Histogram(
            "liushui_stage_seconds",
            "What the stages of a turn took.",
            ["stage"],
            registry=where,
            buckets=STAGE_S,
        )
        self._barge_ins = Counter("liushui_barge_ins", "Answers that the user broke into.", registry=where)
        self._false_alarms = Counter(
            "liushui_false_alarms",
            "Sounds that silenced an answer for a moment and were no interruption.",
            registry=where,
        )
        self._underruns = Counter(
            "liushui_underruns", "Times that an answer's sound was not made in time.", registry=where
        )
        self._tokens = Counter("liushui_tokens", "Tokens that the language model made.", registry=where)
        self._speed = Histogram(
            "liushui_tokens_per_second",
            "How fast the language model was, of each answer.",
            registry=where,
            buckets=TOKENS_PER_S,
        )
        for name in NAMES:
            self._stage.labels(name)  # a stage that has not happened yet is 0, not missing

    def take(self, report: Report) -> None:
        """Count a report."""
        match report:
            case SessionBegan():
                self._sessions.inc()
            case SessionEnded():
                self._sessions.dec()
            case TurnReport():
                self._count(report)

    def close(self) -> None:
        """There is nothing to finish."""

    def render(self) -> bytes:
        """All metrics, in Prometheus's text form."""
        return generate_latest(self._registry)

    def _count(self, turn: TurnReport) -> None:
        self._turns.labels(turn.setting.domain, turn.status).inc()
        self._thinking_s += turn.thinking_s
        self._tokens.inc(turn.tokens)
        if turn.status == "withdrawn":
            return
        if turn.v2v_ms is not None:
            self._v2v.observe(turn.v2v_ms / 1000)
        for stage in stages(turn):
            self._stage.labels(stage.name).observe(stage.length_ms / 1000)
        if turn.tokens_per_s is not None:
            self._speed.observe(turn.tokens_per_s)
        self._barge_ins.inc(turn.status == "interrupted")
        self._false_alarms.inc(turn.resumed)
        self._underruns.inc(turn.underruns)


class _BusyTimes(Collector):
    """How long engines have computed, asked for when Prometheus asks."""

    def __init__(self, busy_s: Callable[[], Mapping[str, float]]) -> None:
        self._busy_s = busy_s

    def collect(self) -> Iterable[CounterMetricFamily]:
        """The one family."""
        family = CounterMetricFamily(
            "liushui_engine_busy_seconds",
            "Time that an engine has computed; its rate is how busy it is.",
            labels=["engine"],
        )
        for engine, seconds in self._busy_s().items():
            family.add_metric([engine], seconds)
        yield family
