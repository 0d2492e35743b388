"""OpenTelemetry: one trace per turn, a span per stage; no spoken words leave by it.

Where to is OpenTelemetry's own affair: `--otlp`, or the environment variables OTEL_EXPORTER_OTLP_*, and
OTEL_SERVICE_NAME, OTEL_RESOURCE_ATTRIBUTES, OTEL_TRACES_SAMPLER and the like.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING

from assistant.errors import ConfigError
from assistant.stages import stages
from assistant.turn_report import Report, TurnReport

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider

ENDPOINT_VARIABLES = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
SERVICE_NAME = "liushui"


def is_asked_for(endpoint: str | None) -> bool:
    """Whether traces are to be sent: by the option or by OpenTelemetry's environment."""
    return bool(endpoint) or any(os.environ.get(name) for name in ENDPOINT_VARIABLES)


def exporting(endpoint: str | None) -> TracerProvider:
    """What sends spans to `endpoint`, a collector's address up to its port (None: the environment's).

    They leave in a thread of its own. Raises ConfigError where the extra is not installed.
    """
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import SERVICE_NAME as NAME
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ModuleNotFoundError as error:
        raise ConfigError(f"traces need {error.name}: pip install 'liushui[otel]'") from error
    named = {} if os.environ.get("OTEL_SERVICE_NAME") else {NAME: SERVICE_NAME}
    provider = TracerProvider(resource=Resource.create(named))
    address = endpoint and f"{endpoint.rstrip('/')}/v1/traces"
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=address)))
    return provider


class TraceSink:
    """Makes spans of turns that are over."""

    def __init__(self, provider: TracerProvider) -> None:
        self._provider = provider
        self._tracer = provider.get_tracer("liushui")

    def take(self, report: Report) -> None:
        """Send a turn; a session has no span of its own, for it may last for hours."""
        if isinstance(report, TurnReport) and report.status != "withdrawn":
            self._send(report)

    def close(self) -> None:
        """Send what is left."""
        self._provider.shutdown()

    def _send(self, turn: TurnReport) -> None:
        from opentelemetry.trace import Status, StatusCode, set_span_in_context

        def at_ns(ms: float) -> int:
            return round((turn.at_s + ms / 1000) * 1e9)

        root = self._tracer.start_span(
            "turn", start_time=at_ns(-turn.voiced_s * 1000), attributes=_attributes(turn)
        )
        inside = set_span_in_context(root)
        for stage in stages(turn):
            span = self._tracer.start_span(stage.name, inside, start_time=at_ns(stage.begin_ms))
            span.end(at_ns(stage.end_ms))
        if turn.status == "failed":
            root.set_status(Status(StatusCode.ERROR))
        root.end(at_ns(turn.settled_ms))


def _attributes(turn: TurnReport) -> Mapping[str, str | int | float | bool]:
    setting = turn.setting
    known: dict[str, str | int | float | bool | None] = {
        "liushui.v2v_ms": turn.v2v_ms,
        "liushui.session": turn.session_id,
        "liushui.turn": turn.number,
        "liushui.response": turn.response,
        "liushui.status": turn.status,
        "liushui.domain": setting.domain,
        "liushui.model": setting.model,
        "liushui.recognizer": setting.recognizer,
        "liushui.voice": setting.voice,
        "liushui.modality": turn.modality,
        "liushui.pace": turn.pace,
        "liushui.audio_s": turn.audio_s,
        "liushui.heard_s": turn.heard_s,
        "liushui.underruns": turn.underruns,
        "liushui.false_alarms": turn.resumed,
        "liushui.passages": len(turn.passages),
        "liushui.safety": turn.safety,
        "gen_ai.usage.output_tokens": turn.tokens,
    }
    return {name: value for name, value in known.items() if value is not None}
