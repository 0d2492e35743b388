"""What was said, what was heard and how it was rated: one SQLite file, for as long as it may be kept.

The file is its owner's alone, what is deleted is overwritten, and processes may share it: a running service
writes while `liushui sessions` reads or deletes. Times are Unix times. Every method may raise sqlite3.Error.
"""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import asdict
from pathlib import Path

from assistant.errors import ConfigError
from assistant.turn_report import Feedback, SessionBegan, SessionEnded, TurnReport

FOLDER = "records"  # in the home folder
FILE = "records.sqlite3"
DAY_S = 24 * 3600
BUSY_S = 5.0  # that a writer waits for another process; ours write for milliseconds
VERSION = 1
SCHEMA = """
CREATE TABLE sessions (
    id TEXT PRIMARY KEY,
    began_s REAL NOT NULL,
    ended_s REAL,  -- NULL: it goes on, or the service was killed
    domain TEXT NOT NULL,
    model TEXT NOT NULL,
    recognizer TEXT,
    voice TEXT
) STRICT;
CREATE TABLE turns (
    session_id TEXT NOT NULL REFERENCES sessions ON DELETE CASCADE,
    number INTEGER NOT NULL,
    at_s REAL NOT NULL,
    status TEXT NOT NULL,
    user_text TEXT NOT NULL,
    said TEXT NOT NULL,
    heard TEXT NOT NULL,
    v2v_ms REAL,
    details TEXT NOT NULL,  -- JSON: the other fields of a TurnReport
    PRIMARY KEY (session_id, number)
) STRICT;
CREATE TABLE ratings (
    response TEXT PRIMARY KEY,
    session_id TEXT REFERENCES sessions ON DELETE CASCADE,  -- NULL: the conversation was not recorded
    number INTEGER,
    at_s REAL NOT NULL,
    was_fluent INTEGER,
    was_right INTEGER,
    comment TEXT,
    rated_by TEXT NOT NULL,
    domain TEXT NOT NULL,
    voice TEXT,  -- NULL: the answer was written
    pace REAL NOT NULL,
    v2v_ms REAL,
    marks TEXT NOT NULL  -- JSON
) STRICT;
CREATE INDEX ratings_of_session ON ratings (session_id);
"""
_COLUMNS = {"session_id", "number", "at_s", "status", "user_text", "said", "heard", "setting", "context"}


