"""The messages of a conversation, as the client sees them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, get_args

from transport.audio_formats import AudioFormat, Samples, decode_audio
from transport.fields import Fields
from transport.pictures import Picture, check_count, read_picture
from transport.updates import MAX_NAME_CHARS, MAX_TEXT_CHARS

Role = Literal["user", "assistant", "system"]
ContentType = Literal["input_text", "input_audio", "output_text", "output_audio"]
Status = Literal["in_progress", "completed", "incomplete"]

_IMAGE = "input_image"  # in a user's message alone
_ROLES: tuple[Role, ...] = get_args(Role)
_WRITTEN: dict[Role, ContentType] = {"user": "input_text", "system": "input_text", "assistant": "output_text"}
_SPOKEN: dict[Role, ContentType] = {  # a system message has no voice
    "user": "input_audio",
    "assistant": "output_audio",
    "system": "input_text",
}


@dataclass(frozen=True, slots=True)
class Item:
    """One message. `text` is what was written or, for audio, the transcript (None while there is none).

    `audio_ms` is the length of its audio, 0 for text. `pictures` is what the API shows of each picture, and
    `seen` what was read in them, once it was.
    """

    id: str
    role: Role
    content: ContentType
    text: str | None = None
    status: Status = "completed"
    audio_ms: int = 0
    pictures: tuple[dict[str, object], ...] = field(default=(), hash=False)
    seen: str = ""

    @property
    def words(self) -> str:
        """All that was said with it, the words in its pictures first: what the model reads."""
        return "\n".join(filter(None, (self.seen, self.text)))

    @property
    def is_audio(self) -> bool:
        """Whether the message was, or is being, spoken."""
        return self.content in ("input_audio", "output_audio")

    def on_wire(self) -> dict[str, object]:
        """Return the API's conversation item; audio itself is never part of it."""
        part = {"type": self.content, "transcript" if self.is_audio else "text": self.text}
        parts = [*self.pictures, *([] if self.pictures and not self.text else [part])]
        # A spoken item that has only begun has no content yet (conversation.item.added, output_item.added).
        begun = self.role == "assistant" and self.status == "in_progress"
        return {
            "id": self.id,
            "object": "realtime.item",
            "type": "message",
            "status": self.status,
            "role": self.role,
            "content": [] if begun else parts,
        }


@dataclass(frozen=True, slots=True, eq=False)
class Recording:
    """Speech in a message of the client's: mono float32 samples at the input format's rate."""

    samples: Samples
    sample_rate_hz: int

    @property
    def duration_ms(self) -> int:
        """Length of the audio."""
        return round(len(self.samples) * 1000 / self.sample_rate_hz)


Unread = Recording | tuple[Picture, ...]  # what of a message has still to become words


def read_message(fields: Fields, new_id: str, audio_format: AudioFormat) -> tuple[Item, Unread | None]:
    """Return the message in a client's `item` object; `new_id` is its id when the client chose none.

    Speech without a transcript comes as a recording in `audio_format`, and the item has no text yet. Pictures
    come beside the item, which then may be without text.
    """
    role = fields.choice("role", _ROLES)
    if role is None:
        raise fields.missing("role")
    item_id = fields.text("id", longest=MAX_NAME_CHARS) or new_id
    parts = [_part(fields, index, part, role) for index, part in enumerate(fields.items("content") or [])]
    shown = [part for part in parts if part.value("type") == _IMAGE]
    check_count(fields, len(shown))
    pictures = tuple(map(read_picture, shown))
    parts = [part for part in parts if part.value("type") != _IMAGE]
    content = _SPOKEN[role] if any(part.value("type") == _SPOKEN[role] for part in parts) else _WRITTEN[role]
    if len(parts) == 1 and not pictures and content == "input_audio" and not parts[0].value("transcript"):
        recording = _recording(parts[0], audio_format)
        return Item(item_id, role, content, audio_ms=recording.duration_ms), recording
    text = "\n".join(_text(part, content) for part in parts)
    if not text.strip() and not pictures:
        raise fields.rejected("content", "holds no text: send at least one part with some", code="empty_item")
    if len(text) > MAX_TEXT_CHARS:
        raise fields.rejected("content", f"has {len(text)} characters in all: send at most {MAX_TEXT_CHARS}")
    item = Item(item_id, role, content, text, pictures=tuple(each.on_wire() for each in pictures))
    return item, pictures or None


def _part(fields: Fields, index: int, part: object, role: Role) -> Fields:
    name = f"content[{index}]"
    if not isinstance(part, dict):
        raise fields.rejected(name, "is no object: send parts with a type and a text")
    content = Fields(part, fields.path(name))
    kind = content.required("type", content.text("type", longest=MAX_NAME_CHARS))
    known = {_WRITTEN[role], _SPOKEN[role], *({_IMAGE} if role == "user" else ())}
    if kind not in known:
        message = f"is {kind!r}: a {role} message holds {' or '.join(sorted(known))} here"
        raise content.rejected("type", message, code="unsupported_content")
    return content


def _text(part: Fields, content: ContentType) -> str:
    """The part's words: written, or the transcript of what was said."""
    if part.value("type") != content:
        message = f"is {part.value('type')!r} beside {content!r}: send one kind in a message"
        raise part.rejected("type", message, code="unsupported_content")
    name = "transcript" if content in ("input_audio", "output_audio") else "text"
    return part.required(name, part.text(name, longest=MAX_TEXT_CHARS))


def _recording(part: Fields, audio_format: AudioFormat) -> Recording:
    encoded = part.value("audio")  # its length is bounded already, by the size of a message
    if not isinstance(encoded, str):
        raise part.rejected("audio", "is no text: send base64 audio, or the transcript")
    recording = Recording(decode_audio(encoded, audio_format), audio_format.sample_rate_hz)
    if not recording.duration_ms:
        raise part.rejected("audio", "is empty: send what was said", code="empty_item")
    return recording
