"""`liushui sessions`, `feedback` and `trace`, on conversations that were really kept."""

from __future__ import annotations

import json
import stat
from datetime import datetime
from pathlib import Path

import pytest
from scipy.stats import binomtest

from assistant import cli
from assistant.chat_ratings import ChatRatings
from assistant.feedback_command import Share, pace_group
from assistant.record_sink import recorder
from assistant.record_store import FOLDER, RecordStore
from assistant.turn_report import Feedback, Rating, SessionBegan, SessionEnded
from tests.reports import BEGAN, SETTING, TURN, turn

DAY_S = 24 * 3600
OTHER = SessionBegan("sess_2", BEGAN.at_s + 5 * DAY_S, SETTING)


@pytest.fixture(autouse=True)
def home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setenv("LIUSHUI_HOME", str(tmp_path))
    return tmp_path


@pytest.fixture
def recorded(home: Path) -> None:
    sink = recorder(RecordStore(home / FOLDER), 30, wall=lambda: BEGAN.at_s)
    broken = turn(
        number=2, response="resp_2", status="interrupted", heard="A fever [is", said="A fever [is a sign."
    )
    for report in (
        BEGAN,
        TURN,
        broken,
        Feedback(TURN, Rating(fluent=True, right=False, comment="No."), "client", 1e6),
    ):
        sink.take(report)
    sink.take(SessionEnded("sess_1", BEGAN.at_s + 75))
    sink.take(OTHER)
    sink.take(turn(session_id="sess_2", response="resp_3"))
    slow = turn(session_id="sess_2", response="resp_3", pace=0.8)
    sink.take(Feedback(slow, Rating(right=True), "voice", OTHER.at_s))
    sink.close()


@pytest.mark.usefixtures("recorded")
def test_list_and_show_tell_what_was_said_and_what_was_heard(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["sessions", "list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[1].startswith("sess_2") and "open" in lines[1]
    assert lines[2].startswith("sess_1") and "1:15" in lines[2] and "What is a fever?" in lines[2]
    assert cli.main(["sessions", "show", "sess_1"]) == 0
    shown = capsys.readouterr().out
    assert "1  completed, 456 ms voice to voice" in shown and "rated  fluent: yes, right: no, 'No.'" in shown
    assert "2  interrupted" in shown and "heard  A fever [is\n" in shown and "not    a sign." in shown


@pytest.mark.usefixtures("recorded")
def test_export_is_one_json_file_of_its_owner_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "session.json"
    assert cli.main(["sessions", "export", "sess_1", "-o", str(out)]) == 0
    exported = json.loads(out.read_text())
    assert [each["number"] for each in exported["turns"]] == [1, 2]
    assert exported["turns"][0]["marks"]["sent_ms"] == 456.0 and exported["domain"] == "medical"
    assert exported["ratings"][0]["was_right"] == 0
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    assert cli.main(["sessions", "export", "sess_1"]) == 0
    assert json.loads(capsys.readouterr().out) == exported


@pytest.mark.usefixtures("recorded")
def test_delete_by_id_and_by_date(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    day = datetime.fromtimestamp(OTHER.at_s).strftime("%Y-%m-%d")
    assert cli.main(["sessions", "delete", "--all-before", day]) == 0
    assert "deleted 1" in capsys.readouterr().out
    with RecordStore(home / FOLDER) as store:
        assert [row["id"] for row in store.sessions()] == ["sess_2"] and len(store.ratings()) == 1
    assert cli.main(["sessions", "delete", "sess_2"]) == 0
    with RecordStore(home / FOLDER) as store:
        assert not store.sessions() and not store.ratings()


@pytest.mark.usefixtures("recorded")
@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (["sessions", "show", "sess_9"], 1, "0 sessions have an id that begins with 'sess_9'"),
        (["sessions", "show", "sess_"], 1, "2 sessions have an id"),
        (["sessions", "delete"], 1, "give a session's id, or --all-before DATE"),
        (
            ["sessions", "delete", "--all-before", "yesterday"],
            2,
            "yesterday is no day: write it as 2026-01-31",
        ),
        (["trace", "sess_9"], 1, "0 sessions have an id"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_line(
    arguments: list[str], status: int, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    try:
        assert cli.main(arguments) == status
    except SystemExit as wrong_usage:
        assert wrong_usage.code == status
    assert message in capsys.readouterr().err


def test_where_nothing_was_recorded_the_commands_say_how_to(capsys: pytest.CaptureFixture[str]) -> None:
    for arguments in (["sessions", "list"], ["feedback", "summary"], ["trace", "sess_1"]):
        assert cli.main(arguments) == 1
        assert "start the service with --record or --feedback" in capsys.readouterr().err


@pytest.mark.usefixtures("recorded")
def test_feedback_is_listed_and_summed_up_per_domain_voice_and_pace(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    assert cli.main(["feedback", "list"]) == 0
    listed = capsys.readouterr().out.splitlines()
    assert len(listed) == 3 and "voice" in listed[1] and "sess_1 1" in listed[2] and "No." in listed[2]
    assert cli.main(["feedback", "summary"]) == 0
    rows = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert [row[:2] for row in rows[2:]] == [
        ["domain", "medical"],
        ["voice", "heart"],
        ["pace", "slower"],
        ["pace", "usual"],
    ]
    assert "1/2" in rows[1] and "1/1" in rows[1]


def test_a_rating_in_the_chat_is_kept_without_words(home: Path) -> None:
    ratings = ChatRatings("finance", "qwen")
    assert "no answer yet" in ratings.take("/right")
    ratings.answered()
    ratings.take("/wrong")
    ratings.take("/fluent")
    ratings.answered()
    ratings.take("/right")
    with RecordStore(home / FOLDER) as store:
        second, first = store.ratings()
    assert (first["was_right"], first["was_fluent"], first["rated_by"], first["voice"]) == (
        0,
        1,
        "chat",
        None,
    )
    assert (second["was_right"], second["was_fluent"], second["session_id"]) == (1, None, None)


@pytest.mark.parametrize(("yes", "said"), [(0, 1), (1, 1), (3, 7), (50, 50), (412, 977)])
def test_an_interval_is_the_one_that_scipy_computes(yes: int, said: int) -> None:
    theirs = binomtest(yes, said).proportion_ci(0.95, method="wilson")
    assert Share(yes, said).interval() == pytest.approx((theirs.low, theirs.high), abs=1e-4)


def test_without_a_word_there_is_no_share() -> None:
    assert str(Share.of([None, None])) == "-" and Share.of([1, None, 0]) == Share(1, 2)
    assert [pace_group(rate) for rate in (0.8, 1.0, 1.04, 1.2)] == ["slower", "usual", "usual", "faster"]


@pytest.mark.usefixtures("recorded")
def test_trace_draws_a_picture(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    picture = tmp_path / "trace.png"
    assert cli.main(["trace", "sess_1", "-o", str(picture)]) == 0
    assert picture.read_bytes().startswith(b"\x89PNG") and str(picture) in capsys.readouterr().out
    assert cli.main(["trace", "sess_1", "-o", str(tmp_path / "trace.xyz")]) == 1
    assert "name a .png file" in capsys.readouterr().err


@pytest.mark.usefixtures("recorded")
def test_without_the_extra_trace_says_what_to_install(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("assistant.say_plot.find_spec", lambda name: None)
    assert cli.main(["trace", "sess_1"]) == 1
    assert "pip install 'liushui[plot]'" in capsys.readouterr().err
