"""What waits for the peer, and what of it leaves next.

The classes, in order: control events, audio that is due, key words, audio that has time, words, function
words, idle events. But key words wait for audio no longer than a moment, and of the other words some leave
every now and then whatever is due: on a link too slow for both the text arrives all the same, audio turns
late and is dropped, and that tells whoever steers the bit rate.

A control event is overtaken by nothing that was put after it but an urgent one. Times are those of any
monotonic clock, in seconds.
"""

from __future__ import annotations

import json
import math
from bisect import insort
from collections import Counter, deque
from dataclasses import dataclass, field, replace
from typing import Generic, TypeVar

from transport.errors import LocalProtocolError, PeerTooSlowError
from transport.key_words import WordClass

AUDIO_SLACK_S = 0.1  # audio is due this long before it must leave: a key word's event takes that at 16 kbit/s
KEY_PATIENCE_S = 0.1  # key words wait no longer for audio that is due: a third of what a client has ahead
# An event of these leaves so often at least: a fifth of a link of 16 kbit/s each.
PATIENCE_S = {WordClass.WORD: 0.5, WordClass.FUNCTION: 0.5}
LARGEST_TEXT_EVENT_BYTES = 1024  # of merged pieces: larger ones gain nothing
MAX_WAITING_BYTES = 4 * 1024 * 1024  # minutes of PCM: no peer that reads at all comes near


@dataclass(frozen=True, slots=True)
class ControlEvent:
    """An event that is neither audio nor a piece of text, as JSON.

    `after`: an item's id; the event leaves when no audio and no text of the item waits any more, and nothing
    of that item may be put after it. `urgent`: it overtakes everything, such as `liushui.playback.clear`.
    `idle`: it leaves when nothing else can, out of its order: a picture.
    """

    json: str
    after: str | None = None
    urgent: bool = False
    idle: bool = False

    def __post_init__(self) -> None:
        if self.idle and (self.urgent or self.after is not None):
            raise LocalProtocolError("an idle event is neither urgent nor waits for an item: choose one")
        if self.urgent and self.after is not None:
            raise LocalProtocolError(f"an urgent event cannot wait for {self.after}: give one of the two")


@dataclass(frozen=True, slots=True)
class AudioChunk:
    """A frame's worth of an item's sound; `deadline_s` is when it must have arrived to be played in time."""

    item_id: str
    payload: bytes = field(repr=False)
    media_time: int  # samples at 24 kHz
    duration_s: float
    deadline_s: float
    opus: bool = False


@dataclass(frozen=True, slots=True)
class TextPiece:
    """Some words of an item, all of one class; the times are when they sound, in ms of the item's audio."""

    item_id: str
    offset: int  # of the piece in the item's text
    text: str
    word_class: WordClass
    start_ms: int | None = None
    end_ms: int | None = None

    @property
    def end(self) -> int:
        """The offset of what follows."""
        return self.offset + len(self.text)

    def on_wire(self) -> str:
        """Return the piece as one of a `liushui.text` event's."""
        times = {"start_ms": self.start_ms, "end_ms": self.end_ms}
        known = {name: time for name, time in times.items() if time is not None}
        return _compact({"offset": self.offset, "text": self.text, **known})


@dataclass(frozen=True, slots=True)
class TextEvent:
    """Pieces of one item and one class that waited together."""

    pieces: tuple[TextPiece, ...]

    @property
    def json(self) -> str:
        """The `liushui.text` event; pieces without times that follow each other in the text are one there."""
        runs: list[TextPiece] = []
        for piece in self.pieces:
            last = runs[-1] if runs else None
            if last and piece.start_ms is None and last.start_ms is None and last.end == piece.offset:
                runs[-1] = replace(last, text=last.text + piece.text)
            else:
                runs.append(piece)
        pieces = ",".join(piece.on_wire() for piece in runs)
        return f'{{"type":"liushui.text","item_id":{_compact(self.pieces[0].item_id)},"pieces":[{pieces}]}}'


