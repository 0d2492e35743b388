from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

from assistant.caller import Caller, Question, read_question
from assistant.microphone import SAMPLE_RATE_HZ, Audio, Microphone
from assistant.observer import Turn
from tests.virtual_time import run_virtually
from transport.client import Received

ANSWER_S = 2.0
DELAY_S = 0.4  # from the last loud chunk to the answer


class Service:
    """Answers DELAY_S after the voice has ended, in virtual time; `script` is what it sends then."""

    def __init__(self, *script: str) -> None:
        self.onsets_s: list[float] = []  # when the user began to speak
        self._script = script
        self._events: asyncio.Queue[Received] = asyncio.Queue()
        self._clock = asyncio.get_running_loop().time
        self._speaking = False

    async def append_audio(self, chunk: Audio) -> None:
        speaking = bool(np.abs(chunk).max() > 0.01)
        if speaking and not self._speaking:
            self.onsets_s.append(self._clock())
        if self._speaking and not speaking:
            asyncio.get_running_loop().call_later(DELAY_S, self._answer)
        self._speaking = speaking

    async def __aiter__(self) -> AsyncIterator[Received]:
        while True:
            yield await self._events.get()

    def _answer(self) -> None:
        audio = np.full(round(ANSWER_S * SAMPLE_RATE_HZ), 9000, "<i2").tobytes()
        events: dict[str, dict[str, object]] = {
            "conversation.item.input_audio_transcription.completed": {"item_id": "i", "transcript": "Why?"},
            "response.created": {"response": {"id": "r"}},
            "response.output_audio.delta": {"response_id": "r", "delta": base64.b64encode(audio).decode()},
            "response.done": {"response": {"id": "r", "status": "completed", "status_details": None}},
            "liushui.turn.timings": {"marks": {"sent_ms": 400.0}},
        }
        for kind in self._script:
            self._events.put_nowait(Received({"type": kind, **events[kind]}, self._clock()))


EVERYTHING = (
    "conversation.item.input_audio_transcription.completed",
    "response.created",
    "response.output_audio.delta",
    "response.done",
    "liushui.turn.timings",
)


def call(script: tuple[str, ...], converse: Callable[[Caller], Awaitable[None]]) -> tuple[Service, float]:
    """Hold a conversation; return the service and how long the conversation took, in virtual seconds."""

    async def run() -> tuple[Service, float]:
        clock = asyncio.get_running_loop().time
        service = Service(*script)
        microphone = Microphone(service.append_audio, clock)
        feeding = asyncio.create_task(microphone.run())
        await converse(Caller(service, microphone, clock))
        feeding.cancel()
        return service, clock()

    return run_virtually(run())


def question() -> Question:
    """One second of voice, then half a second of silence."""
    voice = np.full(SAMPLE_RATE_HZ, 0.2, np.float32)
    return Question(Path("why.wav"), np.pad(voice, (0, SAMPLE_RATE_HZ // 2)), 1.0)


def ask_once(*script: str) -> tuple[Turn, float]:
    turns: list[Turn] = []

    async def converse(caller: Caller) -> None:
        turns.append(await caller.ask(question()))

    _, took_s = call(script, converse)
    return turns[0], took_s


def test_a_turn_ends_with_the_answer_and_its_timings() -> None:
    turn, took_s = ask_once(*EVERYTHING)
    assert (turn.transcript, turn.status, turn.marks) == ("Why?", "completed", {"sent_ms": 400.0})
    assert turn.v2v_ms == pytest.approx(DELAY_S * 1000 + 20, abs=1)  # the chunk that ended the voice
    assert took_s == pytest.approx(1.44, abs=0.01)


def test_timings_that_never_come_are_not_waited_for() -> None:
    turn, took_s = ask_once(*EVERYTHING[:-1])
    assert (turn.status, turn.marks) == ("completed", {})
    assert took_s == pytest.approx(1.94, abs=0.01)


def test_nobody_waits_longer_than_ten_seconds_for_an_answer() -> None:
    turn, took_s = ask_once("conversation.item.input_audio_transcription.completed")
    assert (turn.transcript, turn.status, turn.v2v_ms) == ("Why?", "unanswered", None)
    assert took_s == pytest.approx(11.02, abs=0.01)


def test_an_answer_without_an_end_is_followed_for_a_minute() -> None:
    turn, took_s = ask_once(*EVERYTHING[:3])
    assert turn.status == "in_progress"
    assert took_s == pytest.approx(61.02, abs=0.01)


def test_the_next_question_waits_until_the_answer_has_been_heard() -> None:
    async def converse(caller: Caller) -> None:
        await caller.ask(question())
        await caller.ask(question())

    service, _ = call(EVERYTHING, converse)
    first_s, second_s = service.onsets_s
    assert second_s - first_s == pytest.approx(1.0 + DELAY_S + ANSWER_S + 0.5, abs=0.05)


def test_a_file_of_any_rate_becomes_a_question(tmp_path: Path) -> None:
    times_s = np.arange(44_100) / 44_100
    stereo = np.stack([np.sin(2 * np.pi * 300 * times_s)] * 2, axis=1)
    soundfile.write(tmp_path / "a.wav", np.pad(stereo, ((0, 22_050), (0, 0))), 44_100)
    read = read_question(tmp_path / "a.wav")
    assert read.speech_end_s == pytest.approx(1.0, abs=0.015)
    assert len(read.audio) == pytest.approx(1.5 * SAMPLE_RATE_HZ, abs=2)
