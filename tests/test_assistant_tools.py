"""Tools, items and responses out of band: conversations in virtual time, as in test_assistant_session."""

from __future__ import annotations

import asyncio
import base64
from typing import Any

import pytest

from llm.engine import Message
from llm.tool_calls import ToolCall
from tests.dialogues import ANSWER, QUESTION, RATE_HZ, Room, converse, room
from transport.settings import SessionSettings, TurnDetection
from transport.tools import FunctionTool, ToolChoice

WEATHER = FunctionTool("get_weather", "The weather in a city.", {"type": "object"})
CALL = ToolCall("get_weather", '{"city": "Paris"}')
ASK = "what is the weather?"
PREAMBLE = "Let me have a look at that for you."
RESULT = '{"sky": "clear"}'


def tool_room(answer: str = f"{PREAMBLE} {CALL.text}", **changes: Any) -> Room:
    """One where the model knows a tool."""
    here = room(settings=SessionSettings(instructions="Be brief.", tools=(WEATHER,), **changes))
    here.chat.answers |= {ASK: answer, RESULT: "It is clear.", "bye.": "Goodbye."}
    return here


def calls(here: Room) -> list[dict[str, Any]]:
    """The finished call items that the client was told of."""
    items: list[Any] = [event["item"] for event in here.client.of_type("response.output_item.done")]
    return [item for item in items if item["type"] == "function_call"]


def return_result(here: Room, output: str = RESULT) -> None:
    """The client answers the last call, and wants to hear about it."""
    item = {"type": "function_call_output", "call_id": calls(here)[-1]["call_id"], "output": output}
    here.client.send({"type": "conversation.item.create", "item": item})
    here.client.send({"type": "response.create"})


def errors(here: Room) -> list[str]:
    return [str(event["error"]["message"]) for event in here.client.of_type("error")]  # type: ignore[index]


def spoken(here: Room) -> str:
    deltas = here.client.of_type("response.output_audio_transcript.delta", "response.output_text.delta")
    return "".join(str(event["delta"]) for event in deltas)


async def until_done(here: Room, count: int) -> None:
    """Let the user be silent until so many responses have ended."""
    for _ in range(200):
        if len(here.statuses()) >= count:
            return
        await here.say("~")
    raise AssertionError(f"{here.statuses()} after 64 s")


def test_a_call_is_made_while_the_words_before_it_are_heard_and_its_result_is_told() -> None:
    async def script(here: Room) -> None:
        await here.say(f"{ASK} ~ ~")
        while not calls(here):
            await here.say("~")
        assert here.statuses() == [], "the words before the call are still to be heard"
        await until_done(here, 1)
        return_result(here)  # at once: the last words are still being heard
        await until_done(here, 2)
        await here.say("~ ~ ~ ~")

    here = converse(tool_room(), script)
    assert (here.statuses(), errors(here)) == (["completed", "completed"], [])
    assert spoken(here) == f"{PREAMBLE} It is clear. "
    assert here.chat.history == (
        Message("user", ASK),
        Message("assistant", f"{PREAMBLE} "),
        Message("assistant", CALL.text),
        Message("tool", RESULT),
        Message("assistant", "It is clear. "),
    )


def test_an_answer_that_only_calls_says_nothing() -> None:
    async def script(here: Room) -> None:
        await here.say(f"{ASK} ~ ~ ~ ~")
        await until_done(here, 1)
        return_result(here)
        await until_done(here, 2)

    here = converse(tool_room(CALL.text), script)
    assert (spoken(here), here.statuses()) == ("It is clear. ", ["completed", "completed"])
    (call,) = calls(here)
    assert (call["name"], call["arguments"], call["status"]) == (CALL.name, CALL.arguments, "completed")


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (f"{PREAMBLE} <tool_call> launch </tool_call>", "malformed"),
        ('<tool_call> {"name": "launch"} </tool_call>', "no tool here"),
    ],
)
def test_a_call_that_cannot_be_made_fails_the_response_and_the_conversation_goes_on(
    answer: str, reason: str
) -> None:
    async def script(here: Room) -> None:
        await here.say(f"{ASK} ~ ~ ~ ~")
        await until_done(here, 1)
        await here.say("~ ~ bye. ~ ~ ~ ~")
        await until_done(here, 2)

    here = converse(tool_room(answer), script)
    assert here.statuses() == ["failed", "completed"]
    done: Any = here.client.of_type("response.done")[0]
    assert reason in done["response"]["status_details"]["error"]["message"]
    assert "tool_call" not in spoken(here)
    assert not any("tool_call" in text for text in here.heard("assistant"))


