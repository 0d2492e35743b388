"""What the session tells of the user's side: speech, the input audio buffer, transcripts."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, replace

from transport.conversation import Conversation, ConversationItem
from transport.errors import LocalProtocolError
from transport.items import Item
from transport.settings import SessionSettings


@dataclass(frozen=True, slots=True)
class _Utterance:
    """Speech that was noticed and is not committed yet; the client was promised its item id."""

    item_id: str
    start_ms: int
    end_ms: int | None = None


class InputEvents(ABC):
    """That part of the protocol; see `RealtimeProtocol`, which queues the events."""

    def __init__(self, settings: SessionSettings, new_id: Callable[[str], str]) -> None:
        self.settings = settings
        self._new_id = new_id
        self._conversation = Conversation()
        self._utterance: _Utterance | None = None
        self._buffered_ms = 0.0  # audio appended since the last commit or clear

    @abstractmethod
    def _queue(self, kind: str, /, **fields: object) -> None: ...

    @abstractmethod
    def item_added(self, item: ConversationItem, previous_item_id: str | None = None) -> None:
        """A finished item joined the conversation."""

    def speech_started(self, audio_start_ms: int) -> str:
        """Speech was noticed; returns the id its item will have.

        Speech that goes on after a pause, before it is committed, keeps the id of where it began.
        """
        if self._utterance is None:
            self._utterance = _Utterance(self._new_id("item"), audio_start_ms)
        item_id = self._utterance.item_id
        self._queue("input_audio_buffer.speech_started", audio_start_ms=audio_start_ms, item_id=item_id)
        return item_id

    def speech_stopped(self, audio_end_ms: int) -> None:
        """The speech that had started fell silent."""
        if self._utterance is None:
            raise LocalProtocolError("speech_stopped without speech: call speech_started first")
        self._utterance = replace(self._utterance, end_ms=audio_end_ms)
        item_id = self._utterance.item_id
        self._queue("input_audio_buffer.speech_stopped", audio_end_ms=audio_end_ms, item_id=item_id)

    def audio_committed(self) -> str:
        """The audio so far became the user's turn; returns the id of its item, not transcribed yet."""
        spoken = self._utterance
        item_id = spoken.item_id if spoken else self._new_id("item")
        heard_ms = spoken.end_ms - spoken.start_ms if spoken and spoken.end_ms else self._buffered_ms
        self._utterance, self._buffered_ms = None, 0.0
        previous = self._conversation.last_id
        self._queue("input_audio_buffer.committed", item_id=item_id, previous_item_id=previous)
        self.item_added(Item(item_id, "user", "input_audio", audio_ms=round(heard_ms)))
        return item_id

    def silence_timed_out(self, audio_start_ms: int, audio_end_ms: int) -> None:
        """Nobody has said anything since an answer ended: that silence is the user's turn."""
        self._utterance = _Utterance(self._new_id("item"), audio_start_ms, audio_end_ms)
        self._queue(
            "input_audio_buffer.timeout_triggered",
            audio_start_ms=audio_start_ms,
            audio_end_ms=audio_end_ms,
            item_id=self._utterance.item_id,
        )
        self.audio_committed()

    def audio_cleared(self) -> None:
        """The audio not committed yet was thrown away."""
        self._utterance, self._buffered_ms = None, 0.0
        self._queue("input_audio_buffer.cleared")

    def transcript_delta(self, item_id: str, delta: str) -> None:
        """More of the user's words is certain; passed over when the client turned transcription off."""
        if self.settings.transcription:
            self._queue(
                "conversation.item.input_audio_transcription.delta",
                item_id=item_id,
                content_index=0,
                delta=delta,
            )

    def transcript_completed(self, item_id: str, text: str) -> None:
        """The whole transcript of a committed item; passed over when the client deleted the item."""
        item = self._conversation.get(item_id)
        if not isinstance(item, Item):
            return
        self._conversation.change(replace(item, text=text))
        if self.settings.transcription:
            self._queue(
                "conversation.item.input_audio_transcription.completed",
                item_id=item_id,
                content_index=0,
                transcript=text,
                usage={"type": "duration", "seconds": item.audio_ms / 1000},
            )

    def pictures_seen(self, item_id: str, text: str) -> None:
        """What the pictures of an item say; passed over when the client deleted the item."""
        item = self._conversation.get(item_id)
        if isinstance(item, Item):
            self._conversation.change(replace(item, seen=text))

    def transcript_failed(self, item_id: str, message: str) -> None:
        """The item's audio could not be transcribed."""
        self._queue(
            "conversation.item.input_audio_transcription.failed",
            item_id=item_id,
            content_index=0,
            error={"type": "server_error", "code": "transcription_failed", "message": message, "param": None},
        )
