"""The engines of a running service, each with the thread that its calls run in."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, field

from asr.endpoint import SmartTurn
from asr.engine import Recognizer
from asr.vad import VoiceDetector
from assistant.ear import Ear
from assistant.pace_store import PaceStore
from assistant.reply import Voice
from assistant.workers import Worker
from llm.engine import LanguageModel
from tts.cache import CachedSynthesizer, SpeechCache
from tts.engine import Synthesizer

log = logging.getLogger(__name__)


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

    def voice(self) -> Voice | None:
        """A conversation's voice at its own speaking rate, if there is one."""
        if self.synthesizer is None:
            return None
        return Voice(CachedSynthesizer(self.synthesizer, self.speeches), self.voice_worker)

    def busy_s(self) -> dict[str, float]:
        """How long each audio engine has computed so far, by what it does."""
        workers = {"synthesizer": self.voice_worker}
        if self.hearing is not None:
            workers |= {"recognizer": self.hearing.words_worker, "end of turn": self.hearing.turn_worker}
        return {name: worker.busy_s for name, worker in workers.items()}

    def close(self) -> None:
        """Let running steps of the audio engines end, and leave."""
        log.info("speech cache: %s", self.speeches.statistics())
        hearing = (self.hearing.words_worker, self.hearing.turn_worker) if self.hearing else ()
        for worker in (self.voice_worker, *hearing):
            worker.close()
