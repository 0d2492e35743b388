"""Consultations for the benches: what the assistant knows, and what it is asked."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from assistant.persona import load_persona


@dataclass(frozen=True, slots=True)
class Consultation:
    """One dialogue's system text, and its questions in order."""

    system: str
    questions: tuple[str, ...]


def consultations() -> list[Consultation]:
    """Read them; the knowledge stands behind the domain's prompt."""
    entries = json.loads(Path(__file__).with_suffix(".json").read_text(encoding="utf-8"))
    return [
        Consultation(
            f"{load_persona(entry['domain']).prompt}\n\nWhat you know: {entry['knowledge']}",
            tuple(entry["questions"]),
        )
        for entry in entries
    ]
