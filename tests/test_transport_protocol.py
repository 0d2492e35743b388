from __future__ import annotations

import base64
import itertools
import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.server_events import SERVER_EVENT
from transport import events
from transport.audio_formats import AudioFormat
from transport.conversation import MAX_CONVERSATION_CHARS, MAX_ITEMS
from transport.errors import LocalProtocolError
from transport.events import Command
from transport.items import Item
from transport.open_response import Usage
from transport.protocol import RealtimeProtocol
from transport.settings import SessionSettings

TONE = np.full(2400, 0.25, np.float32)  # 100 ms at 24 kHz


class Wire:
    """A protocol with ids that count, and its client's view of it."""

    def __init__(self, settings: SessionSettings | None = None) -> None:
        numbers = itertools.count(1)
        self.protocol = RealtimeProtocol(
            "sess_1", "qwen", settings or SessionSettings(), new_id=lambda prefix: f"{prefix}_{next(numbers)}"
        )

    def send(self, kind: str, **fields: object) -> list[Command]:
        return self.protocol.receive(json.dumps({"type": kind, "event_id": "from_client", **fields}))

    def sent(self) -> list[dict[str, Any]]:
        """What the client gets now, each event checked against the SDK's own types."""
        received = [json.loads(text) for text in self.protocol.data_to_send()]
        for event in received:
            if not event["type"].startswith("liushui."):
                SERVER_EVENT.validate_python(event)
        return received

    def kinds(self) -> list[str]:
        return [event["type"] for event in self.sent()]

    def error(self) -> dict[str, Any]:
        (event,) = self.sent()
        assert event["type"] == "error"
        fault: dict[str, Any] = event["error"]
        return fault

    def append(self, milliseconds: int = 200) -> None:
        audio = base64.b64encode(bytes(48 * milliseconds)).decode()
        (command,) = self.send("input_audio_buffer.append", audio=audio)
        assert isinstance(command, events.AudioAppended)


@pytest.fixture
def wire() -> Wire:
    return Wire()


def test_the_session_opens_with_its_settings(wire: Wire) -> None:
    wire.protocol.open()
    (created,) = wire.sent()
    assert created["type"] == "session.created"
    session = created["session"]
    assert (session["id"], session["model"], session["output_modalities"]) == ("sess_1", "qwen", ["audio"])
    assert session["audio"]["input"]["turn_detection"]["type"] == "semantic_vad"


def test_a_spoken_turn_is_told_in_the_order_of_the_api(wire: Wire) -> None:
    item_id = wire.protocol.speech_started(320)
    wire.protocol.transcript_delta(item_id, "What is")
    wire.protocol.speech_stopped(1500)
    assert wire.protocol.audio_committed() == item_id
    wire.protocol.transcript_completed(item_id, "What is flu?")
    told = wire.sent()
    assert [event["type"] for event in told] == [
        "input_audio_buffer.speech_started",
        "conversation.item.input_audio_transcription.delta",
        "input_audio_buffer.speech_stopped",
        "input_audio_buffer.committed",
        "conversation.item.added",
        "conversation.item.done",
        "conversation.item.input_audio_transcription.completed",
    ]
    assert {event.get("item_id", item_id) for event in told} == {item_id}
    assert told[4]["item"]["content"] == [{"type": "input_audio", "transcript": None}]
    assert told[6]["usage"] == {"type": "duration", "seconds": 1.18}
    assert wire.protocol.item(item_id) == Item(item_id, "user", "input_audio", "What is flu?", audio_ms=1180)


