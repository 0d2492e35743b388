"""A real model calls a tool: Qwen2.5 0.5B, the whole session and OpenAI's SDK over a real socket, in text."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator

import pytest
from openai.resources.realtime.realtime import AsyncRealtimeConnection
from openai.types.realtime.realtime_response import RealtimeResponse

from assistant.engines import EngineConfig, load_language_model
from assistant.loaded import Engines
from assistant.session import Session
from assistant.weights import Store
from tests.test_transport_app import service
from tests.test_transport_openai import sdk
from transport.connection import Connection

ENOUGH_S = 60.0
WEATHER = {
    "type": "function",
    "name": "get_weather",
    "description": "Get the current weather of a city.",
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
}


@pytest.fixture(scope="module")
def engines() -> Iterator[Engines]:
    loaded = Engines(load_language_model(EngineConfig(), Store()), None, None)
    yield loaded
    loaded.close()


async def answer(connection: AsyncRealtimeConnection) -> RealtimeResponse:
    """Ask for an answer and wait for its end."""
    await connection.response.create()
    async with asyncio.timeout(ENOUGH_S):
        async for event in connection:
            assert event.type != "error", event
            if event.type == "response.done":
                return event.response
    raise AssertionError("the session ended")


async def test_a_question_about_the_weather_is_answered_from_what_the_tool_returned(engines: Engines) -> None:
    async def serve(connection: Connection) -> None:
        await Session(connection, engines).run()

    async with service(serve) as url, sdk(url).realtime.connect(model="qwen") as connection:
        session = {"type": "realtime", "instructions": "Answer briefly.", "tools": [WEATHER]}
        await connection.session.update(session=session)  # type: ignore[arg-type]
        question = [{"type": "input_text", "text": "What is the weather like in Paris now?"}]
        await connection.conversation.item.create(
            item={"type": "message", "role": "user", "content": question}  # type: ignore[misc, arg-type]
        )
        (call,) = (await answer(connection)).output or []
        assert call.type == "function_call" and call.call_id is not None
        assert (call.name, json.loads(call.arguments)) == ("get_weather", {"city": "Paris"})
        result = json.dumps({"temperature_c": 21, "sky": "clear"})
        await connection.conversation.item.create(
            item={"type": "function_call_output", "call_id": call.call_id, "output": result}
        )
        (message,) = (await answer(connection)).output or []
        assert message.type == "message"
        text = str(message.content[0].text)
    assert "21" in text and "clear" in text and "{" not in text
