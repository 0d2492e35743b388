from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from transport import events
from transport.audio_formats import AudioFormat
from transport.calls import FunctionCall, FunctionCallOutput
from transport.errors import RejectedEventError
from transport.events import Command, parse_event
from transport.fields import Fields
from transport.items import Item
from transport.settings import SessionSettings, Transcription, TurnDetection
from transport.tools import FunctionTool, ToolChoice
from transport.updates import merged

DEFAULTS = SessionSettings(instructions="Be brief.")
TOOL = {"type": "function", "name": "find", "parameters": {"type": "object"}}
AUDIO: dict[str, object] = {"type": "input_audio", "audio": "AEAAwABAAMAAQADAAEAAwABAAMAAQADAAEAAwA=="}


def parse(event: object, current: SessionSettings = DEFAULTS) -> Command:
    text = event if isinstance(event, str) else json.dumps(event)
    return parse_event(text, current, lambda prefix: f"{prefix}_new")


def update(session: object) -> SessionSettings:
    command = parse({"type": "session.update", "session": session})
    assert isinstance(command, events.SessionUpdated)
    return command.settings


def refusal(event: object) -> RejectedEventError:
    with pytest.raises(RejectedEventError) as caught:
        parse(event)
    return caught.value


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
KINDS = [
    "session.update",
    "input_audio_buffer.append",
    "conversation.item.create",
    "conversation.item.truncate",
    "response.create",
    "response.cancel",
]
NAMES = [
    "session",
    "audio",
    "item",
    "item_id",
    "content",
    "content_index",
    "audio_end_ms",
    "response",
    "event_id",
]
NESTED = [
    "type", "role", "content", "text", "audio", "input", "output", "format", "voice", "speed", "tools",
    "instructions", "turn_detection", "transcription", "max_output_tokens", "output_modalities",
]  # fmt: skip
near_events = st.fixed_dictionaries(
    {"type": st.sampled_from(KINDS)},
    optional={
        name: json_values
        | st.dictionaries(
            st.sampled_from(NESTED),
            json_values | st.dictionaries(st.sampled_from(NESTED), json_values, max_size=4),
            max_size=4,
        )
        for name in NAMES
    },
)


@settings(max_examples=200, deadline=None)
@given(st.text() | json_values.map(json.dumps) | near_events.map(json.dumps))
def test_whatever_the_text_only_a_refusal_that_can_be_sent_back_is_raised(text: str) -> None:
    try:
        command = parse_event(text, DEFAULTS, str)
    except RejectedEventError as error:
        json.dumps([str(error), error.code, error.param, error.event_id], ensure_ascii=False).encode()
    else:
        assert isinstance(command, Command)


@pytest.mark.parametrize(
    "text",
    ["", "{", "[" * 100_000, '{"type": NaN}', "1" * 5000, "[]", '"session.update"', '{"a":1}', '{"type":7}'],
)
def test_a_message_that_is_no_event_is_refused(text: str) -> None:
    with pytest.raises(RejectedEventError):
        parse(text)


def test_an_unknown_event_is_refused_with_its_name_its_id_and_the_names_we_know() -> None:
    error = refusal({"type": "session.destroy", "event_id": "evt_7"})
    assert (error.code, error.param, error.event_id) == ("unknown_event_type", "type", "evt_7")
    assert "'session.destroy'" in str(error)
    assert "session.update" in str(error)


def test_half_a_surrogate_pair_is_refused_because_it_could_not_be_sent_back() -> None:
    item = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "\ud800"}]}
    assert "surrogate" in str(
        refusal({"type": "conversation.item.create", "item": item, "event_id": "\ud800"})
    )


def test_a_nul_is_refused_because_it_ends_a_text_for_what_is_written_in_c() -> None:
    item = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "a\0b"}]}
    assert "NUL" in str(refusal({"type": "conversation.item.create", "item": item}))