Put = ControlEvent | AudioChunk | TextPiece
Leaving = ControlEvent | AudioChunk | TextEvent


T = TypeVar("T", ControlEvent, AudioChunk, TextPiece)


@dataclass(frozen=True, slots=True)
class _Waiting(Generic[T]):
    """Something in the queue; `order` counts everything that was put."""

    item: T
    order: int
    since_s: float
    size: int


class OutgoingQueue:
    """`put` what happens as it happens; whenever the link has room, send what `next` gives.

    Text and control events are never dropped; audio is when it is too late, or its item is cleared.
    """

    def __init__(self, max_bytes: int = MAX_WAITING_BYTES) -> None:
        self.waiting_bytes = 0
        # Audio that was dropped because it could not arrive in time, since the start.
        self.late_chunks = 0
        self.late_s = 0.0
        self._max_bytes = max_bytes
        self._order = 0
        self._urgent: deque[_Waiting[ControlEvent]] = deque()
        self._control: deque[_Waiting[ControlEvent]] = deque()
        self._idle: deque[_Waiting[ControlEvent]] = deque()
        self._audio: list[_Waiting[AudioChunk]] = []  # by deadline, then order
        self._text: dict[WordClass, deque[_Waiting[TextPiece]]] = {kind: deque() for kind in WordClass}
        self._text_left_s = dict.fromkeys(WordClass, -math.inf)  # when an event of the class last did
        self._of_item: Counter[str] = Counter()  # audio and text that wait
        self._ended: Counter[str] = Counter()  # control events that wait for an item

    @property
    def next_due_s(self) -> float | None:
        """When the queue next changes by itself, as audio turns late; None while no audio waits."""
        return self._audio[0].item.deadline_s if self._audio else None

    def put(self, item: Put, now_s: float) -> None:
        """Let something wait for its turn.

        Raises `PeerTooSlowError` when more waits than may: the peer stopped reading, so close the connection.
        Raises `LocalProtocolError` for audio or text of an item whose end waits already.
        """
        self._drop_late(now_s)
        size = len(_bytes_of(item))
        if self.waiting_bytes + size > self._max_bytes:
            raise PeerTooSlowError(
                f"{self.waiting_bytes} bytes wait for the peer, and {size} more would pass {self._max_bytes}:"
                " it reads too slowly or not at all, so close the connection"
            )
        if not isinstance(item, ControlEvent) and self._ended[item.item_id]:
            raise LocalProtocolError(f"{item.item_id} has ended: put its audio and text before what ends it")
        self._order += 1
        self.waiting_bytes += size
        match item:
            case ControlEvent(after=after):
                waiting = _Waiting(item, self._order, now_s, size)
                queue = self._urgent if item.urgent else self._idle if item.idle else self._control
                queue.append(waiting)
                if after is not None:
                    self._ended[after] += 1
            case AudioChunk(item_id):
                self._of_item[item_id] += 1
                insort(self._audio, _Waiting(item, self._order, now_s, size), key=_by_deadline)
            case TextPiece(item_id, word_class=word_class):
                self._of_item[item_id] += 1
                self._text[word_class].append(_Waiting(item, self._order, now_s, size))

    def next(self, now_s: float, room_bytes: int, transit_s: float = 0.0) -> Leaving | None:
        """Take what leaves next; None when there is nothing or `room_bytes` is 0.

        Text is merged up to `room_bytes`; one thing that is larger by itself leaves nevertheless.
        `transit_s`: how long it takes to the peer now, which audio must have before its deadline.
        """
        self._drop_late(now_s + transit_s)
        if room_bytes <= 0:
            return None
        for control in (self._urgent, self._control):
            if control and not self._is_held(control[0].item):
                return self._leave(control.popleft())
        leaving = self._next_of_items(now_s, room_bytes, transit_s)
        return self._leave(self._idle.popleft()) if leaving is None and self._idle else leaving

    def also(self, room_bytes: int) -> ControlEvent | None:
        """Take another control event that may leave in the same frame, behind what `next` gave."""
        for control in (self._urgent, self._control):
            if control and not self._is_held(control[0].item) and control[0].size <= room_bytes:
                return self._leave(control.popleft())
        return None

    def clear(self, item_id: str) -> None:
        """Discard the audio of an item that still waits."""
        for waiting in self._audio:
            if waiting.item.item_id == item_id:
                self._leave(waiting)
        self._audio = [waiting for waiting in self._audio if waiting.item.item_id != item_id]

    def _next_of_items(
        self, now_s: float, room_bytes: int, transit_s: float
    ) -> AudioChunk | TextEvent | None:
        before = self._control[0].order if self._control else self._order + 1  # what came later stays behind
        text = [kind for kind, waiting in self._text.items() if waiting and waiting[0].order < before]
        for kind in text:
            if now_s >= self._overdue_s(kind):
                return self._merged(kind, now_s, room_bytes, before)
        audio = next((i for i, waiting in enumerate(self._audio) if waiting.order < before), None)
        if audio is not None:
            due_s = self._audio[audio].item.deadline_s - transit_s - AUDIO_SLACK_S
            if due_s <= now_s or WordClass.KEY not in text:
                return self._leave(self._audio.pop(audio))
        return self._merged(text[0], now_s, room_bytes, before) if text else None

    def _overdue_s(self, kind: WordClass) -> float:
        """From when on a class of text goes before audio that is due."""
        since_s = self._text[kind][0].since_s
        if kind is WordClass.KEY:
            return since_s + KEY_PATIENCE_S
        return max(since_s, self._text_left_s[kind]) + PATIENCE_S[kind]

    def _merged(self, kind: WordClass, now_s: float, room_bytes: int, before: int) -> TextEvent:
        """Take the oldest piece of a class, and those behind it of the same item as far as there is room."""
        waiting = self._text[kind]
        self._text_left_s[kind] = now_s
        pieces = [self._leave(waiting.popleft())]
        room_bytes = min(room_bytes, LARGEST_TEXT_EVENT_BYTES) - len(TextEvent((pieces[0],)).json.encode())
        while waiting and waiting[0].item.item_id == pieces[0].item_id and waiting[0].order < before:
            room_bytes -= waiting[0].size + len(",")
            if room_bytes < 0:
                break
            pieces.append(self._leave(waiting.popleft()))
        return TextEvent(tuple(pieces))

    def _is_held(self, event: ControlEvent) -> bool:
        return event.after is not None and self._of_item[event.after] > 0

    def _drop_late(self, earliest_s: float) -> None:
        """Drop the audio whose deadline is before `earliest_s`, when it could arrive."""
        while self._audio and self._audio[0].item.deadline_s < earliest_s:
            late = self._leave(self._audio.pop(0))
            self.late_chunks += 1
            self.late_s += late.duration_s

    def _leave(self, waiting: _Waiting[T]) -> T:
        """Count what left the queue, or is dropped from it."""
        item = waiting.item
        self.waiting_bytes -= waiting.size
        if not isinstance(item, ControlEvent):
            _count_down(self._of_item, item.item_id)
        elif item.after is not None:
            _count_down(self._ended, item.after)
        return item


def _by_deadline(waiting: _Waiting[AudioChunk]) -> tuple[float, int]:
    return waiting.item.deadline_s, waiting.order


def _count_down(counts: Counter[str], key: str) -> None:
    """One less; what is at 0 is forgotten, or every item of a session would be remembered."""
    counts[key] -= 1
    if not counts[key]:
        del counts[key]


def _bytes_of(item: Put) -> bytes:
    match item:
        case ControlEvent():
            return item.json.encode()
        case AudioChunk():
            return item.payload
        case TextPiece():
            return item.on_wire().encode()


def _compact(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
