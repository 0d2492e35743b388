"""What a session waits for, besides time."""

from __future__ import annotations

from dataclasses import dataclass

from asr.streaming import Partial, Utterance
from assistant.answer import Answer
from assistant.errors import PictureUnread
from assistant.pictures import ReadPicture
from transport.events import Command
from transport.items import Item as Message


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
class Read:
    """The words of a recording that the client put into the conversation."""

    item: Message
    text: str


@dataclass(frozen=True, slots=True)
class Seen:
    """What the pictures of a client's message say, each, or why one could not be read."""

    item: Message
    pictures: tuple[ReadPicture | PictureUnread, ...]


@dataclass(frozen=True, slots=True)
class Deaf:
    """Listening failed: from here on the conversation is typed."""

    error: Exception


@dataclass(frozen=True, slots=True)
class Gone:
    """The client left."""


Item = Command | Transcribed | Scored | Overheard | Progress | Read | Seen | Deaf | Gone