def test_a_spoken_answer_is_told_in_the_order_of_the_api(wire: Wire) -> None:
    response_id = wire.protocol.response_started("audio")
    wire.protocol.response_text("Rest, ")
    wire.protocol.response_audio(TONE)
    wire.protocol.response_text("and drink.")
    wire.protocol.response_finished("completed", usage=Usage(12, 5, cached_tokens=8))
    told = wire.sent()
    assert [event["type"] for event in told] == [
        "response.created",
        "response.output_item.added",
        "conversation.item.added",
        "response.content_part.added",
        "response.output_audio_transcript.delta",
        "response.output_audio.delta",
        "response.output_audio_transcript.delta",
        "response.output_audio.done",
        "response.output_audio_transcript.done",
        "response.content_part.done",
        "response.output_item.done",
        "conversation.item.done",
        "response.done",
    ]
    assert told[8]["transcript"] == "Rest, and drink."
    response = told[-1]["response"]
    assert (response["id"], response["status"], response["usage"]["total_tokens"]) == (
        response_id,
        "completed",
        17,
    )
    assert response["output"][0]["content"] == [{"type": "output_audio", "transcript": "Rest, and drink."}]


def test_a_written_answer_has_text_events_and_no_audio_ones(wire: Wire) -> None:
    wire.protocol.response_started("text")
    wire.protocol.response_text("你好。")
    wire.protocol.response_finished("incomplete", "max_output_tokens")
    told = wire.sent()
    assert [event["type"] for event in told][4:6] == [
        "response.output_text.delta",
        "response.output_text.done",
    ]
    assert not any("audio" in event["type"] for event in told)
    assert told[-1]["response"]["status_details"] == {"type": "incomplete", "reason": "max_output_tokens"}


def test_an_interrupted_answer_keeps_only_what_was_heard(wire: Wire) -> None:
    wire.protocol.response_started("audio")
    wire.protocol.response_text("Take one tablet every six hours.")
    wire.protocol.response_audio(TONE)
    item_id = wire.protocol.response_item_id
    assert item_id is not None
    wire.protocol.response_finished("cancelled", "turn_detected", heard="Take one")
    told = wire.sent()
    assert told[-1]["response"]["status_details"] == {"type": "cancelled", "reason": "turn_detected"}
    assert told[-1]["response"]["output"][0]["status"] == "incomplete"
    assert wire.protocol.item(item_id) == Item(
        item_id, "assistant", "output_audio", "Take one", "incomplete", 100
    )


def test_a_failed_answer_says_why_and_another_one_can_follow(wire: Wire) -> None:
    wire.protocol.response_started("audio")
    wire.protocol.response_finished("failed", "the voice died")
    assert wire.sent()[-1]["response"]["status_details"]["error"]["message"] == "the voice died"
    assert wire.protocol.response_started("text")


def test_items_follow_one_another_in_order(wire: Wire) -> None:
    wire.append()
    first = wire.protocol.audio_committed()
    wire.protocol.response_started("text")
    second = wire.protocol.response_item_id
    wire.protocol.response_finished("completed")
    wire.protocol.item_added(Item("mine", "user", "input_text", "and now?"))
    order = [
        (e["item"]["id"], e["previous_item_id"])
        for e in wire.sent()
        if e["type"] == "conversation.item.added"
    ]
    assert order == [(first, None), (second, first), ("mine", second)]


def test_speech_that_goes_on_after_a_pause_keeps_its_item(wire: Wire) -> None:
    first = wire.protocol.speech_started(100)
    wire.protocol.speech_stopped(900)
    assert wire.protocol.speech_started(1400) == first
    wire.protocol.speech_stopped(2100)
    assert wire.protocol.audio_committed() == first
    item = wire.protocol.item(first)
    assert isinstance(item, Item)
    assert item.audio_ms == 2000


def test_cleared_audio_takes_its_promised_item_with_it(wire: Wire) -> None:
    first = wire.protocol.speech_started(100)
    wire.protocol.audio_cleared()
    assert wire.protocol.speech_started(500) != first
    assert "input_audio_buffer.cleared" in wire.kinds()


