"""`liushui chat` with a scripted model."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator

import pytest

from assistant.chat import answer
from assistant.persona import SAMPLES
from assistant.picture_files import PictureFiles
from llm.engine import Message, PromptTokens, Sampling, Token

REPLY = ("Drink ", "water ", "and ", "rest.")


class ScriptedChat:
    """Answers REPLY; sends itself Ctrl-C after `interrupt_after` tokens."""

    history: tuple[Message, ...] = ()
    turn_over: float | None = None
    prompt_tokens: PromptTokens | None = None

    def __init__(self, interrupt_after: int = len(REPLY) + 1, interrupts: int = 1) -> None:
        self.committed: str | None = None
        self._interrupt_after = interrupt_after
        self._interrupts = interrupts

    def reply(self, user_text: str | None, sampling: Sampling) -> Iterator[Token]:
        for number, text in enumerate(REPLY, start=1):
            if number == self._interrupt_after:
                for _ in range(self._interrupts):
                    os.kill(os.getpid(), signal.SIGINT)
            yield Token(number, text, 0.0)

    def commit(self, heard: str | None = None) -> None:
        self.committed = heard

    def prefill(self, user_text: str) -> int:
        raise NotImplementedError

    def brief(self, text: str) -> None:
        raise NotImplementedError

    def discard(self) -> None: ...

    def truncate(self, heard: str, index: int | None = None) -> None: ...

    def add(self, message: Message, index: int | None = None) -> None: ...

    def remove(self, index: int) -> None: ...

    def close(self) -> None: ...


def test_an_answer_is_printed_and_kept(capsys: pytest.CaptureFixture[str]) -> None:
    chat = ScriptedChat()
    answer(chat, "I have a headache.")
    assert capsys.readouterr().out == "Drink water and rest.\n"
    assert chat.committed == "Drink water and rest."


def test_control_c_stops_the_answer_and_the_dialogue_keeps_what_was_printed(
    capsys: pytest.CaptureFixture[str],
) -> None:
    chat = ScriptedChat(interrupt_after=2)
    answer(chat, "I have a headache.")
    assert capsys.readouterr().out == "Drink water \n"
    assert chat.committed == "Drink water "


def test_control_c_twice_leaves() -> None:
    with pytest.raises(KeyboardInterrupt):
        answer(ScriptedChat(interrupt_after=2, interrupts=2), "I have a headache.")
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_picture_is_read_aloud_to_the_user_and_joins_the_dialogue(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    chat, added = ScriptedChat(), list[Message]()
    monkeypatch.setattr(chat, "add", added.append)
    show = PictureFiles()
    show(chat, SAMPLES / "images" / "lab-report.jpg")
    assert "  Haemoglobin 10.2 g/dL 12.0-15.5\n" in capsys.readouterr().out
    assert added[0].role == "user" and "Haemoglobin 10.2 g/dL" in added[0].text
    show(chat, SAMPLES / "images" / "nothing.jpg")
    show(chat, SAMPLES / "medical" / "prompt.md")
    told = capsys.readouterr().out
    assert "No such file" in told and "no PNG, JPEG or WebP" in told
    assert len(added) == 1
