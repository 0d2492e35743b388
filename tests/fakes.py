"""Scripted engines and a scripted client, for conversations in virtual time.

Sound is written as levels: a sample's value is a word's index divided by 100, silence is 0, a noise is 0.99.
So the recognizer reads the words off the audio itself, whatever the session cuts, buffers or resumes.
"""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TypeVar, TypeVarTuple

import numpy as np
from numpy.typing import NDArray

from asr.engine import SAMPLE_RATE_HZ, Hypothesis, Word
from asr.loudness import STEP_SAMPLES, Loudness
from assistant.image_reading import TextFinder, read_picture
from assistant.pictures import ReadPicture
from assistant.workers import Worker
from llm.engine import Message, PromptTokens, Sampling, Token, Tool
from tests.server_events import SERVER_EVENT
from transport.events import Command
from transport.pictures import Picture
from transport.protocol import RealtimeProtocol
from transport.settings import SessionSettings
from tts.engine import Speech, SpokenWord

Audio = NDArray[np.float32]
T = TypeVar("T")
Ts = TypeVarTuple("Ts")

WORD_S = 0.32  # a spoken word: ten VAD frames
NOISE = 0.99


class Vocabulary:
    """Words and the audio level that stands for each."""

    def __init__(self) -> None:
        self._words: list[str] = []

    def say(self, text: str, rate_hz: int) -> Audio:
        """`text` as audio, WORD_S a word; "~" is a word's length of silence, "#" of noise."""
        levels = [self._level(word) for word in text.split()]
        return np.repeat(np.array(levels, np.float32), round(WORD_S * rate_hz))

    def silence(self, seconds: float, rate_hz: int) -> Audio:
        """Nobody says anything."""
        return np.zeros(round(seconds * rate_hz), np.float32)

    def _level(self, word: str) -> float:
        if word in ("~", "#"):
            return 0.0 if word == "~" else NOISE
        if word not in self._words:
            self._words.append(word)
        return (self._words.index(word) + 1) / 100

    def read(self, audio: Audio) -> str:
        """The words in 16 kHz audio: every run of a word's level that lasts at least half a word."""
        levels = np.round(audio * 100).astype(int)
        edges = np.flatnonzero(np.diff(levels, prepend=-1, append=-1))
        runs = zip(levels[edges[:-1]].tolist(), np.diff(edges).tolist(), strict=True)
        half = WORD_S * SAMPLE_RATE_HZ / 2
        return " ".join(
            self._words[level - 1]
            for level, samples in runs
            if samples >= half and 0 < level <= len(self._words)
        )


class InlineWorker(Worker):
    """A worker without a thread: each call takes `cost_s` of virtual time, one at a time, in order."""

    def __init__(self, name: str, cost_s: float = 0.0) -> None:
        super().__init__(name)
        self._cost_s = cost_s
        self._turn = asyncio.Lock()
        self._background: set[asyncio.Task[object]] = set()

    async def run(self, call: Callable[[*Ts], T], *args: *Ts) -> T:
        async with self._turn:
            await asyncio.sleep(self._cost_s)
            return call(*args)

    def submit(self, call: Callable[[*Ts], object], *args: *Ts) -> None:
        task: asyncio.Task[object] = asyncio.get_running_loop().create_task(self.run(call, *args))
        self._background.add(task)
        task.add_done_callback(self._background.discard)


class InlineReader:
    """Reads pictures here, with what it is given for the recognizer, each in so much virtual time."""

    def __init__(self, finder: TextFinder, cost_s: float = 0.0) -> None:
        self._finder = finder
        self._worker = InlineWorker("pictures", cost_s)

    async def read(self, picture: Picture) -> ReadPicture:
        return await self._worker.run(read_picture, picture.data, picture.header, self._finder)

    def close(self) -> None:
        pass


class LevelVad:
    """Voice is any level but 0."""

    def probability(self, frame: Audio) -> float:
        return 1.0 if float(np.abs(frame).mean()) > 0.005 else 0.0

    def reset(self) -> None:
        pass


class LevelLoudness(Loudness):
    """Quiet is level 0."""

    def feed(self, samples: Audio) -> None:
        for loud in np.abs(samples).reshape(-1, STEP_SAMPLES).mean(axis=1) > 0.005:
            self.quiet_samples = 0 if loud else self.quiet_samples + STEP_SAMPLES