def test_long_audio_comes_in_pieces_of_a_second() -> None:
    samples = np.arange(60_000, dtype=np.float32)
    pieces = events.AudioAppended(samples, 24_000, event_id="e1").pieces()
    assert [len(piece.samples) for piece in pieces] == [24_000, 24_000, 12_000]
    assert np.array_equal(np.concatenate([piece.samples for piece in pieces]), samples)
    assert {piece.event_id for piece in pieces} == {"e1"}


def test_audio_is_read_in_the_sessions_input_format() -> None:
    event = {"type": "input_audio_buffer.append", "audio": "AAAA", "event_id": "e1"}
    pcm = parse({**event, "audio": "AEAAwA=="})
    assert isinstance(pcm, events.AudioAppended)
    assert (pcm.samples.tolist(), pcm.sample_rate_hz, pcm.event_id) == ([0.5, -0.5], 24_000, "e1")
    telephone = parse(event, SessionSettings(input_format=AudioFormat.PCMU))
    assert isinstance(telephone, events.AudioAppended)
    assert (telephone.samples.dtype.name, len(telephone.samples)) == ("float32", 3)
    assert telephone.duration_ms == pytest.approx(3 / 8)


def test_an_update_changes_what_it_names_and_nothing_else() -> None:
    assert update({"type": "realtime", "audio": {"output": {"speed": 1.25}}}) == SessionSettings(
        instructions="Be brief.", speed=1.25
    )


def test_an_update_of_turn_detection_keeps_what_it_leaves_out_and_null_turns_the_idle_timeout_off() -> None:
    current = SessionSettings(turn_detection=TurnDetection(type="server_vad", idle_timeout_ms=6000))

    def after(**changed: object) -> TurnDetection | None:
        turns = {"type": "server_vad", **changed}
        session = {"audio": {"input": {"turn_detection": turns}}}
        command = parse({"type": "session.update", "session": session}, current)
        assert isinstance(command, events.SessionUpdated)
        return command.settings.turn_detection

    assert after(threshold=0.4) == TurnDetection(type="server_vad", threshold=0.4, idle_timeout_ms=6000)
    assert after(idle_timeout_ms=None) == TurnDetection(type="server_vad")


def test_null_turns_off_turn_detection_and_transcription_and_leaves_the_rest() -> None:
    nulls = {"instructions": None, "max_output_tokens": None, "output_modalities": None}
    audio = {
        "input": {"turn_detection": None, "transcription": None},
        "output": {"voice": None, "speed": None},
    }
    assert update({**nulls, "audio": audio}) == SessionSettings(
        instructions="Be brief.", turn_detection=None, transcription=None
    )


def test_speed_null_leaves_it_to_the_service_again() -> None:
    fast = SessionSettings(speed=1.25)
    for output, speed in (({"speed": None}, None), ({}, 1.25)):
        assert merged(fast, Fields({"type": "realtime", "audio": {"output": output}})).speed == speed


def test_a_full_update_is_read_whole() -> None:
    turns = {"type": "server_vad", "threshold": 0.6, "silence_duration_ms": 300, "create_response": False}
    session = {
        "type": "realtime",
        "instructions": "",
        "output_modalities": ["text"],
        "max_output_tokens": 64,
        "tools": [],
        "tool_choice": "auto",
        "audio": {
            "input": {
                "format": {"type": "audio/pcma"},
                "transcription": {"model": "whisper-1", "language": "zh"},
                "noise_reduction": {"type": "near_field"},
                "turn_detection": turns,
            },
            "output": {"format": {"type": "audio/pcm", "rate": 24000}, "voice": {"id": "marin"}},
        },
    }
    assert update(session) == SessionSettings(
        modality="text",
        max_output_tokens=64,
        input_format=AudioFormat.PCMA,
        transcription=Transcription("whisper-1", "zh"),
        voice="marin",
        turn_detection=TurnDetection(
            type="server_vad", threshold=0.6, silence_duration_ms=300, create_response=False
        ),
    )


def test_inf_takes_the_token_limit_away() -> None:
    limited = SessionSettings(max_output_tokens=20)
    command = parse({"type": "session.update", "session": {"max_output_tokens": "inf"}}, limited)
    assert isinstance(command, events.SessionUpdated)
    assert command.settings.max_output_tokens is None


