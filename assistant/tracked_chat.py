"""A chat whose messages are known by the ids of the client's items."""

from __future__ import annotations

from collections.abc import Sequence

from llm.engine import Chat, Message

ItemId = str | None  # None: the client knows no such item


class TrackedChat:
    """Keeps the ids in step with the chat's history, whose oldest messages may be let go at any time."""

    def __init__(self, chat: Chat) -> None:
        """`chat`: a new one."""
        self.chat = chat
        self._fixed = len(chat.history)  # the system's own text
        self._ids: list[ItemId] = [None] * self._fixed  # of every message in the history

    def messages(self) -> list[tuple[Message, ItemId]]:
        """Return what was said and written so far."""
        self._let_go()
        return list(zip(self.chat.history, self._ids, strict=True))[self._fixed :]

    def add(self, message: Message, item_id: ItemId = None, behind: Sequence[str] | None = None) -> None:
        """Insert a message behind the first of these items that is known; None: at the end."""
        self._let_go()
        index = len(self._ids) if behind is None else self._place(behind)
        self.chat.add(message, index)
        if len(self.chat.history) > len(self._ids):  # one without text is left out
            self._ids.insert(index, item_id)

    def commit(self, heard: str | None, user_item: ItemId, item: ItemId) -> None:
        """Keep the pending turn and what was heard of its answer."""
        self._let_go()
        self.chat.commit(heard)
        for message in self.chat.history[len(self._ids) :]:
            self._ids.append(user_item if message.role == "user" else item)

    def remove(self, item_id: str) -> None:
        """Take an item out, if it is still here."""
        self._let_go()
        if item_id in self._ids:
            index = self._ids.index(item_id)
            self.chat.remove(index)
            del self._ids[index]

    def remove_note(self, text: str) -> None:
        """Take the last note of the system with this text out."""
        self._let_go()
        note = Message("system", text)
        for index in reversed(range(self._fixed, len(self._ids))):
            if self.chat.history[index] == note and self._ids[index] is None:
                self.chat.remove(index)
                del self._ids[index]
                return

    def truncate(self, item_id: str, heard: str) -> None:
        """Of an answer, only `heard` has happened, if it is still here."""
        self._let_go()
        if item_id in self._ids:
            index = self._ids.index(item_id)
            self.chat.truncate(heard, index)
            if len(self.chat.history) < len(self._ids):
                del self._ids[index]

    def _place(self, behind: Sequence[str]) -> int:
        known = (self._ids.index(item_id) + 1 for item_id in behind if item_id in self._ids)
        return next(known, self._fixed)

    def _let_go(self) -> None:
        """Forget the ids of messages that no longer fit the context: the oldest behind the system's text."""
        gone = len(self._ids) - len(self.chat.history)
        del self._ids[self._fixed : self._fixed + gone]
