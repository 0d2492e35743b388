"""OpenAI's agents SDK, unmodified, with the real session over a real socket; scripted engines."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from agents import function_tool
from agents.realtime import RealtimeAgent, RealtimeRunner, RealtimeSession

from assistant.session import Session
from llm.engine import Message
from llm.tool_calls import ToolCall
from tests.dialogues import LONG, RATE_HZ, STORY, Room, room
from tests.fakes import WORD_S
from tests.test_transport_app import service
from transport.connection import Connection

ENOUGH_S = 20.0
CALL = ToolCall("get_weather", '{"city": "Paris"}')
ASKED = "weather in paris?"


@function_tool
def get_weather(city: str) -> str:
    """The weather in a city."""
    return f"clear in {city}"


@asynccontextmanager
async def conversation(here: Room) -> AsyncIterator[tuple[RealtimeSession, Room]]:
    """An agent with a tool, connected to a service of these engines."""

    async def serve(connection: Connection) -> None:
        await Session(connection, here.engines).run()

    agent = RealtimeAgent[Any](name="nurse", instructions="Be brief.", tools=[get_weather])
    async with service(serve) as url:
        runner = RealtimeRunner(agent, config={"tracing_disabled": True})
        async with await runner.run(model_config={"url": url, "api_key": "none"}) as session:
            yield session, here


async def until(session: RealtimeSession, wanted: Callable[[Any], bool]) -> list[Any]:
    """The agent's events up to the first wanted one."""
    events = []
    async with asyncio.timeout(ENOUGH_S):
        async for event in session:
            events.append(event)
            assert event.type != "error", event
            if wanted(event):
                return events
    raise AssertionError("the session ended")


def says(here: Room, text: str) -> bytes:
    return (here.vocabulary.say(text, RATE_HZ) * 32767).astype("<i2").tobytes()


async def test_a_typed_question_makes_the_agent_run_its_tool_and_the_result_is_spoken() -> None:
    here = room()
    here.chat.answers |= {ASKED: CALL.text, "clear in Paris": "It is clear."}
    async with conversation(here) as (session, _):
        await session.send_message(ASKED)
        events = await until(session, lambda event: event.type == "audio_end")
    (ended,) = [event for event in events if event.type == "tool_end"]
    assert ended.output == "clear in Paris"
    spoken = sum(len(event.audio.data) for event in events if event.type == "audio")
    assert spoken == len(says(here, "It is clear."))
    model: Any = here.engines.model
    said = [message for chat in model.opened for message in chat.history]
    assert Message("assistant", CALL.text) in said and Message("tool", "clear in Paris") in said


async def test_a_spoken_question_is_answered_aloud_and_who_breaks_in_interrupts() -> None:
    here = room()
    async with conversation(here) as (session, _):

        async def speak(text: str) -> None:
            for word in text.split():  # at the speed of speech
                await session.send_audio(says(here, word))
                await asyncio.sleep(WORD_S)

        speaking = asyncio.create_task(speak(f"{STORY} ~ ~ ~ ~ ~ and then? ~ ~ ~ ~ ~ ~"))
        events = await until(session, lambda event: event.type == "audio")
        first = events[-1].item_id
        events += await until(session, lambda event: event.type == "audio_interrupted")
        events += await until(session, lambda event: event.type == "audio" and event.item_id != first)
        await speaking
    model: Any = here.engines.model
    question, heard, interruption, *_ = model.opened[-1].history
    assert (question.text, interruption.text) == (STORY, "and then?")
    assert 0 < len(heard.text) < len(LONG) and LONG.startswith(heard.text)