class RecordStore:
    """One connection. Close it, or use it as a context manager."""

    def __init__(self, folder: Path) -> None:
        """Open the file in `folder`, made where it is missing. Raises OSError and ConfigError too."""
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.path = folder / FILE
        os.close(os.open(self.path, os.O_CREAT | os.O_RDWR, 0o600))  # SQLite's other files take its mode
        self._db = sqlite3.connect(self.path, timeout=BUSY_S, isolation_level=None, check_same_thread=False)
        self._db.row_factory = sqlite3.Row
        try:
            for pragma in ("journal_mode=WAL", "foreign_keys=ON", "secure_delete=ON", "synchronous=NORMAL"):
                self._db.execute(f"PRAGMA {pragma}")
            self._migrate()
        except sqlite3.DatabaseError as error:
            raise ConfigError(f"{self.path} cannot be opened as a record ({error}): move it away") from error

    def __enter__(self) -> RecordStore:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Nothing more is kept."""
        self._db.close()

    @contextmanager
    def writing(self) -> Iterator[None]:
        """All that is written inside is there whole or not at all."""
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")

    def begin(self, session: SessionBegan) -> None:
        """A session begins."""
        setting = session.setting
        self._db.execute(
            "INSERT INTO sessions (id, began_s, domain, model, recognizer, voice) VALUES (?, ?, ?, ?, ?, ?)",
            (
                session.session_id,
                session.at_s,
                setting.domain,
                setting.model,
                setting.recognizer,
                setting.voice,
            ),
        )

    def end(self, session: SessionEnded) -> None:
        """It is over."""
        self._db.execute("UPDATE sessions SET ended_s = ? WHERE id = ?", (session.at_s, session.session_id))

    def keep(self, turn: TurnReport) -> None:
        """Keep a turn, unless its session was deleted: then nothing of it is kept any more."""
        details = {name: value for name, value in asdict(turn).items() if name not in _COLUMNS}
        self._db.execute(
            "INSERT INTO turns SELECT ?, ?, ?, ?, ?, ?, ?, ?, ?"
            " WHERE EXISTS (SELECT 1 FROM sessions WHERE id = ?)",
            (
                turn.session_id,
                turn.number,
                turn.at_s,
                turn.status,
                turn.user_text,
                turn.said,
                turn.heard,
                turn.v2v_ms,
                json.dumps(details, ensure_ascii=False),
                turn.session_id,
            ),
        )

    def rate(self, feedback: Feedback) -> None:
        """Keep what stands of a rating: with its turn where that is kept, else on its own, without words."""
        turn, rating = feedback.turn, feedback.rating
        with closing(
            self._db.execute(
                "SELECT 1 FROM turns WHERE session_id = ? AND number = ?", (turn.session_id, turn.number)
            )
        ) as found:
            recorded = found.fetchone() is not None
        self._db.execute(
            "INSERT OR REPLACE INTO ratings VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                turn.response,
                turn.session_id if recorded else None,
                turn.number if recorded else None,
                feedback.at_s,
                rating.fluent,
                rating.right,
                rating.comment if recorded else None,
                feedback.by,
                turn.setting.domain,
                turn.setting.voice if turn.modality == "audio" else None,
                turn.pace,
                turn.v2v_ms,
                json.dumps(turn.marks or {}),
            ),
        )

    def sessions(self) -> list[sqlite3.Row]:
        """All sessions, the newest first, with `turns`, `ratings`, and `first`, what the user began with."""
        return self._rows(
            "SELECT *, (SELECT count(*) FROM turns WHERE session_id = sessions.id) AS turns,"
            " (SELECT count(*) FROM ratings WHERE session_id = sessions.id) AS ratings,"
            " (SELECT user_text FROM turns WHERE session_id = sessions.id ORDER BY number LIMIT 1) AS first"
            " FROM sessions ORDER BY began_s DESC"
        )

    def turns(self, session_id: str) -> list[sqlite3.Row]:
        """The turns of a session, in order."""
        return self._rows("SELECT * FROM turns WHERE session_id = ? ORDER BY number", session_id)

    def ratings(self, session_id: str | None = None) -> list[sqlite3.Row]:
        """The ratings of a session, or of all, also those without one; the newest first."""
        return self._rows(
            "SELECT ratings.*, turns.user_text, turns.heard FROM ratings"
            " LEFT JOIN turns ON turns.session_id = ratings.session_id AND turns.number = ratings.number"
            " WHERE ? IS NULL OR ratings.session_id = ? ORDER BY ratings.at_s DESC",
            session_id,
            session_id,
        )

    def delete(self, session_id: str) -> None:
        """Delete a session with all that belongs to it, past recovery from the file."""
        self._db.execute("DELETE FROM sessions WHERE id = ?", (session_id,))
        self._forget_log()

    def delete_before(self, before_s: float) -> int:
        """Delete what began or was rated earlier; returns how many sessions that were."""
        deleted = self._db.execute("DELETE FROM sessions WHERE began_s < ?", (before_s,)).rowcount
        self._db.execute("DELETE FROM ratings WHERE session_id IS NULL AND at_s < ?", (before_s,))
        self._forget_log()
        return deleted

    def _forget_log(self) -> None:
        """What is deleted from the file still stands in its write-ahead log: empty that."""
        self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def _rows(self, query: str, *values: object) -> list[sqlite3.Row]:
        return self._db.execute(query, values).fetchall()

    def _migrate(self) -> None:
        (found,) = self._db.execute("PRAGMA user_version").fetchone()
        if found == VERSION:
            return
        if found != 0:
            raise ConfigError(
                f"{self.path} is of version {found}, this program reads {VERSION}: update it or move the file"
            )
        with self.writing():  # another process may have been quicker
            if self._db.execute("PRAGMA user_version").fetchone()[0] == 0:
                for statement in filter(str.strip, SCHEMA.split(";")):
                    self._db.execute(statement)
                self._db.execute(f"PRAGMA user_version={VERSION}")
