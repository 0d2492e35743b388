"""The events of consultations, as the protocol writes them: what compression has to deal with."""

from __future__ import annotations

import json
import random
import re
from pathlib import Path

from transport.protocol import RealtimeProtocol
from transport.settings import Modality, SessionSettings

CONSULTATIONS = Path(__file__).parent / "bench" / "consultations.json"
TOKEN = re.compile(r"\s?\S{1,5}")
SENTENCE_END = re.compile(r"(?<=[.!?]) ")
SENTENCES = 3  # an answer
MS_A_LETTER = 70
MARKS = ("noticed", "scored", "transcript", "first_token", "first_phrase", "first_audio", "confirmed", "sent")


def consultation(number: int, modality: Modality) -> list[bytes]:
    """One message an event: questions from `consultations.json`, answered with sentences of its knowledge.

    A typed answer comes token by token, a spoken one in timed pieces of up to six words.
    """
    told = json.loads(CONSULTATIONS.read_text(encoding="utf-8"))[number]
    writer = _Writer(random.Random(number), modality)
    for question in told["questions"]:
        sentences = SENTENCE_END.split(told["knowledge"])
        writer.turn(question, " ".join(writer.rng.sample(sentences, SENTENCES)))
    return [message.encode() for message in writer.protocol.data_to_send()]


class _Writer:
    def __init__(self, rng: random.Random, modality: Modality) -> None:
        self.rng = rng
        self.protocol = RealtimeProtocol(
            "sess_1",
            "model",
            SessionSettings(modality=modality),
            new_id=lambda kind: f"{kind}_{rng.randbytes(10).hex()}",
        )
        self.protocol.open()
        self._modality: Modality = modality

    def turn(self, question: str, answer: str) -> None:
        self._listen(question.split())
        response_id = self.protocol.response_started(self._modality)
        if self._modality == "text":
            for token in TOKEN.findall(answer):
                self.protocol.response_text(token)
        else:
            self._speak(answer)
        marks = {f"{mark}_ms": round(self.rng.uniform(60, 500), 1) for mark in MARKS}
        self.protocol.notice("liushui.turn.timings", response_id=response_id, marks=marks)
        self.protocol.response_finished("completed", heard=answer)

    def _listen(self, words: list[str]) -> None:
        item_id = self.protocol.speech_started(0)
        for heard in range(2, len(words), 2):
            text = " ".join(words[:heard])
            self.protocol.notice("liushui.transcript.partial", item_id=item_id, text=text)
        self.protocol.speech_stopped(400 * len(words))
        self.protocol.transcript_completed(self.protocol.audio_committed(), " ".join(words))

    def _speak(self, answer: str) -> None:
        words, offset = answer.split(), 0
        while words:
            taken, pieces = self.rng.randint(1, 6), []
            for word in words[:taken]:
                start_ms, end_ms = MS_A_LETTER * offset, MS_A_LETTER * (offset + len(word))
                pieces.append({"offset": offset, "text": f"{word} ", "start_ms": start_ms, "end_ms": end_ms})
                offset += len(word) + 1
            words = words[taken:]
            self.protocol.notice("liushui.text", item_id=self.protocol.response_item_id, pieces=pieces)