def test_an_update_is_answered_with_the_whole_effective_settings(wire: Wire) -> None:
    (command,) = wire.send(
        "session.update", session={"instructions": "Be kind.", "output_modalities": ["text"]}
    )
    assert command == events.SessionUpdated(wire.protocol.settings, event_id="from_client")
    (updated,) = wire.sent()
    assert updated["type"] == "session.updated"
    assert updated["session"]["instructions"] == "Be kind."
    assert updated["session"]["audio"]["output"]["format"] == {"type": "audio/pcm", "rate": 24000}


def test_a_refused_update_changes_nothing(wire: Wire) -> None:
    assert wire.send("session.update", session={"instructions": "x", "audio": {"output": {"speed": 9}}}) == []
    assert wire.error()["param"] == "session.audio.output.speed"
    assert wire.protocol.settings == SessionSettings()


@pytest.mark.parametrize(
    "message", ["not json", b"\x00\x01", '{"type": "session.destroy", "event_id": "from_client"}']
)
def test_a_message_that_cannot_be_acted_on_gets_an_error_and_the_session_lives(
    wire: Wire, message: str | bytes
) -> None:
    assert wire.protocol.receive(message) == []
    assert wire.error()["type"] == "invalid_request_error"
    wire.append()


def test_a_refusal_by_the_sessions_state_names_the_clients_event(wire: Wire) -> None:
    assert wire.send("response.cancel") == []
    fault = wire.error()
    assert (fault["code"], fault["event_id"]) == ("response_cancel_not_active", "from_client")


def test_a_commit_needs_a_tenth_of_a_second_of_audio(wire: Wire) -> None:
    wire.append(90)
    assert wire.send("input_audio_buffer.commit") == []
    assert "holds 90 ms" in wire.error()["message"]
    wire.append(10)
    assert wire.send("input_audio_buffer.commit") == [events.AudioCommitted(event_id="from_client")]


def test_one_response_at_a_time(wire: Wire) -> None:
    response_id = wire.protocol.response_started("audio")
    wire.sent()
    assert wire.send("response.create") == []
    assert wire.error()["code"] == "conversation_already_has_active_response"
    assert wire.send("response.cancel", response_id="resp_other") == []
    assert "'resp_other' is not in progress" in wire.error()["message"]
    assert wire.send("response.cancel", response_id=response_id)
    assert wire.send("response.cancel")


def test_a_truncation_cuts_what_was_sent_and_nothing_more(wire: Wire) -> None:
    wire.protocol.response_started("audio")
    item_id = wire.protocol.response_item_id
    assert item_id is not None
    wire.protocol.response_text("Take one tablet.")
    wire.protocol.response_audio(TONE)
    assert wire.send("conversation.item.truncate", item_id=item_id, content_index=0, audio_end_ms=100)
    wire.protocol.response_finished("completed")
    wire.sent()
    assert wire.send("conversation.item.truncate", item_id=item_id, content_index=0, audio_end_ms=101) == []
    assert "has 100 ms" in wire.error()["message"]
    assert wire.send("conversation.item.truncate", item_id=item_id, content_index=0, audio_end_ms=60)
    wire.protocol.item_truncated(item_id, 0, 60, "Take")
    assert wire.kinds() == ["conversation.item.truncated"]
    item = wire.protocol.item(item_id)
    assert isinstance(item, Item)
    assert (item.text, item.audio_ms) == ("Take", 60)


def test_only_a_spoken_answer_can_be_truncated(wire: Wire) -> None:
    wire.protocol.item_added(Item("mine", "user", "input_text", "hello"))
    wire.sent()
    assert wire.send("conversation.item.truncate", item_id="mine", content_index=0, audio_end_ms=0) == []
    assert "no spoken answer" in wire.error()["message"]


def test_an_item_is_retrieved_deleted_and_then_not_found(wire: Wire) -> None:
    wire.protocol.item_added(Item("mine", "user", "input_text", "hello"))
    assert wire.send("conversation.item.retrieve", item_id="mine") == []
    assert wire.sent()[-1]["item"]["content"] == [{"type": "input_text", "text": "hello"}]
    assert wire.send("conversation.item.delete", item_id="mine")
    wire.protocol.item_deleted("mine")
    assert wire.kinds() == ["conversation.item.deleted"]
    assert wire.send("conversation.item.retrieve", item_id="mine") == []
    assert wire.error()["code"] == "item_not_found"