@pytest.mark.parametrize(
    ("session", "param", "words"),
    [
        ({"voise": "marin"}, "session.voise", "not a field we know"),
        ({"type": "transcription"}, "session.type", "send realtime"),
        ({"output_modalities": ["audio", "text"]}, "session.output_modalities", "send one of these two"),
        ({"max_output_tokens": 0}, "session.max_output_tokens", "is 0"),
        ({"max_output_tokens": True}, "session.max_output_tokens", "whole number"),
        ({"instructions": 3}, "session.instructions", "is 3: send a string"),
        ({"tools": [{"type": "function"}]}, "session.tools[0].name", "is missing"),
        ({"tools": [{"type": "mcp", "server_label": "x"}]}, "session.tools[0].server_label", "not a field"),
        ({"tools": [TOOL, TOOL]}, "session.tools", "two tools named 'find'"),
        ({"tools": [{**TOOL, "name": "look up"}]}, "session.tools[0].name", "send 1 to 64 letters"),
        ({"tools": [TOOL], "tool_choice": {"name": "f"}}, "session.tool_choice", "known are find"),
        ({"tool_choice": "required"}, "session.tool_choice", "there are no tools"),
        ({"audio": {"output": {"speed": 9}}}, "session.audio.output.speed", "is 9: send 0.25 to 1.5"),
        ({"audio": {"output": {"speed": -(10**400)}}}, "session.audio.output.speed", "send 0.25 to 1.5"),
        ({"audio": {"input": {"format": "pcm16"}}}, "session.audio.input.format", "send an object"),
        ({"audio": {"input": {"format": {"type": "mp3"}}}}, "session.audio.input.format.type", "or audio/"),
        (
            {"audio": {"input": {"format": {"type": "audio/pcm", "rate": 16000}}}},
            "session.audio.input.format.rate",
            "is 16000: audio/pcm is always 24000 Hz",
        ),
        (
            {"audio": {"input": {"turn_detection": {"type": "server_vad", "threshold": 2}}}},
            "session.audio.input.turn_detection.threshold",
            "is 2: send 0 to 1",
        ),
        (
            {"audio": {"input": {"turn_detection": {"threshold": 0.5}}}},
            "session.audio.input.turn_detection.type",
            "is missing",
        ),
    ],
)  # fmt: skip
def test_a_setting_at_fault_is_named_with_its_value_and_what_to_send(
    session: dict[str, object], param: str, words: str
) -> None:
    error = refusal({"type": "session.update", "session": session})
    assert error.param == param
    assert words in str(error)


def test_a_written_message_becomes_an_item_with_its_parts_joined() -> None:
    parts = [{"type": "input_text", "text": "one"}, {"type": "input_text", "text": "two"}]
    command = parse(
        {"type": "conversation.item.create", "item": {"type": "message", "role": "user", "content": parts}}
    )
    assert command == events.ItemCreated(Item("item_new", "user", "input_text", "one\ntwo"))


def test_an_earlier_turn_may_be_told_with_its_transcript_or_its_audio() -> None:
    def created(role: str, part: dict[str, object]) -> events.ItemCreated:
        item = {"type": "message", "role": role, "content": [part]}
        command = parse({"type": "conversation.item.create", "item": item})
        assert isinstance(command, events.ItemCreated)
        return command

    told = created("user", {"type": "input_audio", "transcript": "hello"})
    assert told == events.ItemCreated(Item("item_new", "user", "input_audio", "hello"))
    assert created("assistant", {"type": "output_audio", "transcript": "Hi."}).item.text == "Hi."
    heard = created("user", AUDIO)
    assert heard.item.text is None and heard.recording is not None
    assert (len(heard.recording.samples), heard.recording.sample_rate_hz) == (14, 24_000)


