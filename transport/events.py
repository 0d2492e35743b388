"""What a client can ask for: one frozen command per event of the OpenAI Realtime API, and their parser.

Source: the client events of the GA interface, as the `openai` package types them (openai/types/realtime).
"""

from __future__ import annotations

import reprlib
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from transport.audio_formats import Samples, decode_audio
from transport.commands import Command
from transport.conversation import ConversationItem, read_item
from transport.errors import RejectedEventError
from transport.feedback import FeedbackGiven, read_feedback
from transport.fields import Fields
from transport.items import Recording
from transport.json_text import read_json
from transport.requests import ItemReference, NewId, ResponseRequested, read_request
from transport.settings import SessionSettings
from transport.updates import MAX_NAME_CHARS, merged

__all__ = [
    "AudioAppended",
    "AudioCleared",
    "AudioCommitted",
    "Command",
    "FeedbackGiven",
    "ItemCreated",
    "ItemDeleted",
    "ItemReference",
    "ItemRetrieved",
    "ItemTruncated",
    "OutputAudioCleared",
    "PlaybackReported",
    "ResponseCancelled",
    "ResponseRequested",
    "SessionUpdated",
    "parse_event",
]


@dataclass(frozen=True, slots=True)
class SessionUpdated(Command):
    """`session.update`: the whole effective settings after merging."""

    settings: SessionSettings


@dataclass(frozen=True, slots=True, eq=False)
class AudioAppended(Command):
    """`input_audio_buffer.append`: mono float32 samples at the input format's rate."""

    samples: Samples = field(repr=False)
    sample_rate_hz: int

    @property
    def duration_ms(self) -> float:
        """Length of the audio."""
        return len(self.samples) * 1000 / self.sample_rate_hz

    def pieces(self) -> list[AudioAppended]:
        """The same in order, at most a second each, so that a queue of so many commands bounds its audio."""
        starts = range(0, len(self.samples), self.sample_rate_hz)
        return [replace(self, samples=self.samples[at : at + self.sample_rate_hz]) for at in starts]


@dataclass(frozen=True, slots=True)
class AudioCommitted(Command):
    """`input_audio_buffer.commit`: the audio so far is the user's whole turn."""


@dataclass(frozen=True, slots=True)
class AudioCleared(Command):
    """`input_audio_buffer.clear`: forget the audio not committed yet."""


@dataclass(frozen=True, slots=True)
class ItemCreated(Command):
    """`conversation.item.create`: an item to add behind `previous_item_id` ("root": first, None: last).

    `recording` is speech that has still to be transcribed.
    """

    item: ConversationItem
    previous_item_id: str | None = None
    recording: Recording | None = None


@dataclass(frozen=True, slots=True)
class ItemDeleted(Command):
    """`conversation.item.delete`."""

    item_id: str


@dataclass(frozen=True, slots=True)
class ItemRetrieved(Command):
    """`conversation.item.retrieve`; the protocol answers it by itself."""

    item_id: str


@dataclass(frozen=True, slots=True)
class ItemTruncated(Command):
    """`conversation.item.truncate`: of the item's audio the user heard `audio_end_ms`, no more."""

    item_id: str
    content_index: int
    audio_end_ms: int


@dataclass(frozen=True, slots=True)
class ResponseCancelled(Command):
    """`response.cancel`: end the response in progress."""

    response_id: str | None = None


@dataclass(frozen=True, slots=True)
class OutputAudioCleared(Command):
    """`output_audio_buffer.clear`: stop the audio being played, now."""


@dataclass(frozen=True, slots=True)
class PlaybackReported(Command):
    """`liushui.playback.played`: of the item's audio the client has played `audio_end_ms` so far."""

    item_id: str
    audio_end_ms: int