def test_an_item_still_being_said_cannot_be_deleted(wire: Wire) -> None:
    wire.protocol.response_started("audio")
    wire.protocol.response_text("Rest")
    wire.sent()
    assert wire.send("conversation.item.delete", item_id=wire.protocol.response_item_id) == []
    assert wire.error()["code"] == "item_in_progress"


def test_an_item_joins_where_it_is_told_to_under_an_id_of_its_own(wire: Wire) -> None:
    def join(item_id: str, previous: str | None) -> None:
        content = [{"type": "input_text", "text": "hi"}]
        item = {"type": "message", "role": "user", "id": item_id, "content": content}
        for command in wire.send("conversation.item.create", item=item, previous_item_id=previous):
            assert isinstance(command, events.ItemCreated)
            wire.protocol.item_added(command.item, command.previous_item_id)

    for item_id, previous in [("b", "root"), ("d", None), ("a", "root"), ("c", "b"), ("e", "d")]:
        join(item_id, previous)
    told = [(e["item"]["id"], e["previous_item_id"]) for e in wire.sent() if e["type"].endswith("added")]
    assert told == [("b", None), ("d", "b"), ("a", None), ("c", "b"), ("e", "d")]
    assert wire.protocol.items_before("e") == ("d", "c", "b", "a")
    join("a", None)
    assert wire.error()["code"] == "item_exists"
    join("f", "nowhere")
    assert wire.error()["code"] == "item_not_found"


def test_a_call_is_told_in_the_order_of_the_api_and_its_result_must_name_it(wire: Wire) -> None:
    wire.protocol.response_started("audio")
    wire.protocol.response_text("Let me see. ")
    item_id = wire.protocol.response_called("find", '{"what": "a room"}')
    wire.protocol.response_finished("completed")
    told = wire.sent()
    assert [event["type"] for event in told] == [
        "response.created",
        "response.output_item.added",
        "conversation.item.added",
        "response.content_part.added",
        "response.output_audio_transcript.delta",
        "response.output_item.added",
        "conversation.item.added",
        "response.function_call_arguments.delta",
        "response.function_call_arguments.done",
        "response.output_item.done",
        "conversation.item.done",
        "response.output_audio.done",
        "response.output_audio_transcript.done",
        "response.content_part.done",
        "response.output_item.done",
        "conversation.item.done",
        "response.done",
    ]
    message, call = told[-1]["response"]["output"]
    assert (message["type"], told[5]["output_index"], told[5]["item"]["status"]) == (
        "message",
        1,
        "in_progress",
    )
    assert (call["id"], call["name"], call["arguments"]) == (item_id, "find", '{"what": "a room"}')
    result = {"type": "function_call_output", "call_id": "another", "output": "none"}
    assert wire.send("conversation.item.create", item=result) == []
    assert wire.error()["code"] == "call_not_found"
    assert wire.send("conversation.item.create", item={**result, "call_id": call["call_id"]})


def test_an_answer_that_only_calls_has_no_message(wire: Wire) -> None:
    wire.protocol.response_started("audio")
    wire.protocol.response_called("find", "{}")
    wire.protocol.response_finished("completed")
    told = wire.sent()
    assert not any("audio" in event["type"] or "part" in event["type"] for event in told)
    assert [item["type"] for item in told[-1]["response"]["output"]] == ["function_call"]


