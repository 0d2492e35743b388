"""The bounded list of a conversation's items."""

from __future__ import annotations

from transport.audio_formats import AudioFormat
from transport.calls import FunctionCall, FunctionCallOutput, read_call, read_output
from transport.errors import RejectedEventError
from transport.fields import Fields
from transport.items import Item, Unread, read_message
from transport.updates import MAX_NAME_CHARS, MAX_TEXT_CHARS

ConversationItem = Item | FunctionCall | FunctionCallOutput

ROOT = "root"  # how the API calls the place before the first item
# OpenAI's sessions end after 60 minutes; a turn every 7 s for an hour is 512 items. The oldest go first.
MAX_ITEMS = 512
# Eight full contexts of text: what a client may still ask about, without letting it fill our memory.
MAX_CONVERSATION_CHARS = 8 * MAX_TEXT_CHARS


def read_item(
    fields: Fields, new_id: str, audio_format: AudioFormat
) -> tuple[ConversationItem, Unread | None]:
    """Return the item in a client's object, and its speech or its pictures, which have still to be read.

    `new_id` is its id when the client chose none. Raises `RejectedEventError`.
    """
    kind = fields.required("type", fields.text("type", longest=MAX_NAME_CHARS))
    match kind:
        case "message":
            return read_message(fields, new_id, audio_format)
        case "function_call":
            return read_call(fields, new_id), None
        case "function_call_output":
            return read_output(fields, new_id), None
    known = "message, function_call or function_call_output"
    raise fields.rejected("type", f"is {kind!r}: send {known}", code="unsupported_item")


class Conversation:
    """The items in order, newest last, bounded by `MAX_ITEMS` and `MAX_CONVERSATION_CHARS`."""

    def __init__(self) -> None:
        self._items: dict[str, ConversationItem] = {}  # insertion order is conversation order
        self._coming: dict[
            str, ConversationItem
        ] = {}  # the client sent them, the session has yet to add them

    def __contains__(self, item_id: str) -> bool:
        return item_id in self._items or item_id in self._coming

    @property
    def last_id(self) -> str | None:
        """The newest item's id."""
        return next(reversed(self._items), None)

    def get(self, item_id: str) -> ConversationItem | None:
        """Return the item, unless it was deleted or let go."""
        return self._items.get(item_id)

    def asked_for(self, item_id: str) -> ConversationItem:
        """Return the item a client names; raises `RejectedEventError` when there is none."""
        item = self._items.get(item_id) or self._coming.get(item_id)
        if item is None:
            message = (
                f"item_id {item_id!r} is not in the conversation: name an item from conversation.item.added"
            )
            raise RejectedEventError(message, code="item_not_found", param="item_id")
        return item

    def called(self, call_id: str) -> bool:
        """Whether the model asked for a function under this id."""
        items = (*self._items.values(), *self._coming.values())
        return any(isinstance(item, FunctionCall) and item.call_id == call_id for item in items)

    def expect(self, item: ConversationItem) -> None:
        """The item will be added in its turn; whatever the client sends next may name it already."""
        self._coming[item.id] = item

    def add(self, item: ConversationItem, previous: str | None = None) -> str | None:
        """Insert the item behind `previous` (ROOT: first; None, or one that is gone: last).

        Returns the id of the item before it. The oldest may be let go.
        """
        self._coming.pop(item.id, None)
        if previous not in (None, ROOT) and previous not in self._items:  # deleted, or let go
            previous = None
        if previous is None or previous == self.last_id:
            previous = self.last_id
            self._items[item.id] = item
        else:
            items = [*self._items.values()]
            items.insert(0 if previous == ROOT else [*self._items].index(previous) + 1, item)
            self._items = {each.id: each for each in items}
        while len(self._items) > MAX_ITEMS or (
            len(self._items) > 1 and self._chars() > MAX_CONVERSATION_CHARS
        ):
            del self._items[next(iter(self._items))]
        return None if previous == ROOT else previous

    def all_before(self, item_id: str) -> tuple[str, ...]:
        """Return the ids of the items before this one, the nearest first."""
        ids = [*self._items]
        return tuple(reversed(ids[: ids.index(item_id)])) if item_id in self._items else ()

    def before(self, item_id: str) -> str | None:
        """Return the id of the item before this one."""
        ids = list(self._items)
        place = ids.index(item_id) if item_id in self._items else 0
        return ids[place - 1] if place else None

    def change(self, item: ConversationItem) -> None:
        """Put the item in place of the one with its id; one that was deleted meanwhile stays deleted."""
        if item.id in self._items:
            self._items[item.id] = item

    def remove(self, item_id: str) -> None:
        """Forget the item, if it is here."""
        self._items.pop(item_id, None)

    def _chars(self) -> int:
        return sum(
            len(item.words if isinstance(item, Item) else item.text or "") for item in self._items.values()
        )
