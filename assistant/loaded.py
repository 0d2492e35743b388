"""The engines of a running service, each with the thread that its calls run in."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from asr.endpoint import SmartTurn
from asr.engine import Multilingual, Recognizer
from asr.vad import VoiceDetector
from assistant.ear import Ear
from assistant.further_voice import FurtherVoice
from assistant.pace_store import PaceStore
from assistant.persona import Persona, load_personas
from assistant.picture_desk import PictureDesk
from assistant.reply import Voice
from assistant.workers import Worker
from llm.engine import LanguageModel
from transport.protocol import RealtimeProtocol
from tts.cache import CachedSynthesizer, SpeechCache
from tts.engine import Synthesizer

log = logging.getLogger(__name__)

ANY_LANGUAGE = "auto"  # the recognizer finds out


@dataclass(frozen=True, slots=True)
class Hearing:
    """What listening needs."""

    recognizer: Recognizer
    new_detector: Callable[[], VoiceDetector]  # one per session: it has a memory
    end_of_turn: SmartTurn
    words_worker: Worker = field(default_factory=lambda: Worker("recognizer"))
    turn_worker: Worker = field(
        default_factory=lambda: Worker("end-of-turn")
    )  # beside the recognizer, not after it
    lexicons: Mapping[str, Recognizer] = field(default_factory=dict)  # by domain: listens for its terms

    def of(self, domain: str) -> Hearing:
        """Return what listens for the terms of this domain."""
        return replace(self, recognizer=self.lexicons.get(domain, self.recognizer))

    def recognizer_of(self, language: str | None) -> Recognizer:
        """What reads this language (ISO 639-1, or "auto"); None: the service's own."""
        if language is None or not isinstance(self.recognizer, Multilingual):
            return self.recognizer
        return self.recognizer.in_language(None if language == ANY_LANGUAGE else language)

    def ear(self) -> Ear:
        """The listening side of one session."""
        return Ear(self.recognizer, self.new_detector())


@dataclass(frozen=True, slots=True)
class Engines:
    """All engines. Without hearing or voice, conversations are typed or read; `failures` says why."""

    model: LanguageModel
    hearing: Hearing | None
    synthesizer: Synthesizer | None
    failures: tuple[str, ...] = ()
    voice_worker: Worker = field(default_factory=lambda: Worker("synthesizer"))
    new_dialogue_worker: Callable[[], Worker] = lambda: Worker("dialogue")  # one per session
    other_voice: str | None = None  # which voice speaks instead of the one asked for, and why
    speeches: SpeechCache = field(default_factory=SpeechCache)
    paces: PaceStore | None = None  # of users who come back; None: none are kept
    pictures: PictureDesk = field(default_factory=PictureDesk)
    further_voices: Mapping[str, FurtherVoice] = field(default_factory=dict)  # by name; clients may choose
    personas: tuple[Persona, ...] = ()  # the domains that they were loaded for

    def personas_of(self, domains: Sequence[str]) -> tuple[Persona, ...]:
        """Return what these domains' folders say, read once where the engines were loaded for them."""
        return self.personas or load_personas(domains)

    def of(self, domain: str) -> Engines:
        """Return the engines for a conversation in this domain."""
        return self if self.hearing is None else replace(self, hearing=self.hearing.of(domain))

    def admit(self, wire: RealtimeProtocol) -> None:
        """Tell a client what it does not get here, and why."""
        if self.failures:
            wire.mode_changed("text", "; ".join(self.failures))
        elif self.other_voice:
            wire.notice("liushui.mode", mode="audio", reason=self.other_voice)

    def speaker(self, name: str | None = None) -> tuple[Synthesizer, Worker] | None:
        """Who speaks by that name, and in which thread; else the service's own voice, if it has one."""
        if (further := self.further_voices.get(name or "")) is not None:
            return further, further.worker
        return None if self.synthesizer is None else (self.synthesizer, self.voice_worker)

    def voice(self, name: str | None = None) -> Voice | None:
        """The same for a conversation, at the voice's own speaking rate."""
        if (speaker := self.speaker(name)) is None:
            return None
        synthesizer, worker = speaker
        return Voice(CachedSynthesizer(synthesizer, self.speeches), worker)

    def busy_s(self) -> dict[str, float]:
        """How long each audio engine has computed so far, by what it does."""
        spoken_s = sum(voice.worker.busy_s for voice in self.further_voices.values())
        busy_s = {"synthesizer": self.voice_worker.busy_s + spoken_s}
        if self.hearing is not None:
            busy_s["recognizer"] = self.hearing.words_worker.busy_s
            busy_s["end of turn"] = self.hearing.turn_worker.busy_s
        return busy_s

    def close(self) -> None:
        """Let running steps of the audio engines end, and leave."""
        log.info("speech cache: %s", self.speeches.statistics())
        hearing = (self.hearing.words_worker, self.hearing.turn_worker) if self.hearing else ()
        voices = (voice.worker for voice in self.further_voices.values())
        for worker in (self.voice_worker, *voices, *hearing):
            worker.close()
        self.pictures.close()
