"""The whole service on real models, real speech and a real WebSocket."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import soxr
from numpy.typing import NDArray
from openai import AsyncOpenAI

from asr.engine import SAMPLE_RATE_HZ, Recognizer
from assistant.caller import read_question
from assistant.loaded import Engines
from assistant.microphone import Microphone
from assistant.persona import SAMPLES
from assistant.service import load_engines, running
from assistant.service_config import ServiceConfig
from assistant.turn_policy import words_of
from assistant.weights import Store
from llm.engine import Chat, LanguageModel, Message, Tool
from transport.client import RealtimeClient, Received

Audio = NDArray[np.float32]

HEADACHE = SAMPLES / "wav" / "headache.wav"
FOLLOW_UP = SAMPLES / "wav" / "headache-followup.wav"
ENOUGH_S = 30.0  # an answer takes a few seconds; a hang should not take the suite down


class OpenModel:
    """The real model; remembers its chats, so that a test can read the dialogue itself."""

    def __init__(self, model: LanguageModel) -> None:
        self.name = model.name
        self.chats: list[Chat] = []
        self._model = model

    def chat(self, system: str, tools: Sequence[Tool] = ()) -> Chat:
        self.chats.append(self._model.chat(system, tools))
        return self.chats[-1]

    def history(self) -> tuple[Message, ...]:
        """The newest conversation's dialogue, without the system's text."""
        return tuple(message for message in self.chats[-1].history if message.role != "system")


@pytest.fixture(scope="module")
def engines() -> Iterator[Engines]:
    loaded = load_engines(ServiceConfig(port=0), Store())
    assert loaded.failures == ()
    yield replace(loaded, model=OpenModel(loaded.model))
    loaded.close()


class Call:
    """A client with an open microphone; keeps what it receives."""

    def __init__(self, client: RealtimeClient, microphone: Microphone) -> None:
        self.client = client
        self.microphone = microphone
        self.received: list[Received] = []
        self._events = aiter(client)

    async def until(self, wanted: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """Receive up to the first wanted event."""
        async with asyncio.timeout(ENOUGH_S):
            while True:
                self.received.append(await anext(self._events))
                if wanted(self.received[-1].event):
                    return self.received[-1].event

    def text_of(self, response: str) -> str:
        return "".join(each.event["delta"] for each in self._deltas("output_audio_transcript", response))

    def audio_of(self, response: str) -> Audio:
        pcm = b"".join(
            base64.b64decode(each.event["delta"]) for each in self._deltas("output_audio", response)
        )
        return np.frombuffer(pcm, "<i2").astype(np.float32) / np.float32(32768)

    def _deltas(self, kind: str, response: str) -> list[Received]:
        kind = f"response.{kind}.delta"
        return [each for each in self.received if each.type == kind and each.event["response_id"] == response]


@asynccontextmanager
async def call(engines: Engines) -> AsyncIterator[Call]:
    async with running(ServiceConfig(port=0), engines) as url, RealtimeClient.connect(url) as client:
        microphone = Microphone(client.append_audio)
        feeding = asyncio.create_task(microphone.run())
        yield Call(client, microphone)
        feeding.cancel()
        await asyncio.wait({feeding})


def of_type(kind: str) -> Callable[[dict[str, Any]], bool]:
    return lambda event: event["type"] == kind


def words_kept(said: str, heard_again: str) -> float:
    """The share of the words in `said` that are also in `heard_again`."""
    words = words_of(said)
    return sum(word in words_of(heard_again) for word in words) / len(words)


def transcribe(recognizer: Recognizer, audio: Audio, rate_hz: int) -> str:
    return recognizer.recognize(soxr.resample(audio, rate_hz, SAMPLE_RATE_HZ)[: 30 * SAMPLE_RATE_HZ]).text


async def test_a_spoken_question_gets_a_spoken_answer_whose_sound_says_its_text(engines: Engines) -> None:
    async with call(engines) as here:
        here.microphone.play(read_question(HEADACHE).audio)
        transcript = await here.until(of_type("conversation.item.input_audio_transcription.completed"))
        done = await here.until(of_type("response.done"))
    assert "headache" in transcript["transcript"].lower()
    assert done["response"]["status"] == "completed"
    said = here.text_of(done["response"]["id"])
    assert engines.hearing is not None
    heard_again = transcribe(engines.hearing.recognizer, here.audio_of(done["response"]["id"]), 24_000)
    assert words_kept(said, heard_again) > 0.8, (said, heard_again)


async def test_barge_in_stops_the_answer_keeps_what_was_heard_and_answers_the_next_question(
    engines: Engines,
) -> None:
    async with call(engines) as here:
        here.microphone.play(read_question(HEADACHE).audio)
        first = (await here.until(of_type("response.created")))["response"]["id"]
        await here.until(lambda _: len(here.audio_of(first)) > 2.0 * 24_000)
        here.microphone.play(read_question(FOLLOW_UP).audio)
        cancelled = await here.until(of_type("response.done"))
        second = await here.until(of_type("response.done"))
        said = here.text_of(first)
        await asyncio.sleep(0.5)  # the second answer's tail is still being played
    assert cancelled["response"]["id"] == first
    assert cancelled["response"]["status"] == "cancelled"
    assert cancelled["response"]["status_details"]["reason"] == "turn_detected"
    assert second["response"]["status"] == "completed"

    assert isinstance(engines.model, OpenModel)
    question, kept, follow_up, *_ = engines.model.history()
    assert "headache" in question.text.lower()
    assert kept.role == "assistant" and follow_up.role == "user"
    assert 0 < len(kept.text) < len(said) and said.startswith(kept.text)
    assert engines.hearing is not None
    heard = transcribe(engines.hearing.recognizer, here.audio_of(first), 24_000)
    assert words_kept(kept.text, heard) > 0.7, (kept.text, heard)
    assert len(here.text_of(second["response"]["id"])) > 0


async def test_the_openai_sdk_holds_a_spoken_turn(engines: Engines) -> None:
    pcm = (read_question(HEADACHE).audio * 32767).astype("<i2")
    async with running(ServiceConfig(port=0), engines) as url:
        root = url.removesuffix("/realtime")
        client = AsyncOpenAI(base_url=root.replace("ws", "http", 1), websocket_base_url=root, api_key="none")
        async with client.realtime.connect(model="liushui") as connection:
            await connection.session.update(
                session={"type": "realtime", "audio": {"input": {"turn_detection": None}}}
            )
            await connection.input_audio_buffer.append(audio=base64.b64encode(pcm.tobytes()).decode())
            await connection.input_audio_buffer.commit()
            await connection.response.create()
            seen: dict[str, int] = {}
            async with asyncio.timeout(ENOUGH_S):
                async for event in connection:
                    seen[event.type] = seen.get(event.type, 0) + 1
                    assert event.type != "error", event
                    if event.type == "conversation.item.input_audio_transcription.completed":
                        assert "headache" in event.transcript.lower()
                    if event.type == "response.done":
                        assert event.response.status == "completed"
                        break
    assert seen["response.output_audio.delta"] > 1
    assert seen["response.output_audio_transcript.done"] == 1


async def test_a_typed_question_in_text_mode_sends_no_audio(engines: Engines) -> None:
    async with call(engines) as here:
        await here.client.send(
            {"type": "session.update", "session": {"type": "realtime", "output_modalities": ["text"]}}
        )
        content = [{"type": "input_text", "text": "What is a normal pulse?"}]
        item = {"type": "message", "role": "user", "content": content}
        await here.client.send({"type": "conversation.item.create", "item": item})
        await here.client.send({"type": "response.create"})
        done = await here.until(of_type("response.done"))
    assert done["response"]["status"] == "completed"
    assert done["response"]["output"][0]["content"][0]["text"].strip()
    assert not any(each.type == "response.output_audio.delta" for each in here.received)
