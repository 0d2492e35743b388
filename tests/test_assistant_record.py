"""What is kept of conversations, redacted, and for how long: on real files."""

from __future__ import annotations

import logging
import sqlite3
import stat
import threading
from pathlib import Path

import pytest

from assistant.background import QUEUE_REPORTS
from assistant.errors import ConfigError
from assistant.record_sink import recorder
from assistant.record_store import DAY_S, RecordStore
from assistant.turn_report import Feedback, Rating, SessionBegan, SessionEnded
from tests.reports import BEGAN, SETTING, TURN, turn


def kept(folder: Path, *reports: object, words: bool = True) -> None:
    sink = recorder(RecordStore(folder), 30, words=words, wall=lambda: BEGAN.at_s)
    for report in reports:
        sink.take(report)  # type: ignore[arg-type]
    sink.close()
    assert not sink.lost


def test_a_turn_is_kept_with_what_was_said_and_what_was_heard(tmp_path: Path) -> None:
    kept(tmp_path, BEGAN, turn(heard="A fever is", status="interrupted"), SessionEnded("sess_1", 1_000_020.0))
    with RecordStore(tmp_path) as store:
        (session,) = store.sessions()
        (row,) = store.turns("sess_1")
    assert (session["domain"], session["voice"], session["ended_s"]) == ("medical", "heart", 1_000_020.0)
    assert (row["user_text"], row["said"], row["heard"]) == (TURN.user_text, TURN.said, "A fever is")
    assert (row["status"], row["v2v_ms"]) == ("interrupted", 456.0)


def test_what_names_a_person_never_reaches_the_file(tmp_path: Path) -> None:
    name = "Johanna"
    kept(
        tmp_path,
        BEGAN,
        turn(user_text=f"My name is {name}, jo@example.com.", said=f"Hello {name}.", heard=f"Hello {name}."),
        Feedback(turn(), Rating(right=False, comment=f"{name} asked twice."), "client", 1_000_030.0),
    )
    written = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert name.encode() not in written and b"example.com" not in written
    assert b"[name]" in written and b"[email]" in written


def test_only_the_owner_can_read_the_files(tmp_path: Path) -> None:
    sink = recorder(RecordStore(tmp_path / "records"), 30)
    sink.take(BEGAN)
    sink.flush()
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "records").iterdir()}
    assert len(modes) == 3 and set(modes.values()) == {0o600}  # the file, its log, and the log's index
    assert stat.S_IMODE((tmp_path / "records").stat().st_mode) == 0o700
    sink.close()


def test_ratings_alone_are_kept_without_a_word(tmp_path: Path) -> None:
    rating = Rating(fluent=True, right=False, comment="Too long.")
    kept(tmp_path, BEGAN, TURN, Feedback(TURN, rating, "client", 1_000_030.0), words=False)
    with RecordStore(tmp_path) as store:
        assert not store.sessions()
        (row,) = store.ratings()
    assert (row["was_fluent"], row["was_right"], row["comment"], row["session_id"]) == (1, 0, None, None)
    assert (row["domain"], row["voice"], row["pace"], row["v2v_ms"]) == ("medical", "heart", 1.0, 456.0)
    written = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert b"fever" not in written and b"Too long" not in written and b"sess_1" not in written


def test_a_rating_is_kept_with_its_turn_and_a_later_one_replaces_it(tmp_path: Path) -> None:
    first = Feedback(TURN, Rating(right=True), "client", 1_000_030.0)
    second = Feedback(TURN, Rating(fluent=True, right=False, comment="No."), "voice", 1_000_040.0)
    kept(tmp_path, BEGAN, TURN, first, second)
    with RecordStore(tmp_path) as store:
        (row,) = store.ratings("sess_1")
        assert store.sessions()[0]["ratings"] == 1
    assert (row["was_right"], row["comment"], row["number"], row["user_text"]) == (
        0,
        "No.",
        1,
        TURN.user_text,
    )