def test_who_breaks_in_before_the_call_was_made_stops_it_and_afterwards_does_not() -> None:
    async def script(here: Room) -> None:
        await here.say(f"{ASK} ~ ~")
        while not calls(here):
            await here.say("~")
        await here.say("~ and bye. ~ ~ ~ ~ ~ ~")
        await until_done(here, 2)

    here = converse(tool_room(), script)
    assert here.statuses()[0] == "cancelled"
    first, call = here.heard("assistant")[:2]
    assert PREAMBLE.startswith(first.strip()) and len(first) < len(PREAMBLE)
    assert call == CALL.text


def test_tools_that_must_not_be_called_are_not_told_of_and_one_that_must_is_forced() -> None:
    async def script(here: Room) -> None:
        here.type_in(QUESTION)
        await until_done(here, 1)

    assert converse(tool_room(tool_choice=ToolChoice("none")), script).chat.tools == ()
    forced = converse(tool_room(tool_choice=ToolChoice("function", WEATHER.name)), script)
    assert [sampling.call for sampling in forced.chat.asked] == [WEATHER.name]
    assert forced.chat.tools[0].name == WEATHER.name


def test_a_response_with_other_tools_is_made_apart_and_joins_the_conversation() -> None:
    async def script(here: Room) -> None:
        text = [{"type": "input_text", "text": QUESTION}]
        item = {"type": "message", "role": "user", "id": "mine", "content": text}
        here.client.send({"type": "conversation.item.create", "item": item})
        here.client.send({"type": "response.create", "response": {"tool_choice": "none"}})
        await until_done(here, 1)
        await here.say("~ ~ ~")

    here = converse(tool_room(), script)
    assert here.statuses() == ["completed"]
    assert here.chat.asked == []
    assert here.chat.history == (Message("user", QUESTION), Message("assistant", f"{ANSWER} "))


def test_instructions_for_one_response_are_gone_after_it() -> None:
    async def script(here: Room) -> None:
        here.client.send({"type": "response.create", "response": {"instructions": "Greet the user."}})
        await until_done(here, 1)
        await here.say("~ ~ ~")

    here = converse(room(), script)
    assert here.statuses() == ["completed"]
    assert [message.role for message in here.chat.history] == ["assistant"]


def test_a_written_response_out_of_band_comes_while_the_answer_is_heard_and_leaves_no_trace() -> None:
    asked = {
        "conversation": "none",
        "output_modalities": ["text"],
        "metadata": {"topic": "triage"},
        "instructions": "Name the topic.",
        "input": [{"type": "message", "role": "user", "content": [{"type": "input_text", "text": "bye."}]}],
    }

    async def script(here: Room) -> None:
        await here.say(f"{QUESTION} ~ ~ ~ ~ ~ ~")
        here.client.send({"type": "response.create", "response": asked})
        await here.say("~ ~")
        assert here.statuses() == ["completed"], "the answer is still being heard"
        await until_done(here, 2)
        await here.say("~ ~ ~")

    here = converse(tool_room(), script)
    done: Any = here.client.of_type("response.done")
    assert [event["response"]["metadata"] for event in done] == [{"topic": "triage"}, None]
    assert done[0]["response"]["output"][0]["content"][0]["text"] == "Goodbye. "
    assert [event["response"]["usage"]["output_tokens"] for event in done] == [1, len(ANSWER.split())]
    assert here.heard("assistant") == [f"{ANSWER} "]


def test_a_response_out_of_band_can_be_cancelled_by_its_id() -> None:
    async def script(here: Room) -> None:
        asked = {"conversation": "none", "output_modalities": ["text"], "input": []}
        here.client.send({"type": "response.create", "response": asked})
        await asyncio.sleep(0.03)
        (created,) = here.client.of_type("response.created")
        here.client.send({"type": "response.cancel", "response_id": created["response"]["id"]})  # type: ignore[index]
        await here.say("~ ~")

    here = converse(room(), script)
    assert (here.statuses(), errors(here)) == (["cancelled"], [])


def test_a_spoken_response_out_of_band_is_heard_and_forgotten() -> None:
    async def script(here: Room) -> None:
        text = [{"type": "input_text", "text": "bye."}]
        item = {"type": "message", "role": "user", "content": text}
        here.client.send({"type": "response.create", "response": {"conversation": "none", "input": [item]}})
        await until_done(here, 1)
        await here.say("~ ~ ~")

    here = converse(tool_room(), script)
    assert spoken(here) == "Goodbye. " and here.client.of_type("response.output_audio.delta")
    assert here.client.of_type("conversation.item.added") == []
    assert here.chat.history == ()


def create(here: Room, item_id: str, text: str, previous: str | None = None) -> None:
    item = {
        "type": "message",
        "role": "user",
        "id": item_id,
        "content": [{"type": "input_text", "text": text}],
    }
    here.client.send({"type": "conversation.item.create", "item": item, "previous_item_id": previous})


