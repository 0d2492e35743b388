"""OpenAI's own SDK, unmodified, against the service with a scripted session."""

from __future__ import annotations

import asyncio
import base64
import json
from typing import get_args

import numpy as np
from openai import AsyncOpenAI
from openai.resources.realtime.realtime import AsyncRealtimeConnection
from openai.types.realtime import RealtimeClientEvent, RealtimeServerEvent
from pydantic import BaseModel
from websockets.typing import Subprotocol

from tests.test_transport_app import service
from transport.connection import Connection
from transport.events import AudioCommitted, ItemCreated, ResponseRequested
from transport.items import Item
from transport.open_response import Usage
from transport.protocol import LIUSHUI_V1, RealtimeProtocol
from transport.settings import SessionSettings

ANSWER = ("Rest, ", "and drink ", "enough.")
TONE = np.full(2400, 0.25, np.float32)  # 100 ms


async def consult(connection: Connection) -> None:
    """Answers a committed turn aloud, and a request in the modality of the session."""
    wire = connection.protocol
    wire.open()
    await connection.flush()
    async for command in connection:
        match command:
            case AudioCommitted():
                item_id = wire.audio_committed()
                wire.transcript_completed(item_id, "What helps against flu?")
                await answer(connection)
            case ItemCreated(item):
                wire.item_added(item)
            case ResponseRequested():
                await answer(connection)
        await connection.flush()


async def answer(connection: Connection) -> None:
    wire = connection.protocol
    wire.response_started(wire.settings.modality)
    for piece in ANSWER:
        wire.response_text(piece)
        if wire.settings.modality == "audio":
            wire.response_audio(TONE)
        await connection.flush()
    wire.response_finished("completed", usage=Usage(9, 3))
    wire.notice("liushui.turn.timings", v2v_ms=212)
    await connection.flush()


def sdk(url: str) -> AsyncOpenAI:
    root = url.removesuffix("/realtime")
    return AsyncOpenAI(base_url=root.replace("ws", "http"), websocket_base_url=root, api_key="none")


async def until_done(connection: AsyncRealtimeConnection) -> list[RealtimeServerEvent]:
    events = []
    async with asyncio.timeout(20):
        async for event in connection:
            events.append(event)
            if event.type == "response.done":
                break
    return events


async def test_the_openai_sdk_holds_a_spoken_turn() -> None:
    async with service(consult) as url, sdk(url).realtime.connect(model="gpt-realtime") as connection:
        await connection.session.update(
            session={
                "type": "realtime",
                "output_modalities": ["audio"],
                "instructions": "Be brief.",
                "audio": {"input": {"turn_detection": None, "transcription": {"model": "whisper-1"}}},
            }
        )
        speech = base64.b64encode(bytes(48_000)).decode()
        await connection.input_audio_buffer.append(audio=speech)
        await connection.input_audio_buffer.commit()
        events = await until_done(connection)
    told = {event.type: event for event in events}
    assert [event.type for event in events[:2]] == ["session.created", "session.updated"]
    completed = told["conversation.item.input_audio_transcription.completed"]
    assert completed.type == "conversation.item.input_audio_transcription.completed"
    assert completed.transcript == "What helps against flu?"
    spoken = b"".join(base64.b64decode(e.delta) for e in events if e.type == "response.output_audio.delta")
    assert len(spoken) == 2 * 2400 * len(ANSWER)
    transcript = "".join(e.delta for e in events if e.type == "response.output_audio_transcript.delta")
    assert transcript == "".join(ANSWER)
    done = told["response.done"]
    assert done.type == "response.done"
    assert (done.response.status, done.response.usage and done.response.usage.total_tokens) == (
        "completed",
        12,
    )


async def test_the_openai_sdk_holds_a_written_turn() -> None:
    async with service(consult) as url, sdk(url).realtime.connect(model="gpt-realtime") as connection:
        await connection.session.update(session={"type": "realtime", "output_modalities": ["text"]})
        await connection.conversation.item.create(
            item={
                "type": "message",
                "role": "user",
                "content": [{"type": "input_text", "text": "What helps against flu?"}],
            }
        )
        await connection.response.create()
        events = await until_done(connection)
    (written,) = [event for event in events if event.type == "response.output_text.done"]
    assert written.text == "".join(ANSWER)
    assert not [event for event in events if event.type.startswith("response.output_audio")]


