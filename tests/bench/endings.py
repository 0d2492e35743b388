"""The end of a turn: false cut-offs against latency, for three ways to tell it.

Every recording is a turn that ends, and, cut at each real pause inside it, one that does not. At each such
place the session's own parts are asked once: the ear for the silence, smart-turn for the sound, the
recognizer for the words, the language model for whether a turn could end with them. Then each way is played
through, with every setting that it has:

vad         a silence of fixed length ends the turn
smart_turn  smart-turn's verdict over a threshold ends it at once, else a silence of FALLBACK_S
ours        the session's policy, its waiting times scaled

Latency runs from the last voice to the decision, over all turns that end; a false cut-off is a pause in which
a way decides before the voice goes on, of all pauses. What engines take to compute is left out here:
`tests.bench.v2v` has it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from asr.endpoint import SmartTurn
from asr.engine import SAMPLE_RATE_HZ as HEARD_HZ
from asr.engine import Recognizer
from asr.streaming import HEARD_S
from asr.vad import FRAME_SAMPLES
from assistant.completeness import SCORE_AFTER_S
from assistant.ear import Ear
from assistant.engines import (
    EngineConfig,
    load_end_of_turn,
    load_language_model,
    load_recognizer,
    load_voice_detector,
)
from assistant.microphone import SAMPLE_RATE_HZ
from assistant.persona import load_persona
from assistant.turn_policy import TurnPolicy, words_of
from assistant.weights import Store
from llm.engine import LanguageModel, Sampling
from tests.bench.recordings import Recording

MESSAGE = SAMPLE_RATE_HZ // 50
DOMAIN = "medical"
ALLOWED = 0.05  # false cut-offs
FALLBACK_S = 3.0  # Pipecat's `stop_secs` of its smart-turn analyser: so long a silence ends any turn
LOOK_AGAIN_S = SCORE_AFTER_S[-1]  # of more silence: a doubtful verdict is asked for again
AFTER_S = 1.0  # of the room tone: later looks change nothing
SILENCES_S = np.arange(0.1, 2.01, 0.025)
THRESHOLDS = np.concatenate(([0.0], np.linspace(0.02, 0.98, 49), [1.01]))
SCALES = np.geomspace(0.2, 3.0, 60)


@dataclass(frozen=True, slots=True)
class Place:
    """A silence in a turn, and what is known when it begins."""

    silence_s: float  # how long it lasts; endless after the end
    noticed_s: float  # of it gone by before it is noticed
    completeness: float
    second_look: float | None  # with more of the silence, if it lasts
    text: str
    turn_over: float | None

    def sound(self, policy: TurnPolicy) -> float:
        """What the session makes of both looks."""
        if self.completeness >= policy.doubtful or self.second_look is None:
            return self.completeness
        return self.second_look


Way = Callable[[Place], float]  # -> the silence after which the turn is over, in s


class Observer:
    """Asks the session's engines at each pause of a recording."""

    def __init__(self, store: Store) -> None:
        config = EngineConfig()
        self._store = store
        self._recognizer: Recognizer = load_recognizer(config, store)
        self._end_of_turn: SmartTurn = load_end_of_turn(store)
        self._model: LanguageModel = load_language_model(config, store)
        self._prompt = load_persona(DOMAIN).prompt

    def ear(self) -> Ear:
        """A session's way to hear."""
        return Ear(self._recognizer, load_voice_detector(self._store))

    def places(self, recording: Recording) -> list[Place]:
        """All silences after words, the last one endless."""
        ear, policy = self.ear(), TurnPolicy()
        found: list[Place] = []
        open_place: Place | None = None
        began = 0  # the sample at which its silence began
        for start in range(0, len(recording.question.audio), MESSAGE):
            for piece in ear.resample(recording.question.audio[start : start + MESSAGE], SAMPLE_RATE_HZ):
                for voice in ear.hear(piece):
                    if voice.speaking:
                        ear.open()
                    silence_s = voice.silence_samples / HEARD_HZ
                    if open_place is None:
                        if ear.utterance and silence_s >= policy.eager_s:
                            began = voice.end_sample - voice.silence_samples
                            open_place = self._place(ear, silence_s)
                    elif silence_s == 0.0:
                        went_on = voice.end_sample - FRAME_SAMPLES
                        found.append(replace(open_place, silence_s=(went_on - began) / HEARD_HZ))
                        open_place = None
                    elif open_place.second_look is None and silence_s >= open_place.noticed_s + LOOK_AGAIN_S:
                        open_place = replace(open_place, second_look=self._sound(ear))
            if open_place and ear.received / HEARD_HZ > recording.question.speech_end_s + AFTER_S:
                found.append(open_place)
                break
        return [place for place in found if words_of(place.text)]

    def _place(self, ear: Ear, noticed_s: float) -> Place:
        assert ear.utterance is not None
        text = ear.utterance.final(ear.voiced_until())
        over = self._turn_over(text) if words_of(text) else None
        return Place(float("inf"), noticed_s, self._sound(ear), None, text, over)

    def _sound(self, ear: Ear) -> float:
        assert ear.utterance is not None
        return self._end_of_turn.completeness(ear.utterance.audio(HEARD_S))

    def _turn_over(self, text: str) -> float | None:
        chat = self._model.chat(self._prompt)
        next(chat.reply(text, Sampling(max_tokens=1)), None)
        over = chat.turn_over
        chat.close()
        return over


def by_silence(silence_s: float) -> Way:
    """A fixed silence."""
    return lambda place: max(silence_s, place.noticed_s)


def by_sound(threshold: float) -> Way:
    """Smart-turn's first verdict."""
    return lambda place: place.noticed_s if place.completeness >= threshold else FALLBACK_S


def by_policy(scale: float) -> Way:
    """The session's policy, more or less patient."""
    usual = TurnPolicy()
    times = {name: getattr(usual, name) * scale for name in ("sure_s", "even_s", "likely_s", "unsure_s")}
    policy = replace(usual, eager_s=min(usual.eager_s, times["sure_s"]), **times)
    return lambda place: max(policy.wait_s(place.sound(policy), place.text, place.turn_over), place.noticed_s)


WAYS: dict[str, tuple[Callable[[float], Way], np.ndarray]] = {
    "vad": (by_silence, SILENCES_S),
    "smart_turn": (by_sound, THRESHOLDS),
    "ours": (by_policy, SCALES),
}


@dataclass(frozen=True, slots=True)
class Point:
    """One setting of one way."""

    setting: float
    false_cutoffs: float
    latency_ms: float
    latency_ms_p50: float


def curve(places: Sequence[Place], way: Callable[[float], Way], settings: np.ndarray) -> list[Point]:
    """Play a way through, at each setting."""
    pauses = [place for place in places if place.silence_s < float("inf")]
    ends = [place for place in places if place.silence_s == float("inf")]
    points = []
    for setting in settings:
        wait_s = way(float(setting))
        cut = sum(wait_s(place) < place.silence_s for place in pauses)
        late_ms = [wait_s(place) * 1000 for place in ends]
        points.append(
            Point(
                round(float(setting), 3),
                round(cut / max(1, len(pauses)), 4),
                round(float(np.mean(late_ms)), 1),
                round(float(np.median(late_ms)), 1),
            )
        )
    return points


def quickest(points: Sequence[Point]) -> Point:
    """The one with the least latency that cuts few turns off; else the one that cuts fewest off."""
    allowed = [point for point in points if point.false_cutoffs <= ALLOWED]
    return min(allowed or points, key=lambda point: point.latency_ms if allowed else point.false_cutoffs)
