"""What is counted, traced and logged of turns; none of it holds a spoken word unless that is asked for."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from assistant import reporting as wired
from assistant.errors import ConfigError
from assistant.log_sink import LOGGER, JsonFormatter, LogSink
from assistant.metrics_sink import MetricsSink
from assistant.reporting import ReportingConfig
from assistant.stages import stages
from assistant.trace_sink import TraceSink, exporting, is_asked_for
from assistant.turn_report import Feedback, Rating, SessionEnded
from tests.reports import BEGAN, SETTING, TURN, turn

SPOKEN = re.compile("fever|temperature|No, it")
RATED = Feedback(TURN, Rating(right=False, comment="No, it is not."), "client", 1e6)


def counted(*reports: object) -> dict[str, float]:
    sink = MetricsSink(lambda: {"recognizer": 1.5})
    for report in reports:
        sink.take(report)  # type: ignore[arg-type]
    shown = sink.render().decode()
    assert not SPOKEN.search(shown)
    lines = (line.rpartition(" ") for line in shown.splitlines() if not line.startswith("#"))
    return {name: float(value) for name, _, value in lines}


def test_stages_follow_each_other_from_the_last_sound_to_the_last_word_heard() -> None:
    lengths = {stage.name: (stage.begin_ms, stage.end_ms) for stage in stages(TURN)}
    assert lengths == {
        "notice": (0.0, 60.0),
        "transcribe": (60.0, 120.0),
        "judge": (60.0, 110.0),
        "think": (120.0, 180.0),
        "phrase": (180.0, 250.0),
        "voice": (250.0, 262.0),
        "wait": (262.0, 456.0),
        "answer": (456.0, 2900.0),
    }
    typed = stages(turn(typed=True, marks={"first_token_ms": 80.0, "sent_ms": 81.0}))
    assert [stage.name for stage in typed] == ["think", "wait", "answer"] and typed[0].begin_ms == 0
    assert stages(turn(marks={})) == ()


def test_turns_are_counted_by_how_they_ended_and_what_they_took() -> None:
    found = counted(
        BEGAN,
        TURN,
        turn(status="interrupted", resumed=2, underruns=1),
        turn(status="withdrawn", number=0),
        turn(typed=True, modality="text"),
    )
    assert found["liushui_sessions"] == 1
    assert found['liushui_turns_total{domain="medical",status="completed"}'] == 2
    assert found['liushui_turns_total{domain="medical",status="withdrawn"}'] == 1
    assert found["liushui_voice_to_voice_seconds_count"] == 2  # the spoken ones that were answered
    assert found['liushui_voice_to_voice_seconds_bucket{le="0.4"}'] == 0
    assert found['liushui_voice_to_voice_seconds_bucket{le="0.5"}'] == 2
    assert found['liushui_stage_seconds_sum{stage="think"}'] == pytest.approx(0.18)
    assert (found["liushui_barge_ins_total"], found["liushui_false_alarms_total"]) == (1, 2)
    assert found["liushui_underruns_total"] == 1
    assert found["liushui_tokens_total"] == 48
    assert found['liushui_tokens_per_second_bucket{le="50.0"}'] == 3
    assert found['liushui_engine_busy_seconds_total{engine="recognizer"}'] == 1.5
    assert found['liushui_engine_busy_seconds_total{engine="language model"}'] == 1.0
    assert counted(BEGAN, SessionEnded("sess_1", 1e6))["liushui_sessions"] == 0


def test_no_label_grows_with_what_clients_send() -> None:
    few = counted(BEGAN, TURN)
    many = counted(
        *(
            turn(session_id=f"s{n}", response=f"r{n}", user_text=f"w{n}", reason=f"e{n}", pace=n)
            for n in range(100)
        )
    )
    assert few.keys() == many.keys()


def spans_of(*reports: object) -> Iterator[dict[str, object]]:
    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    sink = TraceSink(provider)
    for report in reports:
        sink.take(report)  # type: ignore[arg-type]
    sink.close()
    for span in exporter.get_finished_spans():
        text = span.to_json()
        assert not SPOKEN.search(text)
        yield {"span": span, **json.loads(text)}


def test_a_turn_is_one_trace_with_a_span_for_each_stage_and_no_words() -> None:
    *parts, root = spans_of(BEGAN, TURN, turn(status="withdrawn"), RATED)
    assert root["name"] == "turn" and root["parent_id"] is None
    attributes = root["attributes"]
    assert isinstance(attributes, dict)
    assert attributes["liushui.v2v_ms"] == 456.0 and attributes["liushui.status"] == "completed"
    assert [part["name"] for part in parts] == [stage.name for stage in stages(TURN)]
    assert {part["context"]["trace_id"] for part in parts} == {root["context"]["trace_id"]}  # type: ignore[index]
    span = root["span"]
    assert span.start_time == round((TURN.at_s - 1.3) * 1e9)  # type: ignore[attr-defined]
    assert span.end_time == round((TURN.at_s + 2.9) * 1e9)  # type: ignore[attr-defined]


def test_a_turn_that_failed_is_an_error_in_the_trace() -> None:
    *_, root = spans_of(turn(status="failed", reason="the fever broke"))
    assert root["status"] == {"status_code": "ERROR"}


def test_traces_are_asked_for_by_the_option_or_by_opentelemetrys_own_variables(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"):
        monkeypatch.delenv(name, raising=False)
    assert not is_asked_for(None) and is_asked_for("http://localhost:4318")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector:4318")
    assert is_asked_for(None)
    provider = exporting("http://127.0.0.1:9")  # nobody listens there: nothing is sent yet
    assert provider.resource.attributes["service.name"] == "liushui"
    provider.shutdown()


def test_without_the_extra_traces_say_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "opentelemetry.sdk.trace", None)
    with pytest.raises(ConfigError, match=r"pip install 'liushui\[otel\]'"):
        exporting(None)


def logged(caplog: pytest.LogCaptureFixture, *, content: bool) -> list[dict[str, object]]:
    sink = LogSink(content=content)
    with caplog.at_level(logging.INFO, LOGGER):
        for report in (BEGAN, TURN, turn(status="withdrawn"), RATED, SessionEnded("sess_1", 1e6)):
            sink.take(report)
    lines = [JsonFormatter().format(record) for record in caplog.records]
    assert all("\n" not in line for line in lines)
    assert content or not SPOKEN.search("".join(lines))
    return [json.loads(line) for line in lines]


def test_a_turn_is_one_line_of_json_without_a_word_of_it(caplog: pytest.LogCaptureFixture) -> None:
    lines = logged(caplog, content=False)
    assert [line["event"] for line in lines] == ["session began", "turn", "rating", "session ended"]
    told = lines[1]
    assert (told["session"], told["number"], told["status"], told["v2v_ms"]) == (
        "sess_1",
        1,
        "completed",
        456.0,
    )
    assert told["marks"] == TURN.marks and told["level"] == "info"


def test_words_are_logged_where_that_is_asked_for(caplog: pytest.LogCaptureFixture) -> None:
    lines = logged(caplog, content=True)
    assert lines[1]["user_text"] == TURN.user_text and lines[2]["comment"] == "No, it is not."


def test_an_error_is_one_line_too() -> None:
    try:
        raise ValueError("broken")
    except ValueError as error:
        record = logging.LogRecord(
            "a", logging.ERROR, "f", 1, "it failed: %s", ("x",), (ValueError, error, None)
        )
    line = json.loads(JsonFormatter().format(record))
    assert line["event"] == "it failed: x" and "ValueError: broken" in line["traceback"]


@pytest.mark.parametrize(
    ("options", "message"),
    [({"record_days": 0}, "record-days is 0"), ({"log_content": True}, "--log-content goes with --log-json")],
)
def test_options_that_make_no_sense_are_refused(options: dict[str, int], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        ReportingConfig(**options)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("config", "days", "feedback", "page", "file"),
    [
        (ReportingConfig(), None, False, False, False),
        (ReportingConfig(record=True, record_days=7), 7, True, False, True),
        (ReportingConfig(feedback=True), None, True, False, True),
        (ReportingConfig(metrics=True), None, False, True, False),
        (ReportingConfig(log_json=True), None, False, False, False),
    ],
)
def test_nothing_is_kept_or_shown_that_was_not_asked_for(
    config: ReportingConfig, days: int | None, feedback: bool, page: bool, file: bool, tmp_path: Path
) -> None:
    with wired.reporting(config, SETTING, tmp_path, dict) as told:
        assert (told.reports.record_days, told.reports.feedback) == (days, feedback)
        assert (told.metrics is not None) == page
        told.reports.of("finance").tell(BEGAN)
    assert (tmp_path / "records" / "records.sqlite3").exists() == file
