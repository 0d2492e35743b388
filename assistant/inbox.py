"""What a session waits for, besides time."""

from __future__ import annotations

from dataclasses import dataclass

from asr.streaming import Partial, Utterance
from assistant.answer import Answer
from transport.events import Command


@dataclass(frozen=True, slots=True)
class Transcribed:
    """The closing utterance's words."""

    answer: Answer
    text: str


@dataclass(frozen=True, slots=True)
class Scored:
    """The probability that the closing utterance is a complete turn."""

    answer: Answer
    completeness: float


@dataclass(frozen=True, slots=True)
class Overheard:
    """What an open utterance reads as so far."""

    utterance: Utterance
    partial: Partial


@dataclass(frozen=True, slots=True)
class Progress:
    """The answer has more to say, has ended or has failed."""

    answer: Answer


@dataclass(frozen=True, slots=True)
class Deaf:
    """Listening failed: from here on the conversation is typed."""

    error: Exception


@dataclass(frozen=True, slots=True)
class Gone:
    """The client left."""


Item = Command | Transcribed | Scored | Overheard | Progress | Deaf | Gone