def test_a_call_and_its_result_become_items() -> None:
    call = {"type": "function_call", "call_id": "c", "name": "find", "arguments": "{}"}
    command = parse({"type": "conversation.item.create", "item": call})
    assert command == events.ItemCreated(FunctionCall("item_new", "c", "find", "{}"))
    output = {"type": "function_call_output", "call_id": "c", "output": "", "id": "mine"}
    command = parse({"type": "conversation.item.create", "item": output})
    assert command == events.ItemCreated(FunctionCallOutput("mine", "c", ""))


def test_a_response_request_may_be_about_items_of_its_own() -> None:
    text = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Topic?"}]}
    asked = {
        "conversation": "none",
        "input": [{"type": "item_reference", "id": "item_7"}, text],
        "metadata": {"topic": "weather"},
        "tools": [TOOL],
        "tool_choice": "required",
        "audio": {"output": {"format": {"type": "audio/pcmu"}, "voice": "marin"}},
    }
    assert parse({"type": "response.create", "response": asked}) == events.ResponseRequested(
        modality="audio",
        output_format=AudioFormat.PCMU,
        voice="marin",
        tools=(FunctionTool("find", "", {"type": "object"}),),
        tool_choice=ToolChoice("required"),
        input=(events.ItemReference("item_7"), Item("item_new", "user", "input_text", "Topic?")),
        in_conversation=False,
        metadata={"topic": "weather"},
    )


@pytest.mark.parametrize(
    ("item", "words"),
    [
        ({"type": "mcp_call"}, "'mcp_call': send message, function_call or"),
        ({"type": "function_call_output", "call_id": "c"}, "item.output is missing"),
        ({"type": "function_call", "name": "find"}, "item.arguments is missing"),
        ({"type": "message", "role": "user", "content": []}, "holds no text"),
        (
            {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "  "}]},
            "holds no text",
        ),
        ({"type": "message", "role": "tool", "content": []}, "send user or assistant or system"),
        ({"type": "message", "role": "user", "content": [{"type": "input_image"}]}, "image_url is missing"),
        (
            {"type": "message", "role": "user", "content": [{"type": "input_audio"}]},
            "send base64 audio, or the transcript",
        ),
        ({"type": "message", "role": "user", "content": "hello"}, "send an array"),
        ({"type": "message", "role": "user", "content": ["hello"]}, "content[0] is no object"),
    ],
)
def test_an_item_we_cannot_take_is_refused_with_the_reason(item: dict[str, object], words: str) -> None:
    assert words in str(refusal({"type": "conversation.item.create", "item": item}))


def test_a_response_request_carries_what_differs_from_the_session() -> None:
    asked = {"instructions": "Whisper.", "output_modalities": ["text"], "max_output_tokens": 9, "tools": []}
    assert parse({"type": "response.create", "response": asked}) == events.ResponseRequested(
        "Whisper.", "text", 9, tools=()
    )
    assert parse({"type": "response.create"}) == events.ResponseRequested()


@pytest.mark.parametrize(
    "asked",
    [
        {"conversation": "another"},
        {"input": [{}]},
        {"input": ["hello"]},
        {"input": [{"type": "message", "role": "user", "content": [AUDIO]}]},
        {"tools": [{}]},
        {"tool_choice": {"type": "function", "name": "f"}},
        {"audio": {"input": {}}},
        {"prompt": {"id": 1}},
        {"metadata": {"topic": 1}},
        {"metadata": {"topic": "x" * 513}},
        {"metadata": {str(number): "" for number in range(17)}},
        {"voice": "marin"},
    ],
)
def test_a_response_request_that_we_could_not_honour_is_refused(asked: dict[str, object]) -> None:
    assert "response." in str(refusal({"type": "response.create", "response": asked}))


@pytest.mark.parametrize(
    "fields", [{"content_index": 1}, {"audio_end_ms": -1}, {"audio_end_ms": 1.5}, {"item_id": None}]
)
def test_a_truncation_that_makes_no_sense_is_refused(fields: dict[str, object]) -> None:
    whole = {"type": "conversation.item.truncate", "item_id": "i", "content_index": 0, "audio_end_ms": 10}
    assert parse(whole) == events.ItemTruncated("i", 0, 10)
    assert refusal({**whole, **fields}).param == next(iter(fields))
