"""What a client sees of one spoken turn: the words, the answer, and how long it took to be heard."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

Audio = NDArray[np.float32]

SAMPLE_RATE_HZ = 24_000  # of audio/pcm, the format that a session starts with
SILENT = 10 ** (-50 / 20)  # a sample below -50 dBFS is not heard: it is the tail of a fade-in, or dither


@dataclass(frozen=True, slots=True)
class Turn:
    """One turn as the client saw it. Times are from the last voiced sample of the question."""

    transcript: str
    reply: str
    audio: Audio = field(repr=False)  # of the answer, 24 kHz
    v2v_ms: (
        float | None
    )  # to the first audible sample of the answer to the whole question; None: no such answer
    cut_off: bool  # an answer was heard to a question that was not over
    status: str  # of the answer: "completed", "cancelled", ...; "unanswered"; "in_progress"
    marks: Mapping[str, float]  # where the service spent the time, in ms; empty when it does not tell
    problems: tuple[str, ...]  # what went wrong in the service, in its words


class Answer:
    """One response of the service while it arrives."""

    def __init__(self, created_s: float) -> None:
        self.created_s = created_s
        self.text = ""
        self.status = "in_progress"
        self.audible_s: float | None = None  # when its first non-silent sample could be heard
        self.played_s = created_s  # when everything that has arrived will have been heard
        self._deltas: list[Audio] = []

    def add_audio(self, samples: Audio, arrived_s: float) -> None:
        """Take a delta. It is played when it is here and what came before it is over."""
        starts_s = max(arrived_s, self.played_s)
        loud = np.flatnonzero(np.abs(samples) > SILENT)
        if self.audible_s is None and len(loud):
            self.audible_s = starts_s + float(loud[0]) / SAMPLE_RATE_HZ
        self.played_s = starts_s + len(samples) / SAMPLE_RATE_HZ
        self._deltas.append(samples)

    @property
    def audio(self) -> Audio:
        """All that arrived, 24 kHz."""
        return np.concatenate(self._deltas) if self._deltas else np.zeros(0, np.float32)


class TurnObserver:
    """Follows one turn's events. `speech_end_s`: the question's last voiced sample on the client's clock."""

    def __init__(self, speech_end_s: float) -> None:
        self.speech_end_s = speech_end_s
        self.transcribed = False  # everything heard so far has its final transcript
        self.marks: dict[str, float] = {}
        self._answers: dict[str, Answer] = {}  # by response id, in order
        self._words: dict[str, str] = {}  # by item id, in order: what the user said
        self._problems: list[str] = []

    def observe(self, event: Mapping[str, Any], arrived_s: float) -> None:
        """Take one server event; types that say nothing about the turn are passed over."""
        match event["type"]:
            case "response.created":
                self._answers[event["response"]["id"]] = Answer(arrived_s)
            case "response.output_audio.delta" if answer := self._answers.get(event["response_id"]):
                answer.add_audio(decoded(event["delta"]), arrived_s)
            case "response.output_audio_transcript.delta" | "response.output_text.delta" if (
                answer := self._answers.get(event["response_id"])
            ):
                answer.text += event["delta"]
            case "response.done" if answer := self._answers.get(event["response"]["id"]):
                answer.status = event["response"]["status"]
                self._note_failure(event["response"].get("status_details"))
            case "input_audio_buffer.speech_started":
                self.transcribed = False
            case "conversation.item.input_audio_transcription.delta":
                self._words[event["item_id"]] = self._words.get(event["item_id"], "") + event["delta"]
            case "conversation.item.input_audio_transcription.completed":
                self._words[event["item_id"]] = event["transcript"]
                self.transcribed = True
            case "liushui.turn.timings":
                self.marks = dict(event["marks"])
            case "liushui.mode":
                self._problems.append(f"{event['mode']} mode: {event['reason']}")
            case "error":
                self._problems.append(str(event["error"]["message"]))

    def _note_failure(self, details: Mapping[str, Any] | None) -> None:
        if details and details.get("error"):
            self._problems.append(str(details["error"]["message"]))

    @property
    def transcript(self) -> str:
        """The user's words so far."""
        return " ".join(words.strip() for words in self._words.values() if words.strip())

    @property
    def answer(self) -> Answer | None:
        """The first answer begun after the question was over, with something to hear or read in it."""
        whole = (answer for answer in self._answers.values() if answer.created_s >= self.speech_end_s)
        return next((answer for answer in whole if answer.audible_s is not None or answer.text), None)

    @property
    def cut_off(self) -> bool:
        """True when a response that was begun before the question was over has been heard, however little."""
        return any(
            answer.audible_s is not None
            for answer in self._answers.values()
            if answer.created_s < self.speech_end_s
        )

    def turn(self) -> Turn:
        """The turn as it stands."""
        answer = self.answer
        audible_s = answer.audible_s if answer else None
        return Turn(
            transcript=self.transcript,
            reply=answer.text.strip() if answer else "",
            audio=answer.audio if answer else np.zeros(0, np.float32),
            v2v_ms=None if audible_s is None else (audible_s - self.speech_end_s) * 1000,
            cut_off=self.cut_off,
            status=answer.status if answer else "unanswered",
            marks=self.marks,
            problems=tuple(self._problems),
        )


def decoded(delta: str) -> Audio:
    """Samples of one audio delta: base64 of 16-bit little-endian PCM."""
    return np.frombuffer(base64.b64decode(delta), "<i2").astype(np.float32) / np.float32(32768)
