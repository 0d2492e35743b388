"""The voice and the language of one conversation among those of the service, in virtual time."""

from __future__ import annotations

import base64
from argparse import Namespace
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from asr.engine import Audio, Hypothesis
from assistant.arguments import parser
from assistant.engines import EngineConfig, further_voices
from assistant.errors import ConfigError
from assistant.further_voice import FurtherVoice
from assistant.offer import common_settings, offered
from assistant.reports import Reports
from assistant.service_config import ServiceConfig, config_from
from assistant.turn_report import TurnReport
from assistant.weights import Store
from tests.dialogues import ANSWER, QUESTION, Room, converse, play, room
from tests.fakes import InlineWorker, LevelRecognizer, LevelVoice
from tests.reports import SETTING, Listed
from transport.settings import SessionSettings
from tts.engine import Speech, Synthesizer
from tts.errors import VoiceUnavailable

SETTINGS = SessionSettings(instructions="Be brief.", voice="loud", voices=("loud", "soft"))
LOUD, SOFT = 0.5, 0.25


class SoftVoice(LevelVoice):
    """Speaks at half the level."""

    def synthesize(self, text: str, *, rate: float = 1.0) -> Speech:
        speech = super().synthesize(text, rate=rate)
        return replace(speech, audio=speech.audio * np.float32(SOFT / LOUD))


def duet(load: Callable[[], Synthesizer] = SoftVoice) -> tuple[Room, list[None]]:
    """A room with a second voice, and how often that was loaded."""
    loads: list[None] = []

    def counted() -> Synthesizer:
        loads.append(None)
        return load()

    soft = FurtherVoice("soft", 24_000, counted)
    soft.worker = InlineWorker("soft", 0.01)
    here = room(settings=SETTINGS)
    here.engines = replace(here.engines, further_voices={"soft": soft})
    return here, loads


def choose(here: Room, voice: str) -> None:
    output = {"voice": voice}
    here.client.send({"type": "session.update", "session": {"type": "realtime", "audio": {"output": output}}})


def levels(here: Room) -> list[float]:
    """How loud each answer was."""
    found: dict[str, float] = {}
    for event in here.client.of_type("response.output_audio.delta"):
        pcm = np.frombuffer(base64.b64decode(str(event["delta"])), "<i2")
        response = str(event["response_id"])
        found[response] = max(found.get(response, 0.0), float(np.abs(pcm).max(initial=0)) / 32767)
    return [round(level, 2) for level in found.values()]


ASKS = f"""
    says {QUESTION}
    waits until it speaks
    waits until it is silent
"""


def test_a_voice_is_loaded_once_a_conversation_chooses_it_and_then_speaks_its_answers() -> None:
    here, loads = duet()
    play(ASKS, here)
    assert (levels(here), loads) == ([LOUD], [])
    here, loads = duet()
    choose(here, "soft")
    play(ASKS + ASKS, here)
    assert (levels(here), len(loads)) == ([SOFT, SOFT], 1)
    (updated,) = here.client.of_type("session.updated")
    assert updated["session"]["audio"]["output"]["voice"] == "soft"  # type: ignore[index]


def test_the_voice_changes_between_two_answers_and_for_a_single_one() -> None:
    async def script(here: Room) -> None:
        choose(here, "soft")
        await here.say(f"{QUESTION} " + "~ " * 20)
        choose(here, "loud")
        await here.say(f"{QUESTION} " + "~ " * 20)
        content = [{"type": "input_text", "text": "and then?"}]
        item = {"type": "message", "role": "user", "content": content}
        here.client.send({"type": "conversation.item.create", "item": item})
        here.client.send({"type": "response.create", "response": {"audio": {"output": {"voice": "soft"}}}})
        await here.say("~ " * 20)

    here, loads = duet()
    converse(here, script)
    assert (levels(here), len(loads)) == ([SOFT, LOUD, SOFT], 1)


def test_a_voice_that_cannot_be_loaded_gives_way_to_the_services_own_with_the_reason() -> None:
    def fails() -> Synthesizer:
        raise VoiceUnavailable("its file is broken")

    here, _ = duet(fails)
    choose(here, "soft")
    play(ASKS, here)
    assert levels(here) == [LOUD]
    (told,) = here.client.of_type("liushui.mode")
    assert told["mode"] == "audio" and "instead of soft: its file is broken" in str(told["reason"])


