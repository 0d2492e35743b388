"""Chat completions in the record: a real service on a real store, asked by OpenAI's own SDK."""

from __future__ import annotations

import base64
import contextlib
import sqlite3
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from openai import APIStatusError, AsyncOpenAI

from assistant import cli
from assistant.record_store import FOLDER, RecordStore
from assistant.reporting import ReportingConfig
from assistant.service import running
from assistant.service_config import ServiceConfig
from llm.engine import Sampling, Token
from llm.errors import ContextOverflow, ServerFailed
from tests.dialogues import Room, room
from tests.fakes import ScriptedChat
from tests.fuzzed_service import ManyChats
from tests.test_assistant_pictures import ScriptedFinder, paper, place
from tests.test_transport_http_api import sdk

ASKED: Any = [
    {"role": "system", "content": "Be brief."},
    {"role": "user", "content": "My name is Johanna Example."},
    {"role": "assistant", "content": "Hello Johanna."},
    {"role": "user", "content": "Johanna Example asks: what is a fever?"},
]


class FailingModel(ManyChats):
    """Fails when it is asked."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    def chat(self, system: str, tools: Any = ()) -> Any:
        error = self._error

        class Failing(ScriptedChat):
            def reply(self, user_text: str | None, sampling: Sampling) -> Iterator[Token]:
                raise error

        return Failing({})


@pytest.fixture(autouse=True)
def home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setenv("LIUSHUI_HOME", str(tmp_path))
    return tmp_path


@contextlib.asynccontextmanager
async def recording(here: Room, model: Any = None) -> AsyncIterator[AsyncOpenAI]:
    engines = replace(here.engines, model=model or ManyChats())
    config = ServiceConfig(port=0, reporting=ReportingConfig(record=True))
    async with running(config, engines) as url, sdk(url) as openai:
        yield openai


def turns(home: Path) -> list[sqlite3.Row]:
    with RecordStore(home / FOLDER) as store:
        return [turn for session in store.sessions() for turn in store.turns(session["id"])]


async def test_what_was_asked_and_answered_is_kept_under_the_answers_id_without_names(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with recording(room()) as openai:
        done = await openai.chat.completions.create(model="m", messages=ASKED)
    (turn,) = turns(home)
    assert (turn["session_id"], turn["status"], turn["number"]) == (done.id, "completed", 1)
    assert turn["user_text"] == "[name] asks: what is a fever?"
    assert turn["said"] == "You said [name] asks: what is a fever? "
    written = b"".join(path.read_bytes() for path in (home / FOLDER).iterdir())
    assert b"Johanna" not in written
    capsys.readouterr()
    assert cli.main(["sessions", "show", done.id[:14]]) == 0
    shown = capsys.readouterr().out
    assert "(http)" in shown and "completed, beside the conversation" in shown
    assert cli.main(["sessions", "delete", done.id]) == 0
    assert not turns(home)


async def test_a_streamed_completion_is_kept_and_one_that_was_cut_short_told_as_such(home: Path) -> None:
    async with recording(room()) as openai:
        stream = await openai.chat.completions.create(model="m", messages=ASKED, stream=True, max_tokens=2)
        assert len([chunk async for chunk in stream]) == 3
    (turn,) = turns(home)
    assert (turn["status"], turn["said"]) == ("incomplete", "You said ")


async def test_of_an_answer_whose_reader_left_is_kept_what_was_sent(home: Path) -> None:
    class Endless(ManyChats):
        def chat(self, system: str, tools: Any = ()) -> Any:
            class Talking(ScriptedChat):
                def reply(self, user_text: str | None, sampling: Sampling) -> Iterator[Token]:
                    while True:
                        yield Token(0, "and ", 0.0)

            return Talking({})

    async with recording(room(), Endless()) as openai:
        stream = await openai.chat.completions.create(model="m", messages=ASKED, stream=True)
        await anext(aiter(stream))
        await stream.close()
    (turn,) = turns(home)
    assert turn["status"] == "left" and turn["said"].startswith("and ")


@pytest.mark.parametrize(
    ("error", "status"),
    [(ContextOverflow("the dialogue has 9,000 tokens"), 400), (ServerFailed("nobody is there"), 502)],
)
async def test_a_request_that_failed_says_why(home: Path, error: Exception, status: int) -> None:
    async with recording(room(), FailingModel(error)) as openai:
        with pytest.raises(APIStatusError) as refused:
            await openai.chat.completions.create(model="m", messages=ASKED)
    assert refused.value.status_code == status
    (turn,) = turns(home)
    assert turn["status"] == "failed" and str(error) in turn["details"]
    assert turn["user_text"] == "[name] asks: what is a fever?"


async def test_what_was_read_in_a_picture_is_kept_as_the_users_words(home: Path) -> None:
    url = "data:image/png;base64," + base64.b64encode(paper()).decode()
    content: Any = [{"type": "text", "text": "how?"}, {"type": "image_url", "image_url": {"url": url}}]
    async with recording(place(ScriptedFinder(), cost_s=0.0)) as openai:
        await openai.chat.completions.create(model="m", messages=[{"role": "user", "content": content}])
    (turn,) = turns(home)
    assert "Ferritin 8 ug/L" in turn["user_text"] and turn["user_text"].endswith("how?")
