"""Consultations for the benches: what the assistant knows, and what it is asked."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path

from assistant.persona import load_persona


@dataclass(frozen=True, slots=True)
class Consultation:
    """One dialogue's system text, and its questions in order."""

    system: str
    questions: tuple[str, ...]


def consultations() -> list[Consultation]:
    """Read them; each has a part of its domain's knowledge."""
    entries = json.loads(Path(__file__).with_suffix(".json").read_text(encoding="utf-8"))
    return [
        Consultation(
            replace(load_persona(entry["domain"]), knowledge=entry["knowledge"]).prompt,
            tuple(entry["questions"]),
        )
        for entry in entries
    ]
