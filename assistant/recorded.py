"""The record, as the commands read it."""

from __future__ import annotations

import json
import sqlite3
from datetime import datetime

from assistant.errors import ConfigError
from assistant.record_store import FILE, FOLDER, RecordStore
from assistant.turn_report import Setting, TurnReport
from assistant.weights import default_home

SHORT_CHARS = 8  # of an id's random part, as shown


def open_record() -> RecordStore:
    """Open the record in the home folder. Raises ConfigError where there is none."""
    folder = default_home() / FOLDER
    if not (folder / FILE).exists():
        raise ConfigError(
            f"nothing was recorded yet in {folder}: start the service with --record or --feedback"
        )
    return RecordStore(folder)


def session_of(store: RecordStore, beginning: str) -> sqlite3.Row:
    """The session whose id begins so. Raises ConfigError when it is none, or more than one."""
    found = [row for row in store.sessions() if row["id"].startswith(beginning)]
    if len(found) != 1:
        raise ConfigError(
            f"{len(found)} sessions have an id that begins with {beginning!r}: see `liushui sessions list`"
        )
    return found[0]


def turns_of(store: RecordStore, session: sqlite3.Row) -> list[TurnReport]:
    """The turns of a session, as they were reported."""
    setting = Setting(*(session[name] for name in ("domain", "model", "recognizer", "voice")))
    turns = []
    for row in store.turns(session["id"]):
        fields = {name: row[name] for name in row.keys() if name not in ("details", "v2v_ms")}  # noqa: SIM118
        details = json.loads(row["details"])
        details |= {name: tuple(details[name]) for name in ("calls", "passages")}
        turns.append(TurnReport(setting=setting, **fields, **details))
    return turns


def short(session_id: str) -> str:
    """As much of an id as tells sessions apart; commands take it."""
    kind, _, number = session_id.partition("_")
    return f"{kind}_{number[:SHORT_CHARS]}"


def moment(seconds: float) -> str:
    """A Unix time as it is shown, here."""
    return datetime.fromtimestamp(seconds).strftime("%Y-%m-%d %H:%M")


def verdict(good: int | None) -> str:
    """An answer to "was it right?"."""
    return {None: "", 0: "no", 1: "yes"}[good]