@dataclass
class LevelRecognizer:
    """Reads the words off the audio; fails when it hears "explode"."""

    vocabulary: Vocabulary

    def recognize(
        self,
        audio: Audio,
        *,
        prefix: str = "",
        draft: str = "",
        careful: bool = True,
        wanted: Callable[[], bool] = lambda: True,
    ) -> Hypothesis:
        text = self.vocabulary.read(audio)
        if "explode" in text:
            raise RuntimeError("the recognizer broke")
        return Hypothesis(text, -0.1, 0.0 if text else 1.0, "en", reliable=True)

    def align(self, audio: Audio, text: str) -> tuple[Word, ...]:
        words = text.split()
        return tuple(Word(f" {word}", i * WORD_S, (i + 1) * WORD_S) for i, word in enumerate(words))


@dataclass
class ScriptedEndOfTurn:
    """Complete unless the last word is a hesitation."""

    vocabulary: Vocabulary

    def completeness(self, audio: Audio) -> float:
        words = self.vocabulary.read(audio).split()
        return 0.1 if not words or words[-1].endswith("...") else 0.95


@dataclass
class ScriptedChat:
    """Answers from a script, a word a token; keeps the dialogue as the real one does."""

    answers: dict[str, str]
    history: tuple[Message, ...] = ()
    turn_over: float | None = None
    prompt_tokens: PromptTokens | None = None
    prefilled: list[str] = field(default_factory=list)
    tools: tuple[Tool, ...] = ()
    asked: list[Sampling] = field(default_factory=list)
    briefs: list[str] = field(default_factory=list)
    _pending: tuple[str | None, str] | None = None

    def prefill(self, user_text: str) -> int:
        self.prefilled.append(user_text)
        return len(user_text.split())

    def brief(self, text: str) -> None:
        assert self._pending is None, "a brief during a pending turn"
        self.briefs.append(text)

    def reply(self, user_text: str | None, sampling: Sampling) -> Iterator[Token]:
        self.asked.append(sampling)
        said = [message.text for message in self.history if message.role != "system"]
        asked = user_text if user_text is not None else said[-1] if said else ""
        self._pending = (user_text, "")
        read = [message.text for message in self.history] + ([user_text] if user_text is not None else [])
        self.prompt_tokens = PromptTokens(sum(len(text.split()) for text in read))
        begun, answer = sampling.begin.split(), self.answers.get(asked, f"You said {asked}").split()
        for at, word in enumerate([*begun, *answer[: sampling.max_tokens]]):
            self._pending = (user_text, self._pending[1] + word + " ")
            yield Token(0, word + " ", 1.0 if word[-1] in ".?!," else 0.0, chosen=at >= len(begun))

    def commit(self, heard: str | None = None) -> None:
        assert self._pending is not None, "commit without a pending turn"
        (user_text, said), self._pending = self._pending, None
        kept = said if heard is None else heard
        assert said.startswith(kept), f"{kept!r} was never said; {said!r} was"
        turn = [Message("user", user_text)] if user_text is not None else []
        self.history += (*turn, *([Message("assistant", kept)] if kept else []))

    def discard(self) -> None:
        self._pending = None

    def truncate(self, heard: str, index: int | None = None) -> None:
        at = len(self.history) - 1 if index is None else index
        assert self.history[at].role == "assistant" and self.history[at].text.startswith(heard)
        cut = [Message("assistant", heard)] if heard else []
        self.history = (*self.history[:at], *cut, *self.history[at + 1 :])

    def add(self, message: Message, index: int | None = None) -> None:
        assert self._pending is None, "a message during a pending turn"
        at = len(self.history) if index is None else index
        self.history = (*self.history[:at], *([message] if message.text else []), *self.history[at:])

    def remove(self, index: int) -> None:
        assert self._pending is None, "a removal during a pending turn"
        self.history = (*self.history[:index], *self.history[index + 1 :])

    def close(self) -> None:
        pass


@dataclass
class ScriptedModel:
    """Its first chat is to be looked into afterwards; so are those opened later."""

    chats: ScriptedChat
    name: str = "scripted"
    opened: list[ScriptedChat] = field(default_factory=list)

    def chat(self, system: str, tools: Sequence[Tool] = ()) -> ScriptedChat:
        chat = self.chats if not self.opened else ScriptedChat(self.chats.answers)
        chat.tools = tuple(tools)
        self.opened.append(chat)
        return chat