async def test_the_openai_sdk_passes_our_own_events_on_when_it_asks_for_them() -> None:
    async with (
        service(consult) as url,
        sdk(url).realtime.connect(
            model="gpt-realtime", websocket_connection_options={"subprotocols": [Subprotocol(LIUSHUI_V1)]}
        ) as connection,
    ):
        await connection.response.create()
        await until_done(connection)
        timings = await connection.recv()
    assert (timings.type, timings.to_dict()["v2v_ms"]) == ("liushui.turn.timings", 212)


TOOL = {"type": "function", "name": "find", "description": "", "parameters": {"type": "object"}}
SAID = {"type": "message", "role": "user", "id": "mine", "content": [{"type": "input_text", "text": "Flu?"}]}
FULL_SESSION = {
    "type": "realtime",
    "model": "gpt-realtime",
    "instructions": "Be brief.",
    "output_modalities": ["audio"],
    "tools": [TOOL],
    "tool_choice": {"type": "function", "name": "find"},
    "max_output_tokens": "inf",
    "parallel_tool_calls": True,
    "tracing": "auto",
    "truncation": "auto",
    "audio": {
        "input": {
            "format": {"type": "audio/pcm", "rate": 24000},
            "noise_reduction": {"type": "near_field"},
            "transcription": {"model": "gpt-4o-transcribe", "language": "en"},
            "turn_detection": {"type": "server_vad", "idle_timeout_ms": 6000, "silence_duration_ms": 500},
        },
        "output": {"format": {"type": "audio/pcmu"}, "voice": "marin", "speed": 1.0},
    },
}
FULL_RESPONSE = {
    "conversation": "none",
    "input": [SAID],
    "instructions": "Name the topic.",
    "max_output_tokens": 20,
    "metadata": {"topic": "triage"},
    "output_modalities": ["text"],
    "tools": [TOOL],
    "tool_choice": "required",
    "audio": {"output": {"format": {"type": "audio/pcma"}, "voice": "marin"}},
}
CLIENT_EVENTS: dict[str, dict[str, object]] = {
    "session.update": {"session": FULL_SESSION},
    "input_audio_buffer.append": {"audio": base64.b64encode(bytes(9600)).decode()},
    "input_audio_buffer.commit": {},
    "input_audio_buffer.clear": {},
    "conversation.item.create": {"item": {**SAID, "id": "next"}, "previous_item_id": "mine"},
    "conversation.item.retrieve": {"item_id": "mine"},
    "conversation.item.truncate": {"item_id": "", "content_index": 0, "audio_end_ms": 50},
    "conversation.item.delete": {"item_id": "mine"},
    "response.create": {"response": FULL_RESPONSE},
    "response.cancel": {},
    "output_audio_buffer.clear": {},
}


def test_every_event_that_the_openai_sdk_can_build_is_accepted() -> None:
    known = {str(get_args(kind.model_fields["type"].annotation)[0]): kind for kind in client_events()}
    assert set(CLIENT_EVENTS) == set(known)
    for kind, fields in CLIENT_EVENTS.items():
        wire = RealtimeProtocol("sess_1", "qwen", SessionSettings())
        wire.receive('{"type": "input_audio_buffer.append", "audio": "' + "A" * 12_800 + '"}')
        wire.item_added(Item("mine", "user", "input_text", "hello"))
        wire.response_started("audio")
        wire.response_audio(TONE)
        wire.data_to_send()
        if kind == "conversation.item.truncate":
            fields = {**fields, "item_id": wire.response_item_id}
        event = known[kind].model_validate({"type": kind, "event_id": "mine", **fields})
        wire.receive(event.model_dump_json(exclude_none=True))
        told = [json.loads(text) for text in wire.data_to_send()]
        assert not [each for each in told if each["type"] == "error"], (kind, told)


def client_events() -> tuple[type[BaseModel], ...]:
    """The SDK's own models of what a client may send."""
    union = get_args(RealtimeClientEvent)[0]
    return get_args(union)


async def test_the_openai_sdk_gets_our_errors_as_its_error_event() -> None:
    async with service(consult) as url, sdk(url).realtime.connect(model="gpt-realtime") as connection:
        await connection.response.cancel(event_id="mine")
        async with asyncio.timeout(20):
            (error,) = [
                event for event in [await connection.recv(), await connection.recv()] if event.type == "error"
            ]
    assert (error.error.event_id, error.error.code) == ("mine", "response_cancel_not_active")
