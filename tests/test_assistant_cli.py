"""The command line: what is said, and with which exit status."""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import Callable
from types import SimpleNamespace

import pytest

from assistant import cli
from assistant.arguments import parser
from assistant.errors import ConfigError

Script = Callable[[BaseException | None], None]

COMMANDS = (
    *("serve", "talk", "chat", "say", "transcribe", "voices", "weights", "replies", "pace"),
    *("sessions", "feedback", "trace"),
)


@pytest.fixture
def fail_with(monkeypatch: pytest.MonkeyPatch) -> Script:
    """Put a command that raises the given error, or none, in the place of every command."""

    def script(error: BaseException | None) -> None:
        def run(args: Namespace) -> None:
            if error is not None:
                raise error

        monkeypatch.setattr(cli, "import_module", lambda name: SimpleNamespace(run=run))

    return script


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_explains_itself_with_examples(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as leaving:
        cli.main([name, "--help"])
    assert leaving.value.code == 0
    assert f"examples:\n  liushui {name}" in capsys.readouterr().out.replace("echo", f"liushui {name}")


def test_every_command_has_a_module() -> None:
    assert set(cli.MODULES) == set(COMMANDS)


def test_help_imports_no_engine() -> None:
    loaded = set(sys.modules)
    parser()
    assert not {"torch", "ctranslate2", "onnxruntime"} & (set(sys.modules) - loaded)


def test_a_command_that_succeeds_exits_with_0(fail_with: Script) -> None:
    fail_with(None)
    assert cli.main(["say", "hello"]) == 0


def test_an_error_is_one_line_without_a_traceback(
    fail_with: Script, capsys: pytest.CaptureFixture[str]
) -> None:
    fail_with(ConfigError("threads is 0;\nan engine needs at least 1"))
    assert cli.main(["say", "hello"]) == 1
    assert capsys.readouterr().err == "liushui: error: threads is 0; an engine needs at least 1\n"


def test_a_defect_names_its_kind_and_debug_shows_where(
    fail_with: Script, capsys: pytest.CaptureFixture[str]
) -> None:
    fail_with(KeyError("voice"))
    assert cli.main(["say", "hello"]) == 1
    assert capsys.readouterr().err == "liushui: error: KeyError: 'voice' (--debug shows where)\n"
    assert cli.main(["say", "--debug", "hello"]) == 1
    assert "Traceback" in capsys.readouterr().err


@pytest.mark.parametrize("line", [["--debug", "say", "hello"], ["say", "hello", "--debug"]])
def test_debug_may_stand_before_or_after_the_command(line: list[str]) -> None:
    assert parser().parse_args(line).debug is True


def test_control_c_exits_with_130_and_says_what_is_kept(
    fail_with: Script, capsys: pytest.CaptureFixture[str]
) -> None:
    interruption = KeyboardInterrupt()
    interruption.add_note("what was downloaded is kept")
    fail_with(interruption)
    assert cli.main(["say", "hello"]) == 130
    assert capsys.readouterr().err == "liushui: interrupted; what was downloaded is kept\n"


@pytest.mark.parametrize(
    "line", [[], ["sing"], ["say", "hello", "--rate", "9"], ["weights"], ["serve", "--port", "x"]]
)
def test_wrong_usage_exits_with_2(line: list[str]) -> None:
    with pytest.raises(SystemExit) as leaving:
        cli.main(line)
    assert leaving.value.code == 2