@dataclass
class LevelVoice:
    """Speaks at level 0.5, WORD_S a word; fails at a word of `fails_at`."""

    fails_at: str = "\0"
    sample_rate_hz: int = 24_000

    def synthesize(self, text: str, *, rate: float = 1.0) -> Speech:
        if self.fails_at in text:
            raise RuntimeError("the voice broke")
        words, end = [], 0
        for index, word in enumerate(text.split()):
            start = text.index(word, end)
            end = start + len(word)
            words.append(SpokenWord(word, index * WORD_S, (index + 1) * WORD_S, start, end))
        samples = round(len(words) * WORD_S * self.sample_rate_hz)
        return Speech(np.full(samples, 0.5, np.float32), self.sample_rate_hz, tuple(words))


@dataclass
class WordVoice(LevelVoice):
    """Speaks words at their levels: a recognizer could read them."""

    vocabulary: Vocabulary = field(default_factory=Vocabulary)

    def synthesize(self, text: str, *, rate: float = 1.0) -> Speech:
        speech = super().synthesize(text, rate=rate)
        return Speech(self.vocabulary.say(text, self.sample_rate_hz), speech.sample_rate_hz, speech.words)


class ScriptedClient:
    """A connection whose client speaks in real time and keeps what it receives, with the time."""

    def __init__(self, settings: SessionSettings) -> None:
        self.protocol = RealtimeProtocol("sess_1", "scripted", settings, extended=True)
        self.received: list[tuple[float, dict[str, object]]] = []
        self._commands: asyncio.Queue[Command | None] = asyncio.Queue()

    def send(self, event: dict[str, object]) -> None:
        """Send one event now."""
        for command in self.protocol.receive(json.dumps(event)):
            self._commands.put_nowait(command)

    async def speak(self, audio: Audio, chunk_s: float = 0.02) -> None:
        """Play 24 kHz audio at real-time speed: a chunk is sent when it has been said."""
        size = round(chunk_s * 24_000)
        for start in range(0, len(audio), size):
            await asyncio.sleep(chunk_s)
            pcm = (self.at_microphone(audio[start : start + size]) * 32767).astype("<i2").tobytes()
            self.send({"type": "input_audio_buffer.append", "audio": base64.b64encode(pcm).decode()})

    def at_microphone(self, said: Audio) -> Audio:
        """What the microphone hears of a chunk that the user says."""
        return said

    def leave(self) -> None:
        """Hang up."""
        self._commands.put_nowait(None)

    async def flush(self) -> None:
        now_s = asyncio.get_running_loop().time()
        events = [json.loads(text) for text in self.protocol.data_to_send()]
        for event in events:
            if not event["type"].startswith("liushui."):
                SERVER_EVENT.validate_python(event)
        self.received += [(now_s, event) for event in events]

    async def __aiter__(self) -> AsyncGenerator[Command]:
        while (command := await self._commands.get()) is not None:
            yield command

    def answering(self) -> bool:
        """True while the audio that was received is being heard, or more is to come."""
        created, done = self.of_type("response.created"), self.of_type("response.done")
        return len(created) > len(done)

    def of_type(self, *types: str) -> list[dict[str, object]]:
        """The received events of these types, in order."""
        return [event for _, event in self.received if event["type"] in types]


class LoudClient(ScriptedClient):
    """One whose loudspeaker is heard by its microphone, DELAY_S later, except while the user speaks."""

    DELAY_S = 0.2

    def __init__(self, settings: SessionSettings) -> None:
        super().__init__(settings)
        self._playing = np.zeros(
            round(self.DELAY_S * 24_000), np.float32
        )  # the delay, then what was received

    async def flush(self) -> None:
        known = len(self.received)
        await super().flush()
        for _, event in self.received[known:]:
            if event["type"] == "response.output_audio.delta":
                pcm = np.frombuffer(base64.b64decode(str(event["delta"])), "<i2")
                self._playing = np.concatenate((self._playing, pcm.astype(np.float32) / 32767))

    def at_microphone(self, said: Audio) -> Audio:
        echo, self._playing = self._playing[: len(said)], self._playing[len(said) :]
        echo = np.pad(echo, (0, len(said) - len(echo)))
        return np.where(said == 0, echo, said)
