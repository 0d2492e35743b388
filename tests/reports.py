"""Reports of turns, as tests need them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from assistant.turn_report import Report, SessionBegan, Setting, TurnReport

SETTING = Setting("medical", "qwen2.5-0.5b", "whisper-base", "heart")
BEGAN = SessionBegan("sess_1", 1_000_000.0, SETTING)
TURN = TurnReport(
    session_id="sess_1",
    number=1,
    at_s=1_000_010.0,
    setting=SETTING,
    status="completed",
    reason=None,
    modality="audio",
    typed=False,
    user_text="What is a fever?",
    said="A fever is a raised temperature.",
    heard="A fever is a raised temperature.",
    user_item="item_1",
    response="resp_1",
    item="item_2",
    marks={
        "noticed_ms": 60.0,
        "transcript_ms": 120.0,
        "scored_ms": 110.0,
        "first_token_ms": 180.0,
        "first_phrase_ms": 250.0,
        "first_audio_ms": 262.0,
        "confirmed_ms": 455.0,
        "sent_ms": 456.0,
    },
    settled_ms=2900.0,
    voiced_s=1.3,
    audio_s=2.4,
    heard_s=2.4,
    tokens=12,
    thinking_s=0.25,
)


def turn(**changes: Any) -> TurnReport:
    """A turn that went well, but for `changes`."""
    return replace(TURN, **changes)


class Listed:
    """A sink that keeps what it is told."""

    def __init__(self) -> None:
        self.reports: list[Report] = []
        self.closed = False

    def take(self, report: Report) -> None:
        self.reports.append(report)

    def close(self) -> None:
        self.closed = True

    def turns(self) -> list[TurnReport]:
        return [report for report in self.reports if isinstance(report, TurnReport)]
