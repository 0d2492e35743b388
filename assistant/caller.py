"""A client that asks by voice: recorded questions in, observed turns out."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterable, AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from asr.resample import decode_audio_file, resampled
from assistant.errors import SilentRecording
from assistant.microphone import SAMPLE_RATE_HZ, Microphone
from assistant.observer import Turn, TurnObserver
from assistant.speech_end import last_voiced_s
from transport.client import RealtimeClient, Received

Audio = NDArray[np.float32]
Watch = Callable[[TurnObserver], None]

UNANSWERED_S = 10.0  # nobody waits longer for the first sound of an answer
LONGEST_ANSWER_S = 60.0  # two or three sentences take 10 s
BREATH_S = 0.5  # between the end of an answer and the next question
TIMINGS_S = 0.5  # the service tells them right behind the answer, if it tells them


@dataclass(frozen=True, slots=True)
class Question:
    """A spoken question."""

    path: Path
    audio: Audio = field(repr=False)  # 24 kHz
    speech_end_s: float  # its last voiced sample


def read_question(path: Path) -> Question:
    """Read an audio file of any rate. Raises NotAudio, and SilentRecording when there is no speech in it."""
    audio, rate_hz = decode_audio_file(path)
    try:
        end_s = last_voiced_s(audio, rate_hz)
    except SilentRecording as error:
        raise SilentRecording(f"{path}: {error}") from error
    return Question(path, resampled(audio, rate_hz, SAMPLE_RATE_HZ), end_s)


def read_audio(path: Path) -> Audio:
    """Read an audio file of any rate, as a microphone would hear it: 24 kHz. Raises NotAudio."""
    return resampled(*decode_audio_file(path), SAMPLE_RATE_HZ)


def answered(observer: TurnObserver) -> bool:
    """True when the answer to the whole question is complete, and how long each step took is known."""
    answer = observer.answer
    return (
        answer is not None
        and answer.status != "in_progress"
        and observer.transcribed
        and bool(observer.marks)
    )


class Caller:
    """One session with the service: the microphone stays open from the first question to the end."""

    def __init__(
        self, events: AsyncIterable[Received], microphone: Microphone, clock: Callable[[], float]
    ) -> None:
        self._events = events
        self._microphone = microphone
        self._clock = clock
        self._heard_s = clock() - BREATH_S  # when the last answer will have been played to its end

    async def ask(
        self,
        question: Question,
        *,
        settled: Callable[[TurnObserver], bool] = answered,
        watch: Watch = lambda observer: None,
    ) -> Turn:
        """Play a question and follow what comes until `settled`; call `watch` after every event.

        Waits first until the last answer has been heard: this caller does not interrupt. Gives up, with what
        there is, 10 s after the question without an answer to it and 60 s after with one. Raises
        ConnectionLostError.
        """
        await asyncio.sleep(self._heard_s + BREATH_S - self._clock())
        observer = TurnObserver(self._microphone.play(question.audio) + question.speech_end_s)
        with contextlib.suppress(TimeoutError):
            await self._follow(observer, settled, watch)
        self._heard_s = observer.answer.played_s if observer.answer else self._clock()
        return observer.turn()

    async def _follow(
        self, observer: TurnObserver, settled: Callable[[TurnObserver], bool], watch: Watch
    ) -> None:
        async with asyncio.timeout_at(observer.speech_end_s + UNANSWERED_S) as limit:
            async for received in self._events:
                observer.observe(received.event, received.t_s)
                watch(observer)
                if settled(observer):
                    return
                if (answer := observer.answer) is None:
                    continue
                if answer.status == "in_progress" or not observer.transcribed:
                    limit.reschedule(observer.speech_end_s + LONGEST_ANSWER_S)
                else:
                    limit.reschedule(received.t_s + TIMINGS_S)


@contextlib.asynccontextmanager
async def calling(url: str) -> AsyncIterator[Caller]:
    """Open a session at `url` and its microphone; close both on leaving. Raises ServiceUnreachableError."""
    async with listening(url) as (client, microphone):
        yield Caller(client, microphone, asyncio.get_running_loop().time)


@contextlib.asynccontextmanager
async def listening(url: str) -> AsyncIterator[tuple[RealtimeClient, Microphone]]:
    """The same, for who follows the events without a Caller."""
    clock = asyncio.get_running_loop().time
    async with RealtimeClient.connect(url, clock=clock) as client:
        microphone = Microphone(client.append_audio, clock)
        feeding = asyncio.create_task(microphone.run())
        try:
            yield client, microphone
        finally:
            feeding.cancel()
            await asyncio.gather(feeding, return_exceptions=True)  # a lost connection is told by who listens