def test_items_are_deleted_and_inserted_where_the_client_wants_them() -> None:
    async def script(here: Room) -> None:
        create(here, "b", "two")
        create(here, "a", "one", "root")
        create(here, "d", "four", "b")
        create(here, "c", "three", "b")
        here.client.send({"type": "conversation.item.delete", "item_id": "d"})
        await here.say("~ ~")

    here = converse(room(), script)
    assert here.heard("user") == ["one", "two", "three"]
    assert [event["item_id"] for event in here.client.of_type("conversation.item.deleted")] == ["d"]


def test_what_was_said_can_be_deleted_too() -> None:
    async def script(here: Room) -> None:
        await here.say(f"{QUESTION} ~ ~ ~ ~")
        await until_done(here, 1)
        await here.say("~ ~ ~")
        for event in here.client.of_type("conversation.item.added"):
            here.client.send({"type": "conversation.item.delete", "item_id": event["item"]["id"]})  # type: ignore[index]
        await here.say("~ ~")

    here = converse(room(), script)
    assert (here.chat.history, errors(here)) == ((), [])


def test_an_answer_before_the_last_one_can_be_truncated() -> None:
    async def script(here: Room) -> None:
        for count in (1, 2):
            await here.say(f"{QUESTION} ~ ~ ~ ~")
            await until_done(here, count)
            await here.say("~ ~ ~")
        item: Any = here.client.of_type("response.output_item.added")[0]["item"]
        truncation = {"type": "conversation.item.truncate", "content_index": 0, "audio_end_ms": 700}
        here.client.send({**truncation, "item_id": item["id"]})
        here.client.send({**truncation, "item_id": item["id"], "audio_end_ms": 400})
        await here.say("~ ~")

    here = converse(room(), script)
    assert errors(here) == []
    assert here.heard("assistant") == ["A", f"{ANSWER} "]


@pytest.mark.parametrize("deaf", [False, True])
def test_speech_in_a_clients_message_is_transcribed_before_it_is_answered(deaf: bool) -> None:
    async def script(here: Room) -> None:
        pcm = (here.vocabulary.say(QUESTION, RATE_HZ) * 32767).astype("<i2").tobytes()
        content = [{"type": "input_audio", "audio": base64.b64encode(pcm).decode()}]
        item = {"type": "message", "role": "user", "content": content}
        here.client.send({"type": "conversation.item.create", "item": item})
        if not deaf:
            here.client.send({"type": "response.create"})
            await until_done(here, 1)
        await here.say("~ ~ ~")

    here = converse(room(deaf=deaf), script)
    assert here.heard("user") == ([] if deaf else [QUESTION])
    assert here.heard("assistant") == ([] if deaf else [f"{ANSWER} "])
    failed = here.client.of_type("conversation.item.input_audio_transcription.failed")
    assert len(failed) == (1 if deaf else 0)


def test_after_a_long_silence_the_assistant_speaks_up_once() -> None:
    detection = TurnDetection(type="server_vad", silence_duration_ms=400, idle_timeout_ms=5000)

    async def script(here: Room) -> None:
        await here.say("~ " * 20)
        assert here.client.of_type("input_audio_buffer.timeout_triggered") == [], "nothing was said yet"
        here.type_in(QUESTION)
        await until_done(here, 2)

    here = converse(room(settings=SessionSettings(turn_detection=detection)), script)
    (event,) = here.client.of_type("input_audio_buffer.timeout_triggered")
    assert int(str(event["audio_end_ms"])) - int(str(event["audio_start_ms"])) == 5000


def test_a_client_that_clears_the_output_is_told_of_the_answer_that_stopped() -> None:
    async def script(here: Room) -> None:
        await here.say("tell me a story. " + "~ " * 6)
        here.client.send({"type": "output_audio_buffer.clear"})
        await here.say("~ ~")

    here = converse(room(), script)
    (event,) = here.client.of_type("output_audio_buffer.cleared")
    assert event["response_id"] == here.client.of_type("response.done")[0]["response"]["id"]  # type: ignore[index]


def test_instructions_and_tools_that_change_leave_what_was_said() -> None:
    async def script(here: Room) -> None:
        create(here, "mine", QUESTION)
        await here.say("~")
        session = {"instructions": "Whisper.", "tools": [WEATHER.on_wire()]}
        here.client.send({"type": "session.update", "session": session})
        await here.say("~")
        here.client.send({"type": "conversation.item.delete", "item_id": "mine"})
        await here.say("~")

    here = room()
    model: Any = here.engines.model
    converse(here, script)
    first, second = model.opened
    assert first.history == (Message("user", QUESTION),)
    assert (second.history, [tool.name for tool in second.tools]) == ((), [WEATHER.name])