def test_a_written_response_out_of_band_stands_beside_the_answer_and_outside_the_conversation(
    wire: Wire,
) -> None:
    wire.protocol.response_started("audio")
    wire.protocol.response_text("Rest.")
    before = wire.protocol.response_item_id
    asked = {"conversation": "none", "output_modalities": ["text"], "metadata": {"topic": "a"}}
    (command,) = wire.send("response.create", response=asked)
    assert isinstance(command, events.ResponseRequested)
    wire.sent()
    aside = wire.protocol.response_started("text", command)
    wire.protocol.response_text("flu", aside)
    assert wire.send("response.cancel", response_id=aside)
    wire.protocol.response_finished("completed", response_id=aside)
    told = wire.sent()
    assert not any(event["type"].startswith("conversation.") for event in told)
    done = told[-1]["response"]
    assert (done["conversation_id"], done["metadata"]) == (None, {"topic": "a"})
    assert done["output"][0]["content"] == [{"type": "output_text", "text": "flu"}]
    wire.protocol.response_finished("completed")
    assert wire.protocol.item(str(before)) is not None
    with pytest.raises(LocalProtocolError):
        wire.protocol.response_text("late", aside)


def test_a_response_request_names_items_of_the_conversation_or_is_refused(wire: Wire) -> None:
    wire.protocol.item_added(item := Item("mine", "user", "input_text", "hello"))
    wire.sent()
    (command,) = wire.send("response.create", response={"input": [{"type": "item_reference", "id": "mine"}]})
    assert isinstance(command, events.ResponseRequested)
    assert command.input == (item,)
    assert wire.send("response.create", response={"input": [{"type": "item_reference", "id": "x"}]}) == []
    assert wire.error()["code"] == "item_not_found"


def test_a_silence_that_timed_out_is_the_users_turn_without_words(wire: Wire) -> None:
    wire.protocol.silence_timed_out(4000, 9000)
    told = wire.sent()
    assert [event["type"] for event in told] == [
        "input_audio_buffer.timeout_triggered",
        "input_audio_buffer.committed",
        "conversation.item.added",
        "conversation.item.done",
    ]
    assert told[0]["item_id"] == told[2]["item"]["id"]


def test_the_conversation_kept_is_bounded_and_lets_the_oldest_go(wire: Wire) -> None:
    for number in range(MAX_ITEMS + 1):
        wire.protocol.item_added(Item(f"item{number}", "user", "input_text", "x"))
    assert wire.protocol.item("item0") is None
    assert wire.protocol.item("item1") is not None
    wire.protocol.item_added(Item("large", "user", "input_text", "x" * MAX_CONVERSATION_CHARS))
    assert wire.protocol.item(f"item{MAX_ITEMS}") is None
    assert wire.protocol.item("large") is not None


def test_without_transcription_the_users_words_stay_here() -> None:
    wire = Wire(SessionSettings(transcription=None))
    item_id = wire.protocol.speech_started(0)
    wire.protocol.transcript_delta(item_id, "secret")
    wire.protocol.speech_stopped(500)
    wire.protocol.audio_committed()
    wire.protocol.transcript_completed(item_id, "secret")
    assert not any("transcription" in kind for kind in wire.kinds())


def test_a_transcript_of_a_deleted_item_is_passed_over(wire: Wire) -> None:
    item_id = wire.protocol.audio_committed()
    wire.protocol.item_deleted(item_id)
    wire.sent()
    wire.protocol.transcript_completed(item_id, "hello")
    assert wire.sent() == []


def test_a_failed_transcription_is_told_apart_from_other_errors(wire: Wire) -> None:
    item_id = wire.protocol.audio_committed()
    wire.protocol.transcript_failed(item_id, "the recogniser died")
    assert wire.sent()[-1]["error"]["message"] == "the recogniser died"


def test_telephone_audio_leaves_at_8_khz_to_its_last_sample() -> None:
    wire = Wire(SessionSettings(output_format=AudioFormat.PCMA))
    wire.protocol.response_started("audio")
    for _ in range(10):
        wire.protocol.response_audio(TONE)
    wire.protocol.response_finished("completed")
    deltas = [event["delta"] for event in wire.sent() if event["type"] == "response.output_audio.delta"]
    assert sum(len(base64.b64decode(delta)) for delta in deltas) == 8000
    assert all(deltas)