def test_a_voice_that_breaks_leaves_that_answer_as_text_and_the_services_own_speaks_the_next() -> None:
    async def script(here: Room) -> None:
        await here.say(f"{QUESTION} " + "~ " * 20)
        await here.say(f"{QUESTION} " + "~ " * 20)

    here, _ = duet(lambda: SoftVoice(fails_at="body"))
    choose(here, "soft")
    converse(here, script)
    assert levels(here) == [SOFT, LOUD]
    assert here.heard("assistant") == [ANSWER + " "] * 2
    assert [told["mode"] for told in here.client.of_type("liushui.mode")] == ["audio"]


def test_a_report_names_the_voice_that_spoke() -> None:
    sink = Listed()
    here, _ = duet()
    here.reports = Reports(SETTING, [sink])
    choose(here, "soft")
    play(ASKS, here)
    (turn,) = (report for report in sink.reports if isinstance(report, TurnReport))
    assert turn.setting == replace(SETTING, voice="soft")


@dataclass
class Polyglot(LevelRecognizer):
    """Reads everything as the language that it is told."""

    language: str = "en"
    languages: tuple[str, ...] = ("en", "fr", "zh")

    def in_language(self, language: str | None) -> Polyglot:
        return replace(self, language=language or "found out")

    def recognize(self, audio: Audio, **options: Any) -> Hypothesis:
        return replace(super().recognize(audio, **options), language=self.language)


def test_what_the_user_speaks_is_recognised_from_the_next_utterance_on() -> None:
    read: list[str] = []

    class Listening(Polyglot):
        def recognize(self, audio: Audio, **options: Any) -> Hypothesis:
            read.append(self.language)
            return super().recognize(audio, **options)

    async def script(here: Room) -> None:
        for language in (None, "zh", "auto"):
            read.clear()
            if language:
                session = {"type": "realtime", "audio": {"input": {"transcription": {"language": language}}}}
                here.client.send({"type": "session.update", "session": session})
            await here.say(f"{QUESTION} " + "~ " * 20)
            heard.append(set(read))

    heard: list[set[str]] = []
    here = room()
    assert here.engines.hearing is not None
    hearing = replace(here.engines.hearing, recognizer=Listening(here.vocabulary))
    here.engines = replace(here.engines, hearing=hearing)
    converse(here, script)
    assert heard == [{"en"}, {"zh"}, {"found out"}]


def test_what_was_loaded_is_offered_the_services_own_first() -> None:
    here = room()
    assert here.engines.hearing is not None
    config = ServiceConfig(engines=EngineConfig(language="fr"), voices=("joe", "jf_alpha"))
    alone = offered(config, replace(here.engines, hearing=None, synthesizer=None))
    assert (alone.voices, alone.languages, alone.audio) == ((), (), False)
    choices = offered(config, here.engines)
    assert [voice.name for voice in choices.voices] == ["heart", "joe", "jf_alpha"]
    assert choices.languages == ("fr",)
    hearing = replace(here.engines.hearing, recognizer=Polyglot(here.vocabulary))
    engines = replace(here.engines, hearing=hearing, other_voice="joe speaks instead of heart: it broke")
    choices = offered(config, engines)
    assert [voice.name for voice in choices.voices] == ["joe", "jf_alpha"]
    assert choices.languages == ("fr", "en", "zh", "auto")
    common = common_settings(choices, engines)
    assert (common.voice, common.voices) == ("joe", ("joe", "jf_alpha"))
    assert common.languages == ("en", "fr", "zh", "auto")


def test_of_several_voices_the_first_is_the_services_own() -> None:
    def asked(*options: str) -> tuple[str, tuple[str, ...]]:
        args: Namespace = parser().parse_args(["serve", *options])
        config = config_from(args)
        return config.engines.voice, config.voices

    assert asked() == ("heart", ())
    assert asked("--voice", "joe") == ("joe", ())
    assert asked("--voice", "joe", "--voice", "heart", "--voice", "joe") == ("joe", ("heart",))
    assert config_from(Namespace(domain="medical", voice="joe")).engines.voice == "joe"


def test_a_voice_that_will_not_do_is_refused_when_the_service_starts(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="there is heart"):
        further_voices(EngineConfig(), ["nobody"], Store(tmp_path))
    with pytest.raises(ConfigError, match="no voice at"):
        further_voices(EngineConfig(), [str(tmp_path / "none.onnx")], Store(tmp_path))
    (tmp_path / "heart.onnx").touch()
    with pytest.raises(ConfigError, match="two voices have the name 'heart'"):
        further_voices(EngineConfig(), [str(tmp_path / "heart.onnx")], Store(tmp_path))
