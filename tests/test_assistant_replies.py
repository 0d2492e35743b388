"""`liushui replies`, on replies that were really kept."""

from __future__ import annotations

from pathlib import Path

import pytest

from assistant import cli
from assistant.replies_command import folder_of
from llm.replies import OPENING, CommonReplies, digest


@pytest.fixture(autouse=True)
def home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setenv("LIUSHUI_HOME", str(tmp_path))
    return tmp_path


def keep(domain: str, question: str, context: str = OPENING) -> CommonReplies:
    replies = CommonReplies(folder_of(domain), model="qwen", prompt="p")
    for _ in range(2):
        replies.learn(question, context, (1, 2), "Drink water [slowly].")
    return replies


def ids() -> list[str]:
    return [path.stem for path in folder_of("").rglob("*.safetensors")]


def test_list_shows_every_domain_or_one(capsys: pytest.CaptureFixture[str]) -> None:
    keep("medical", "Is a [fever] bad?")
    keep("finance", "Is it safe?", digest("What is a bond?"))
    assert cli.main(["replies", "list"]) == 0
    shown = capsys.readouterr().out
    assert "Is a [fever] bad?" in shown and "Is it safe? (in a dialogue)" in shown
    assert cli.main(["replies", "list", "--domain", "finance"]) == 0
    assert "fever" not in capsys.readouterr().out


def test_without_replies_the_list_is_empty(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["replies", "list"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 1


def test_show_tells_all_about_a_reply(capsys: pytest.CaptureFixture[str]) -> None:
    keep("medical", "Is a fever bad?")
    assert cli.main(["replies", "show", ids()[0][:8]]) == 0
    shown = capsys.readouterr().out
    assert "Is a fever bad?" in shown and "Drink water [slowly]." in shown and "qwen" in shown


def test_a_removed_reply_is_forgotten_by_whoever_uses_it(capsys: pytest.CaptureFixture[str]) -> None:
    replies = keep("medical", "Is a fever bad?")
    assert cli.main(["replies", "remove", ids()[0]]) == 0
    assert replies.find("Is a fever bad?") is None and not ids()


def test_clear_removes_a_domain_or_all() -> None:
    keep("medical", "Is a fever bad?")
    keep("finance", "What is a bond?")
    assert cli.main(["replies", "clear", "--domain", "medical"]) == 0
    assert not folder_of("medical").exists() and len(ids()) == 1
    assert cli.main(["replies", "clear"]) == 0
    assert not ids()


def test_an_id_or_a_domain_that_is_not_there_is_one_line(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    keep("medical", "Is a fever bad?")
    assert cli.main(["replies", "show", "zzz"]) == 1
    assert "begins with 'zzz'" in capsys.readouterr().err
    (home / "weights").mkdir()
    assert cli.main(["replies", "clear", "--domain", "../weights"]) == 1
    assert "there are: medical" in capsys.readouterr().err and (home / "weights").is_dir()
