"""Paces on disk: whole, bounded, nobody's name, and gone when asked."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from assistant import cli, pace_store
from assistant.pace import Pace, Reaction
from assistant.pace_store import FOLDER, LONGEST_S, PaceStore

PACE = Pace(asked=0.85, learnt=1.05, speeds=(4.5, 5.0), reactions=(Reaction.AGAIN,))


def same(one: Pace, other: Pace | None) -> bool:
    return other is not None and (one.rate, one.learnt, one.speeds, one.reactions) == (
        other.rate,
        other.learnt,
        other.speeds,
        other.reactions,
    )


def test_a_user_who_comes_back_is_known_and_others_are_not(tmp_path: Path) -> None:
    PaceStore(tmp_path / "pace").keep("alice@example.com", PACE)
    store = PaceStore(tmp_path / "pace")
    assert same(PACE, store.load("alice@example.com"))
    assert store.load("bob") is None
    (kept,) = (tmp_path / "pace").iterdir()
    assert "alice" not in kept.name + kept.read_text()


@pytest.mark.parametrize("user", ["../../etc/passwd", "", "a/b\0c", "名字", "x" * 10_000])
def test_any_id_is_a_file_of_the_folder(tmp_path: Path, user: str) -> None:
    store = PaceStore(tmp_path / "pace")
    store.keep(user, PACE)
    assert same(PACE, store.load(user))
    assert len(list((tmp_path / "pace").iterdir())) == 1


@pytest.mark.parametrize(
    "written",
    ["", "[]", "{", '{"asked": 9, "learnt": 1, "speeds": [], "reactions": []}', '{"asked": "x"}', "null"],
)
def test_a_damaged_file_is_no_pace(tmp_path: Path, written: str) -> None:
    store = PaceStore(tmp_path)
    store.keep("alice", PACE)
    (kept,) = tmp_path.iterdir()
    kept.write_text(written)
    assert store.load("alice") is None


def test_the_oldest_are_forgotten_when_there_are_too_many(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pace_store, "MOST", 2)
    store = PaceStore(tmp_path)
    store.keep("oldest", PACE)
    (oldest,) = tmp_path.iterdir()
    written_s = oldest.stat().st_mtime - 60
    os.utime(oldest, (written_s, written_s))
    store.keep("older", PACE)
    store.keep("new", PACE)
    assert store.load("oldest") is None
    assert store.load("older") is not None and store.load("new") is not None


def test_what_nobody_came_back_for_is_forgotten(tmp_path: Path) -> None:
    store = PaceStore(tmp_path)
    store.keep("alice", PACE)
    (kept,) = tmp_path.iterdir()
    written_s = kept.stat().st_mtime - LONGEST_S - 60
    os.utime(kept, (written_s, written_s))
    assert PaceStore(tmp_path).load("alice") is None


def test_a_folder_that_cannot_be_written_is_a_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "pace").write_text("a file")
    PaceStore(tmp_path / "pace").keep("alice", PACE)
    assert "could not be kept" in caplog.text


def test_forget_removes_a_user_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("LIUSHUI_HOME", str(tmp_path))
    PaceStore(tmp_path / FOLDER).keep("alice", PACE)
    assert cli.main(["pace", "forget", "alice", "bob"]) == 0
    assert capsys.readouterr().out == "alice: forgotten\nbob: nothing was kept\n"
    assert PaceStore(tmp_path / FOLDER).load("alice") is None
