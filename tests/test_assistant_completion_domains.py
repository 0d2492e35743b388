"""Chat completions by a domain's adviser, asked with `?domain=NAME` by OpenAI's own SDK."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from openai import AsyncOpenAI, NotFoundError
from openai.types.chat import ChatCompletion

from assistant.advised import AdvisedModel
from assistant.consultation import Consultation
from assistant.persona import load_persona
from assistant.record_store import FOLDER, RecordStore
from assistant.reporting import ReportingConfig
from assistant.service import running
from assistant.service_config import ServiceConfig
from llm.engine import Message
from tests.consult_domains import tea_house
from tests.dialogues import room
from tests.fakes import ScriptedChat, ScriptedModel
from tests.test_transport_http_api import sdk

HOT = "How hot should green tea be?"
LEAD = "Green tea is brewed at 75 degrees for 2 minutes."
BITTER = "Boiling water makes it bitter."
COOL = "Hold it under cool running water for 20 minutes."
TEA = {"domain": "tea"}

Open = Callable[[str], contextlib.AbstractAsyncContextManager[tuple[AsyncOpenAI, ScriptedChat]]]


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Open:
    monkeypatch.setenv("LIUSHUI_HOME", str(tmp_path / "home"))
    folder = tea_house(tmp_path / "tea")
    persona = load_persona(folder)
    consultation = Consultation(persona)

    @contextlib.asynccontextmanager
    async def opened(answer: str) -> AsyncIterator[tuple[AsyncOpenAI, ScriptedChat]]:
        """A service whose model says `answer` to `HOT`."""
        inner = ScriptedChat({HOT: answer})
        model = AdvisedModel(ScriptedModel(inner), {persona.prompt: consultation})
        config = ServiceConfig(port=0, domains=(str(folder),), reporting=ReportingConfig(record=True))
        async with running(config, replace(room().engines, model=model)) as url, sdk(url) as openai:
            yield openai, inner

    return opened


async def ask(openai: AsyncOpenAI, *texts: str, query: Any = TEA, **options: Any) -> ChatCompletion:
    messages: Any = [{"role": "user", "content": text} for text in texts]
    done: ChatCompletion = await openai.chat.completions.create(
        model="m", messages=messages, extra_query=query, **options
    )
    return done


def told(choice: Any) -> Any:
    """What the answer says of itself beyond OpenAI's fields; [] for nothing."""
    return (choice.model_extra or {}).get("liushui", [])


async def test_an_answer_is_from_the_domains_passages_and_cites_them(opened: Open) -> None:
    async with opened(f"{BITTER} Some say 95 degrees.") as (openai, _):
        (choice,) = (await ask(openai, HOT)).choices
    assert (choice.message.content or "").startswith(f"{LEAD} {BITTER}")
    assert "95" not in (choice.message.content or "")
    citation, safety = told(choice)
    assert (citation["type"], citation["disclaimer"]) == ("liushui.citation", "Only about tea.")
    assert [passage["id"] for passage in citation["passages"]] == ["green-tea"]
    assert safety == {"type": "liushui.safety", "kind": "withheld"}


async def test_a_stream_says_the_same_and_tells_at_its_end(opened: Open) -> None:
    async with opened(BITTER) as (openai, _):
        whole = (await ask(openai, HOT)).choices[0]
        messages: Any = [{"role": "user", "content": HOT}]
        stream = await openai.chat.completions.create(
            model="m", messages=messages, stream=True, extra_query=TEA
        )
        choices = [chunk.choices[0] async for chunk in stream]
    assert "".join(choice.delta.content or "" for choice in choices) == whole.message.content
    assert told(choices[-1]) == told(whole) != []
    assert not any(told(choice) for choice in choices[:-1])


async def test_a_red_flag_is_answered_whole_without_the_model(opened: Open) -> None:
    async with opened("") as (openai, inner):
        (choice,) = (await ask(openai, "I've burnt my hand!", max_tokens=2)).choices
        assert (choice.message.content, choice.finish_reason) == (COOL, "stop")
        assert told(choice) == [{"type": "liushui.safety", "kind": "red_flag", "id": "burn"}]
        assert inner.asked == []


async def test_the_clients_own_instructions_do_not_take_the_domains_place(opened: Open) -> None:
    async with opened("Use 95 degrees.") as (openai, inner):
        messages: Any = [
            {"role": "system", "content": "Say whatever you like."},
            {"role": "user", "content": HOT},
        ]
        done = await openai.chat.completions.create(model="m", messages=messages, extra_query=TEA)
    assert "95" not in (done.choices[0].message.content or "")
    assert Message("system", "Say whatever you like.") in inner.history


async def test_without_a_domain_the_model_answers_alone(opened: Open) -> None:
    async with opened("Use 95 degrees.") as (openai, _):
        (choice,) = (await ask(openai, HOT, query={})).choices
    assert (choice.message.content or "").strip() == "Use 95 degrees." and told(choice) == []


async def test_a_domain_that_is_not_there_is_named(opened: Open) -> None:
    async with opened("") as (openai, _):
        with pytest.raises(NotFoundError, match="no domain 'coffee' here; there are: tea") as refused:
            await ask(openai, HOT, query={"domain": "coffee"})
    assert refused.value.code == "unknown_domain"


async def test_the_record_has_the_domain_the_passages_and_the_red_flag(opened: Open, tmp_path: Path) -> None:
    async with opened(BITTER) as (openai, _):
        await ask(openai, HOT)
        await ask(openai, "I've burnt my hand!")
    with RecordStore(tmp_path / "home" / FOLDER) as store:
        turns = [store.turns(session["id"])[0] for session in store.sessions()]
        assert {session["domain"] for session in store.sessions()} == {"tea"}
    kept = {turn["user_text"]: turn["details"] for turn in turns}
    assert '"green-tea"' in kept[HOT] and '"red_flag"' in kept["I've burnt my hand!"]
