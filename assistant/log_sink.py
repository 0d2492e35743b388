"""Structured logs: one JSON object a line, one line a turn; what was said only where that is asked for."""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime

from assistant.turn_report import Feedback, Report, SessionBegan, SessionEnded, TurnReport

LOGGER = "assistant.turns"  # of the lines about conversations
_CONTENT = ("user_text", "said", "heard", "comment", "reason")  # what a person may have said
log = logging.getLogger(LOGGER)


class JsonFormatter(logging.Formatter):
    """A record as one line of JSON: `time`, `level`, `logger`, `event`, and the fields it brings."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        line: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "event": record.getMessage(),
            **getattr(record, "fields", {}),
        }
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False, default=str)


def write_json_lines() -> None:
    """Have all of this process's logs written so, to standard error: warnings, and what turns tell."""
    output = logging.StreamHandler(sys.stderr)
    output.setFormatter(JsonFormatter())
    logging.basicConfig(level=logging.WARNING, handlers=[output], force=True)
    log.setLevel(logging.INFO)


class LogSink:
    """Logs sessions, turns and ratings."""

    def __init__(self, *, content: bool) -> None:
        """`content`: with what was said."""
        self._content = content

    def take(self, report: Report) -> None:
        """Log one report."""
        match report:
            case SessionBegan():
                self._log("session began", session=report.session_id)
            case SessionEnded():
                self._log("session ended", session=report.session_id)
            case TurnReport() if report.status != "withdrawn":
                self._log("turn", **_fields(report))
            case Feedback(turn, rating):
                self._log(
                    "rating",
                    session=turn.session_id,
                    number=turn.number,
                    response=turn.response,
                    fluent=rating.fluent,
                    right=rating.right,
                    comment=rating.comment,
                    by=report.by,
                )

    def close(self) -> None:
        """There is nothing to finish."""

    def _log(self, event: str, **fields: object) -> None:
        shown = {
            name: value
            for name, value in fields.items()
            if value is not None and (self._content or name not in _CONTENT)
        }
        log.info(event, extra={"fields": shown})


def _fields(turn: TurnReport) -> dict[str, object]:
    return {
        "session": turn.session_id,
        "number": turn.number,
        "response": turn.response,
        "status": turn.status,
        "reason": turn.reason,
        "domain": turn.setting.domain,
        "modality": turn.modality,
        "pace": turn.pace,
        "v2v_ms": turn.v2v_ms,
        "marks": dict(turn.marks or {}),
        "settled_ms": turn.settled_ms,
        "voiced_s": round(turn.voiced_s, 3),
        "audio_s": round(turn.audio_s, 3),
        "heard_s": round(turn.heard_s, 3),
        "underruns": turn.underruns,
        "false_alarms": turn.resumed,
        "tokens": turn.tokens,
        "passages": len(turn.passages),
        "safety": turn.safety,
        "user_text": turn.user_text,
        "said": turn.said,
        "heard": turn.heard,
    }