def test_a_notice_of_our_own_carries_its_fields(wire: Wire) -> None:
    wire.protocol.notice("liushui.mode", mode="text", reason="no voice")
    (event,) = wire.sent()
    assert event == {
        "type": "liushui.mode",
        "event_id": event["event_id"],
        "mode": "text",
        "reason": "no voice",
    }
    with pytest.raises(LocalProtocolError, match=r"begins with liushui\."):
        wire.protocol.notice("session.created")


def test_a_change_of_mode_is_told_with_the_settings_now_in_force(wire: Wire) -> None:
    wire.protocol.mode_changed("text", "the voice failed")
    updated, mode = wire.sent()
    assert updated["session"]["output_modalities"] == ["text"]
    assert (mode["type"], mode["mode"], mode["reason"]) == ("liushui.mode", "text", "the voice failed")
    assert wire.protocol.settings.modality == "text"


def test_driving_the_protocol_wrongly_is_our_fault_and_raises(wire: Wire) -> None:
    with pytest.raises(LocalProtocolError, match="response_text without an open response"):
        wire.protocol.response_text("hello")
    with pytest.raises(LocalProtocolError, match="speech_stopped without speech"):
        wire.protocol.speech_stopped(10)
    wire.protocol.response_started("text")
    with pytest.raises(LocalProtocolError, match="is still open"):
        wire.protocol.response_started("text")
    with pytest.raises(LocalProtocolError, match="writing is given audio"):
        wire.protocol.response_audio(TONE)


client_moves = st.sampled_from(
    [
        ("response.create", {}),
        ("response.cancel", {}),
        ("input_audio_buffer.commit", {}),
        ("input_audio_buffer.clear", {}),
        ("input_audio_buffer.append", {"audio": base64.b64encode(bytes(4800)).decode()}),
        ("output_audio_buffer.clear", {}),
        ("session.update", {"session": {"audio": {"output": {"format": {"type": "audio/pcmu"}}}}}),
        ("conversation.item.retrieve", {"item_id": "item_3"}),
        ("conversation.item.truncate", {"item_id": "item_3", "content_index": 0, "audio_end_ms": 50}),
        ("conversation.item.delete", {"item_id": "item_5"}),
        ("no.such.event", {}),
    ]
)
session_moves = st.sampled_from(
    [
        ("speech_started", (10,)),
        ("speech_stopped", (20,)),
        ("audio_committed", ()),
        ("audio_cleared", ()),
        ("transcript_completed", ("item_3", "words")),
        ("item_truncated", ("item_3", 0, 10, "w")),
        ("item_deleted", ("item_3",)),
        ("response_started", ("audio",)),
        ("response_started", ("text",)),
        ("response_text", ("words ",)),
        ("response_audio", (TONE,)),
        ("response_finished", ("completed",)),
        ("response_finished", ("cancelled", "client_cancelled", None, "w")),
    ]
)


@settings(max_examples=150, deadline=None)
@given(
    st.lists(
        client_moves.map(lambda move: ("send", move)) | session_moves.map(lambda move: ("do", move)),
        max_size=40,
    )
)
def test_whatever_client_and_session_do_every_event_is_valid_and_every_response_ends_once(
    moves: list[tuple[str, tuple[str, Any]]],
) -> None:
    wire = Wire()
    told: list[dict[str, Any]] = []
    for side, (name, given_fields) in moves:
        if side == "send":
            wire.send(name, **given_fields)
        else:
            try:
                getattr(wire.protocol, name)(*given_fields)
            except LocalProtocolError:
                continue
        told += wire.sent()
    begun = [event["response"]["id"] for event in told if event["type"] == "response.created"]
    ended = [event["response"]["id"] for event in told if event["type"] == "response.done"]
    assert ended == begun[: len(ended)]
    assert len(begun) - len(ended) == (wire.protocol.response_id is not None)