def test_what_is_older_than_the_retention_time_is_deleted_at_the_start(tmp_path: Path) -> None:
    kept(tmp_path, BEGAN, TURN, Feedback(TURN, Rating(right=True), "client", BEGAN.at_s))
    later = SessionBegan("sess_2", BEGAN.at_s + 20 * DAY_S, SETTING)
    sink = recorder(RecordStore(tmp_path), 30, wall=lambda: BEGAN.at_s + 31 * DAY_S)
    sink.take(later)
    sink.close()
    with RecordStore(tmp_path) as store:
        assert [row["id"] for row in store.sessions()] == ["sess_2"]
        assert not store.turns("sess_1") and not store.ratings()


def test_and_daily_while_the_service_runs(tmp_path: Path) -> None:
    now = [BEGAN.at_s]
    sink = recorder(RecordStore(tmp_path), 30, wall=lambda: now[0])
    sink.take(BEGAN)
    sink.take(TURN)
    sink.flush()
    now[0] += 31 * DAY_S
    sink.take(SessionBegan("sess_2", now[0], SETTING))  # whatever wakes it
    sink.take(SessionEnded("sess_2", now[0]))
    sink.close()
    with RecordStore(tmp_path) as store:
        assert [row["id"] for row in store.sessions()] == ["sess_2"]


def test_what_is_deleted_is_in_no_file_any_more(tmp_path: Path) -> None:
    kept(tmp_path, BEGAN, TURN)
    with RecordStore(tmp_path) as service, RecordStore(tmp_path) as command:
        command.delete("sess_1")
        written = b"".join(path.read_bytes() for path in tmp_path.iterdir())
        assert b"fever" not in written
        service.keep(turn(number=2))  # the session goes on, and nobody is to know
        assert not service.turns("sess_1")


def test_a_full_queue_loses_reports_and_says_so_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    may_write, writes = threading.Event(), threading.Event()
    store = RecordStore(tmp_path)
    begin = store.begin

    def slow(session: SessionBegan) -> None:
        writes.set()
        assert may_write.wait(30)
        begin(session)

    monkeypatch.setattr(store, "begin", slow)
    sink = recorder(store, 30)
    sink.take(BEGAN)
    assert writes.wait(30)
    with caplog.at_level(logging.ERROR):
        for number in range(QUEUE_REPORTS + 3):
            sink.take(turn(number=number + 1))
    may_write.set()
    sink.close()
    assert sink.lost == 3
    assert sum("a report is lost" in record.message for record in caplog.records) == 1
    assert "reports wait already" in caplog.text


def test_a_broken_file_ends_nothing_and_is_told_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    store = RecordStore(tmp_path)
    sink = recorder(store, 30)
    sink.take(BEGAN)
    sink.flush()
    with RecordStore(tmp_path) as other:
        other._db.execute("DROP TABLE turns")
    sink.take(TURN)
    sink.take(turn(number=2))
    sink.close()
    assert sink.lost == 2
    assert caplog.text.count("no such table") == 1


def test_a_file_of_a_later_program_is_left_alone(tmp_path: Path) -> None:
    with RecordStore(tmp_path) as store:
        store._db.execute("PRAGMA user_version=7")
    with pytest.raises(ConfigError, match="is of version 7, this program reads 1"):
        RecordStore(tmp_path)


def test_a_file_that_is_no_record_is_named(tmp_path: Path) -> None:
    (tmp_path / "records.sqlite3").write_text("no database " * 100)
    with pytest.raises(
        ConfigError, match=r"records\.sqlite3 cannot be opened as a record \(file is not a data"
    ):
        RecordStore(tmp_path)


def test_writing_is_whole_or_not_at_all(tmp_path: Path) -> None:
    with RecordStore(tmp_path) as store:
        with pytest.raises(sqlite3.IntegrityError), store.writing():
            store.begin(BEGAN)
            store.begin(BEGAN)
        assert not store.sessions()