def parse_event(text: str, settings: SessionSettings, new_id: NewId) -> Command:
    """Return the command in one JSON text message.

    Audio is read in `settings`' input format, a session update merges into `settings`, and `new_id("item")`
    names an item whose client gave it no id. Whatever the text holds, nothing but `RejectedEventError` is
    raised; it carries the client's event_id.
    """
    event = Fields(_read_object(text))
    event_id = _read_event_id(event)
    try:
        kind = event.required("type", event.text("type", longest=MAX_NAME_CHARS))
        parse = _PARSERS.get(kind)
        if parse is None:
            raise event.rejected(
                "type", f"is {kind!r}: send one of {', '.join(_PARSERS)}", code="unknown_event_type"
            )
        return replace(parse(event, settings, new_id), event_id=event_id)
    except RejectedEventError as error:
        error.event_id = event_id
        raise


def _read_object(text: str) -> dict[str, object]:
    try:
        value = read_json(text)
    except ValueError as error:
        message = f"the message is not JSON ({error}): send one JSON object per text message"
        raise RejectedEventError(message, code="invalid_json") from error
    if not isinstance(value, dict):
        message = f"the message is {reprlib.repr(value)}: send a JSON object with a type"
        raise RejectedEventError(message, code="invalid_json")
    return value


def _read_event_id(event: Fields) -> str | None:
    """Return the client's event_id, or None when it is nothing we could give back."""
    try:
        return event.text("event_id", longest=MAX_NAME_CHARS)
    except RejectedEventError:
        return None


def _session_update(event: Fields, settings: SessionSettings, _: NewId) -> Command:
    return SessionUpdated(merged(settings, event.required("session", event.object("session"))))


def _audio_append(event: Fields, settings: SessionSettings, _: NewId) -> Command:
    # Its length is bounded already, by the size of a message on the connection.
    encoded = event.value("audio")
    if not isinstance(encoded, str):
        raise event.rejected("audio", f"is {reprlib.repr(encoded)}: send base64 text")
    return AudioAppended(decode_audio(encoded, settings.input_format), settings.input_format.sample_rate_hz)


def _item_create(event: Fields, settings: SessionSettings, new_id: NewId) -> Command:
    fields = event.required("item", event.object("item"))
    item, recording = read_item(fields, new_id("item"), settings.input_format)
    return ItemCreated(item, event.text("previous_item_id", longest=MAX_NAME_CHARS), recording)


def _item_truncate(event: Fields, _: SessionSettings, __: NewId) -> Command:
    content_index = event.required("content_index", event.integer("content_index"))
    if content_index != 0:
        raise event.rejected("content_index", f"is {content_index}: every item has one part, send 0")
    return ItemTruncated(_item_id(event), content_index, _audio_end_ms(event))


def _response_cancel(event: Fields, _: SessionSettings, __: NewId) -> Command:
    return ResponseCancelled(event.text("response_id", longest=MAX_NAME_CHARS))


def _audio_end_ms(event: Fields) -> int:
    audio_end_ms = event.required("audio_end_ms", event.integer("audio_end_ms"))
    if audio_end_ms < 0:
        raise event.rejected(
            "audio_end_ms", f"is {audio_end_ms}: send the milliseconds the user heard, 0 or more"
        )
    return audio_end_ms


def _item_id(event: Fields) -> str:
    return event.required("item_id", event.text("item_id", longest=MAX_NAME_CHARS))


_PARSERS: dict[str, Callable[[Fields, SessionSettings, NewId], Command]] = {
    "session.update": _session_update,
    "input_audio_buffer.append": _audio_append,
    "input_audio_buffer.commit": lambda *_: AudioCommitted(),
    "input_audio_buffer.clear": lambda *_: AudioCleared(),
    "conversation.item.create": _item_create,
    "conversation.item.delete": lambda event, *_: ItemDeleted(_item_id(event)),
    "conversation.item.retrieve": lambda event, *_: ItemRetrieved(_item_id(event)),
    "conversation.item.truncate": _item_truncate,
    "response.create": read_request,
    "response.cancel": _response_cancel,
    "output_audio_buffer.clear": lambda *_: OutputAudioCleared(),
    "liushui.feedback": lambda event, *_: read_feedback(event),
    "liushui.playback.played": lambda event, *_: PlaybackReported(_item_id(event), _audio_end_ms(event)),
}
