"""What a session has to tell its client, before it is known how and in what order it leaves."""

from __future__ import annotations

from dataclasses import dataclass, field

from transport.audio_formats import Samples


@dataclass(frozen=True, slots=True)
class OutgoingEvent:
    """One JSON event."""

    kind: str
    text: str  # all of it as JSON
    item_id: str | None = None  # the item it is about, if it is about one


@dataclass(frozen=True, slots=True, eq=False)
class OutgoingAudio:
    """A stretch of an answer's voice, for a client that takes frames."""

    item_id: str
    media_time: int  # of its first sample among all audio of the session
    samples: Samples = field(repr=False)  # 24 kHz mono


@dataclass(frozen=True, slots=True)
class OutgoingText:
    """A stretch of an answer's text, for a client that takes it in any order."""

    item_id: str
    offset: int  # of its first character in the item's text
    text: str
    ends_ms: tuple[tuple[int, int], ...] = ()  # (end in the answer's audio [ms], end in `text` [characters])


Outgoing = OutgoingEvent | OutgoingAudio | OutgoingText
