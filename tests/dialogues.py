"""Dialogues as short scripts, played through the real session in virtual time.

    says tell me a story.
    waits until it speaks
    waits 0.5
    coughs
    says mm-hmm
    says and then?
    waits until it is silent

A line is a step of the user: `says WORDS` ("~" among them is a word's length of silence), `coughs`,
`taps` (too short for speech), `waits SECONDS`, `waits until it speaks`, `waits until it is silent`,
`types TEXT`, `cancels`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace

from asr.vad import VoiceDetector
from assistant.loaded import Engines, Hearing
from assistant.reports import NOBODY, Reports
from assistant.session import Session
from tests.fakes import (
    InlineWorker,
    LevelLoudness,
    LevelRecognizer,
    LevelVad,
    LevelVoice,
    LoudClient,
    ScriptedChat,
    ScriptedClient,
    ScriptedEndOfTurn,
    ScriptedModel,
    Vocabulary,
    WordVoice,
)
from tests.virtual_time import run_virtually
from transport.settings import SessionSettings

RATE_HZ = 24_000
STEP_S = 0.1  # between looks at the answer
TAP_S = 0.08  # two whole frames of the detector, wherever it starts
LONGEST_S = 60.0  # that a script waits for something
QUESTION = "what is a fever?"
ANSWER = "A fever is a raised temperature. It helps the body to fight."
STORY = "tell me a story."
LONG = " ".join(
    f"Sentence {name} is here for you." for name in ("one", "two", "three", "four", "five", "six")
)
ANSWERS = {QUESTION: ANSWER, STORY: LONG, "and then?": "Then it ended."}


@dataclass
class Room:
    """A scripted client and the service's engines, in one place."""

    client: ScriptedClient
    chat: ScriptedChat
    engines: Engines
    vocabulary: Vocabulary
    reports: Reports = NOBODY

    async def say(self, text: str) -> None:
        """The user says `text` at real-time speed; "~" is silence."""
        await self.client.speak(self.vocabulary.say(text, RATE_HZ))

    def type_in(self, text: str) -> None:
        """The user types, and wants an answer."""
        content = [{"type": "input_text", "text": text}]
        item = {"type": "message", "role": "user", "content": content}
        self.client.send({"type": "conversation.item.create", "item": item})
        self.client.send({"type": "response.create"})

    def heard(self, role: str) -> list[str]:
        """The texts of the dialogue by `role`."""
        return [message.text for message in self.chat.history if message.role == role]

    def statuses(self) -> list[str]:
        """How the responses ended."""
        return [str(event["response"]["status"]) for event in self.client.of_type("response.done")]  # type: ignore[index]


def room(
    *,
    voice: LevelVoice | None = None,
    deaf: bool = False,
    settings: SessionSettings | None = None,
    reading_s: float = 0.12,
) -> Room:
    """A room with engines that read and answer as written."""
    vocabulary = Vocabulary()
    chat = ScriptedChat(dict(ANSWERS))
    hearing = Hearing(
        LevelRecognizer(vocabulary),
        lambda: VoiceDetector(LevelVad(), new_loudness=LevelLoudness),
        ScriptedEndOfTurn(vocabulary),  # type: ignore[arg-type]
        InlineWorker("words", reading_s),
        InlineWorker("turn", 0.03),
    )
    engines = Engines(
        ScriptedModel(chat),
        None if deaf else hearing,
        voice or LevelVoice(),
        ("hearing could not be loaded",) if deaf else (),
        InlineWorker("voice", 0.01),
        lambda: InlineWorker("dialogue", 0.02),
    )
    client = ScriptedClient(settings or SessionSettings(instructions="Be brief."))
    return Room(client, chat, engines, vocabulary)


def loud_room() -> Room:
    """One where the microphone hears the loudspeaker."""
    here = room()
    here.client = LoudClient(SessionSettings(instructions="Be brief."))
    here.engines = replace(here.engines, synthesizer=WordVoice(vocabulary=here.vocabulary))
    return here


def converse(here: Room, script: Callable[[Room], Awaitable[None]]) -> Room:
    """Run `script` against a session until both are through."""

    async def both() -> None:
        session = asyncio.create_task(Session(here.client, here.engines, reports=here.reports).run())  # type: ignore[arg-type]
        await script(here)
        here.client.leave()
        await session

    run_virtually(both())
    return here


def play(script: str, here: Room | None = None) -> Room:
    """Play a script to its end, and return the room as it was left."""

    async def steps(here: Room) -> None:
        for line in filter(None, map(str.strip, script.splitlines())):
            await _step(here, line)

    return converse(here or room(), steps)


async def _step(here: Room, line: str) -> None:
    verb, _, rest = line.partition(" ")
    match verb, rest:
        case "says", words:
            await here.say(words)
        case "coughs", "":
            await here.say("#")
        case "taps", "":
            await here.client.speak(here.vocabulary.say("#", RATE_HZ)[: round(TAP_S * RATE_HZ)])
        case "types", text:
            here.type_in(text)
        case "cancels", "":
            here.client.send({"type": "response.cancel"})
        case "waits", "until it speaks":
            await _until(here, lambda: here.client.answering())
        case "waits", "until it is silent":
            await _until(here, lambda: not here.client.answering())
        case "waits", seconds:
            await here.client.speak(here.vocabulary.silence(float(seconds), RATE_HZ))
        case _:
            raise ValueError(f"{line!r} is no step: see {__name__}")


async def _until(here: Room, true: Callable[[], bool]) -> None:
    waited_s = 0.0
    while not true():
        assert waited_s < LONGEST_S, f"in vain after {len(here.client.received)} events"
        await here.client.speak(here.vocabulary.silence(STEP_S, RATE_HZ))
        waited_s += STEP_S
