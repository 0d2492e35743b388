"""The items of a conversation, as the client sees them, and the bounded list that holds them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from transport.errors import RejectedEventError
from transport.fields import Fields
from transport.updates import MAX_NAME_CHARS, MAX_TEXT_CHARS

Role = Literal["user", "assistant", "system"]
ContentType = Literal["input_text", "input_audio", "output_text", "output_audio"]
Status = Literal["in_progress", "completed", "incomplete"]

# OpenAI's sessions end after 60 minutes; a turn every 7 s for an hour is 512 items. The oldest go first.
MAX_ITEMS = 512
# Eight full contexts of text: what a client may still ask about, without letting it fill our memory.
MAX_CONVERSATION_CHARS = 8 * MAX_TEXT_CHARS

_ROLES: tuple[Role, ...] = get_args(Role)
_WRITTEN: dict[Role, ContentType] = {"user": "input_text", "system": "input_text", "assistant": "output_text"}


@dataclass(frozen=True, slots=True)
class Item:
    """One message. `text` is what was written or, for audio, the transcript (None while there is none).

    `audio_ms` is the length of its audio, 0 for text.
    """

    id: str
    role: Role
    content: ContentType
    text: str | None = None
    status: Status = "completed"
    audio_ms: int = 0

    @property
    def is_audio(self) -> bool:
        """Whether the message was, or is being, spoken."""
        return self.content in ("input_audio", "output_audio")

    def on_wire(self) -> dict[str, object]:
        """Return the API's conversation item; audio itself is never part of it."""
        part = {"type": self.content, "transcript" if self.is_audio else "text": self.text}
        # A spoken item that has only begun has no content yet (conversation.item.added, output_item.added).
        begun = self.role == "assistant" and self.status == "in_progress"
        return {
            "id": self.id,
            "object": "realtime.item",
            "type": "message",
            "status": self.status,
            "role": self.role,
            "content": [] if begun else [part],
        }


def read_item(fields: Fields, new_id: str) -> Item:
    """Return the text message in a client's `item` object; `new_id` is its id when the client chose none."""
    kind = fields.required("type", fields.text("type", longest=MAX_NAME_CHARS))
    if kind != "message":
        raise fields.rejected(
            "type", f"is {kind!r}: only items of type message are supported", code="unsupported_item"
        )
    role = fields.choice("role", _ROLES)
    if role is None:
        raise fields.missing("role")
    texts = [
        _read_text(fields, index, part, role) for index, part in enumerate(fields.items("content") or [])
    ]
    text = "\n".join(texts)
    if not text.strip():
        raise fields.rejected("content", "holds no text: send at least one part with some", code="empty_item")
    if len(text) > MAX_TEXT_CHARS:
        raise fields.rejected("content", f"has {len(text)} characters in all: send at most {MAX_TEXT_CHARS}")
    return Item(fields.text("id", longest=MAX_NAME_CHARS) or new_id, role, _WRITTEN[role], text)


def _read_text(fields: Fields, index: int, part: object, role: Role) -> str:
    name = f"content[{index}]"
    if not isinstance(part, dict):
        raise fields.rejected(name, "is no object: send parts with a type and a text")
    content = Fields(part, fields.path(name))
    kind = content.required("type", content.text("type", longest=MAX_NAME_CHARS))
    if kind == "input_audio":
        raise content.rejected(
            "type", "is 'input_audio': send speech with input_audio_buffer.append", code="unsupported_content"
        )
    if kind != _WRITTEN[role]:
        message = f"is {kind!r}: a {role} message holds {_WRITTEN[role]} here"
        raise content.rejected("type", message, code="unsupported_content")
    return content.required("text", content.text("text", longest=MAX_TEXT_CHARS))


class Conversation:
    """The items in order, newest last, bounded by `MAX_ITEMS` and `MAX_CONVERSATION_CHARS`."""

    def __init__(self) -> None:
        self._items: dict[str, Item] = {}  # insertion order is conversation order

    def __contains__(self, item_id: str) -> bool:
        return item_id in self._items

    @property
    def last_id(self) -> str | None:
        """The newest item's id."""
        return next(reversed(self._items), None)

    def get(self, item_id: str) -> Item | None:
        """Return the item, unless it was deleted or let go."""
        return self._items.get(item_id)

    def asked_for(self, item_id: str) -> Item:
        """Return the item a client names; raises `RejectedEventError` when there is none."""
        item = self._items.get(item_id)
        if item is None:
            message = (
                f"item_id {item_id!r} is not in the conversation: name an item from conversation.item.added"
            )
            raise RejectedEventError(message, code="item_not_found", param="item_id")
        return item

    def add(self, item: Item) -> str | None:
        """Append the item and return the id of the one before it; the oldest may be let go."""
        previous = self.last_id
        self._items[item.id] = item
        while len(self._items) > MAX_ITEMS or (
            len(self._items) > 1 and self._chars() > MAX_CONVERSATION_CHARS
        ):
            del self._items[next(iter(self._items))]
        return previous

    def before(self, item_id: str) -> str | None:
        """Return the id of the item before this one."""
        ids = list(self._items)
        place = ids.index(item_id) if item_id in self._items else 0
        return ids[place - 1] if place else None

    def change(self, item: Item) -> None:
        """Put the item in place of the one with its id; one that was deleted meanwhile stays deleted."""
        if item.id in self._items:
            self._items[item.id] = item

    def remove(self, item_id: str) -> None:
        """Forget the item, if it is here."""
        self._items.pop(item_id, None)

    def _chars(self) -> int:
        return sum(len(item.text or "") for item in self._items.values())
