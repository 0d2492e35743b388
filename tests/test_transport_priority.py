from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.link_model import LinkModel
from transport.errors import LocalProtocolError, PeerTooSlowError
from transport.key_words import KeyWords, WordClass
from transport.priority import (
    LARGEST_TEXT_EVENT_BYTES,
    AudioChunk,
    ControlEvent,
    Leaving,
    OutgoingQueue,
    Put,
    TextEvent,
    TextPiece,
)

ROOM_BYTES = 400


def audio(item_id: str = "a", deadline_s: float = 1.0, media_time: int = 0) -> AudioChunk:
    return AudioChunk(item_id, b"sound", media_time, 0.02, deadline_s)


def piece(text: str, word_class: WordClass = WordClass.KEY, item_id: str = "a", offset: int = 0) -> TextPiece:
    return TextPiece(item_id, offset, text, word_class)


def queue_of(*items: Put) -> OutgoingQueue:
    queue = OutgoingQueue()
    for item in items:
        queue.put(item, 0.0)
    return queue


def everything(queue: OutgoingQueue, now_s: float = 0.0, room_bytes: int = ROOM_BYTES) -> list[Leaving]:
    return list(iter(lambda: queue.next(now_s, room_bytes), None))


def name(item: Leaving) -> str:
    match item:
        case AudioChunk():
            return "audio"
        case ControlEvent(json):
            return json
        case TextEvent(pieces):
            return "".join(piece.text for piece in pieces)


def names(leaving: list[Leaving]) -> list[str]:
    return [name(item) for item in leaving]


def test_audio_that_has_time_goes_behind_key_words_and_before_the_others() -> None:
    queue = queue_of(
        piece("the", WordClass.FUNCTION),
        piece("dose", WordClass.WORD),
        audio(),
        piece("5 mg"),
        ControlEvent("{}"),
    )
    # The control event came last, and overtakes what came before it.
    assert names(everything(queue)) == ["{}", "5 mg", "audio", "dose", "the"]


def test_audio_that_is_due_goes_before_key_words() -> None:
    queue = queue_of(piece("5 mg"), audio(deadline_s=0.2), audio(deadline_s=0.09))
    assert [item.deadline_s if isinstance(item, AudioChunk) else "5 mg" for item in everything(queue)] == [
        0.09,
        "5 mg",
        0.2,
    ]
    transit = queue_of(piece("5 mg"), audio(deadline_s=0.2))
    assert isinstance(transit.next(0.0, ROOM_BYTES, transit_s=0.15), AudioChunk)


def test_text_has_its_turn_between_audio_that_is_due() -> None:
    queue = queue_of(piece("the", WordClass.FUNCTION), piece("dose", WordClass.WORD), piece("5 mg"))
    left = []
    for at in range(0, 120, 2):
        now_s = at / 100
        queue.put(audio(deadline_s=now_s + 0.05), now_s)
        item = queue.next(now_s, ROOM_BYTES)
        if isinstance(item, TextEvent):
            left.append((now_s, item.pieces[0].text))
    assert left == [(0.1, "5 mg"), (0.5, "dose"), (0.52, "the")]


def test_audio_too_late_is_dropped_and_counted_and_never_leaves() -> None:
    queue = queue_of(audio(deadline_s=1.0), audio(deadline_s=1.5), audio(deadline_s=2.0))
    assert queue.next_due_s == 1.0
    assert [item.deadline_s for item in everything(queue, 1.6) if isinstance(item, AudioChunk)] == [2.0]
    assert (queue.late_chunks, queue.waiting_bytes) == (2, 0)
    assert queue.late_s == pytest.approx(0.04)
    assert queue.next_due_s is None
    assert queue_of(audio(deadline_s=1.0)).next(0.9, ROOM_BYTES, transit_s=0.2) is None


def test_audio_turns_late_while_nothing_may_leave() -> None:
    queue = queue_of(audio(deadline_s=1.0))
    assert queue.next(0.5, 0) is None
    assert queue.waiting_bytes == 5
    queue.put(piece("5 mg"), 1.1)
    assert queue.late_chunks == 1


def test_control_events_keep_their_order_and_the_urgent_overtake_all() -> None:
    queue = queue_of(
        piece("5 mg"),
        ControlEvent("text done", after="a"),
        ControlEvent("response done", after="a"),
        ControlEvent("clear", urgent=True),
        ControlEvent("speech started", urgent=True),
    )
    assert names(everything(queue)) == ["clear", "speech started", "5 mg", "text done", "response done"]


def test_an_end_waits_for_the_text_and_the_audio_of_its_item_and_holds_what_follows() -> None:
    queue = queue_of(
        ControlEvent("a begins"),
        audio("a", 5.0),
        piece("of", WordClass.FUNCTION),
        ControlEvent("a ends", after="a"),
        ControlEvent("b begins"),
        audio("b", 1.0),
        piece("5 mg", item_id="b"),
    )
    assert names(everything(queue)) == ["a begins", "audio", "of", "a ends", "b begins", "5 mg", "audio"]


def test_an_end_waits_for_nothing_of_other_items() -> None:
    queue = queue_of(piece("5 mg", item_id="b"), ControlEvent("a ends", after="a"))
    assert names(everything(queue)) == ["a ends", "5 mg"]


def test_nothing_of_an_item_is_put_after_its_end() -> None:
    queue = queue_of(piece("5 mg"), ControlEvent("end", after="a"))
    with pytest.raises(LocalProtocolError, match="a has ended"):
        queue.put(piece("more"), 0.0)
    with pytest.raises(LocalProtocolError, match="urgent"):
        ControlEvent("clear", after="a", urgent=True)


def test_a_clear_discards_the_audio_of_its_item_alone_and_keeps_the_text() -> None:
    queue = queue_of(audio("a"), audio("b"), piece("5 mg", item_id="a"), ControlEvent("a ends", after="a"))
    queue.clear("a")
    assert names(everything(queue)) == ["5 mg", "a ends", "audio"]
    assert (queue.late_chunks, queue.waiting_bytes) == (0, 0)


def test_pieces_of_one_item_and_class_leave_as_one_event_as_far_as_there_is_room() -> None:
    queue = OutgoingQueue()
    for number in range(40):
        queue.put(TextPiece("a", number * 5, "5 mg ", WordClass.KEY, 100, 200), 0.0)
    queue.put(piece("dose", WordClass.WORD), 0.0)
    first = queue.next(0.0, 300)
    assert isinstance(first, TextEvent)
    assert 240 < len(first.json.encode()) <= 300
    assert json.loads(first.json)["type"] == "liushui.text"
    assert json.loads(first.json)["item_id"] == "a"
    assert json.loads(first.json)["pieces"][1] == {
        "offset": 5,
        "text": "5 mg ",
        "start_ms": 100,
        "end_ms": 200,
    }
    second = queue.next(0.0, 100_000)
    assert isinstance(second, TextEvent)
    assert len(second.json.encode()) <= LARGEST_TEXT_EVENT_BYTES


def test_one_piece_that_is_larger_than_the_room_leaves_nevertheless() -> None:
    assert names(everything(queue_of(piece("x" * 500)), room_bytes=1)) == ["x" * 500]


def test_a_peer_that_never_reads_is_an_error_that_says_so() -> None:
    queue = OutgoingQueue(max_bytes=1000)
    for _ in range(190):
        queue.put(audio(deadline_s=9.0), 0.0)
    with pytest.raises(PeerTooSlowError, match=r"950 bytes wait .* would pass 1000"):
        queue.put(ControlEvent("x" * 51), 0.0)
    queue.put(ControlEvent("x" * 51), 10.0)  # the audio is late now


items = st.sampled_from("ab")
puts = st.one_of(
    st.builds(
        lambda i, after, urgent: ControlEvent(f"{i}", None if urgent else after, urgent),
        st.integers(),
        st.none() | items,
        st.booleans(),
    ),
    st.builds(audio, items, st.floats(0, 20)),
    st.builds(piece, st.text(min_size=1, max_size=9), st.sampled_from(WordClass), items),
)


@dataclass
class Book:
    """What was put and what left, to hold against each other."""

    put: list[Put] = field(default_factory=list)
    left: list[Put] = field(default_factory=list)

    def leave(self, item: Leaving) -> None:
        self.left += item.pieces if isinstance(item, TextEvent) else [item]

    def order(self, items: Sequence[Put]) -> list[int]:
        return [next(i for i, known in enumerate(self.put) if known is item) for item in items]


@settings(max_examples=200)
@given(st.lists(st.one_of(puts, st.tuples(st.floats(0, 2), st.integers(0, 300)), items), max_size=40))
def test_nothing_but_late_or_cleared_audio_is_ever_lost_and_every_order_is_kept(
    steps: list[Put | tuple[float, int] | str],
) -> None:
    queue, book, now_s, cleared, ended = OutgoingQueue(), Book(), 0.0, 0, set[str]()
    for step in steps:
        if isinstance(step, tuple):
            now_s += step[0]
            leaving = queue.next(now_s, step[1])
            assert leaving is None or step[1] > 0
            if leaving is not None:
                assert not isinstance(leaving, AudioChunk) or leaving.deadline_s >= now_s
                book.leave(leaving)
        elif isinstance(step, str):
            before = len(queue._audio)
            queue.clear(step)
            cleared += before - len(queue._audio)
        else:
            if not isinstance(step, ControlEvent) and step.item_id in ended:
                continue
            if isinstance(step, ControlEvent) and step.after:
                ended.add(step.after)
            queue.put(step, now_s)
            book.put.append(step)
    for leaving in everything(queue, now_s):
        book.leave(leaving)
    assert queue.waiting_bytes == 0
    assert not queue._of_item and not queue._ended

    lost = len(book.put) - len(book.left)
    assert lost == queue.late_chunks + cleared
    assert all(
        isinstance(item, AudioChunk) for item in book.put if not any(item is left for left in book.left)
    )
    for urgent in (False, True):
        control = [item for item in book.left if isinstance(item, ControlEvent) and item.urgent == urgent]
        assert book.order(control) == sorted(book.order(control))
    for kind in WordClass:
        text = [item for item in book.left if isinstance(item, TextPiece) and item.word_class is kind]
        assert book.order(text) == sorted(book.order(text))
    for at, item in enumerate(book.left):
        if isinstance(item, ControlEvent) and not item.urgent:
            overtaking = [earlier for earlier in book.left[:at] if not getattr(earlier, "urgent", False)]
            assert max(book.order(overtaking), default=-1) < book.order([item])[0]
            assert (
                item.after not in [getattr(later, "item_id", None) for later in book.left[at:]]
                or not item.after
            )


# A dose, its limits, and when to see a doctor: 60 words, as an assistant answers.
ANSWER = (
    "For an ordinary headache, adults can take 400 mg of ibuprofen every eight hours with food. Do not take"
    " more than 1,200 mg in a day without asking a doctor, and never together with warfarin or aspirin. If"
    " the pain lasts longer than three days, or you have a fever above 39.5 degrees or a stiff neck, call 911"
    " or see a doctor at once."
)
TAGGED = KeyWords(["ibuprofen", "warfarin", "aspirin"]).tag(ANSWER)
ITEM_ID = "item_5f0c1d2e3a4b5c6d7e8f"
SPOKEN_S = 22.0
LINK_BYTES_S = 2_000  # 16 kbit/s
PACKET_S, PACKET_BYTES = 0.02, 40  # Opus at 16 kbit/s, which would take the whole link
FRAME_HEAD_BYTES = 5 + 4 + 2  # ours of audio, and the WebSocket's
AHEAD_S = 0.3  # audio is released so long before it is heard
AUDIO_GIVEN_UP_S = 0.5  # so much late audio ends it: text only from there, as `transport.degrade` decides


@dataclass
class Answer:
    """The answer said over a link of 16 kbit/s: when each of its words is on the screen."""

    words_s: float  # when the last word of the text is known; the first: at once
    priority: bool
    link_bytes_s: float = LINK_BYTES_S
    queue: OutgoingQueue = field(default_factory=OutgoingQueue)
    in_order: list[Put] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.link = LinkModel(lambda now_s: self.link_bytes_s, 0.05, self.offer)
        self.sent: list[Leaving] = []
        self.key_offsets = {word.offset for word in TAGGED if word.word_class is WordClass.KEY}
        phrase: list[Put] = []
        for at, word in enumerate(TAGGED, 1):
            phrase.append(TextPiece(ITEM_ID, word.offset, word.text, word.word_class))
            if word.text.rstrip()[-1] in ",.":
                self.link.at(self.words_s * at / len(TAGGED), self._putting(*phrase))
                phrase = []
        for packet in range(round(SPOKEN_S / PACKET_S)):
            play_s = AHEAD_S + packet * PACKET_S
            sound = AudioChunk(ITEM_ID, bytes(PACKET_BYTES), 480 * packet, PACKET_S, play_s, opus=True)
            self.link.at(packet * PACKET_S, self._putting(sound))

    def _putting(self, *items: Put) -> Callable[[], None]:
        def put() -> None:
            for item in items:
                self.put(item)

        return put

    def put(self, item: Put) -> None:
        if not self.priority:
            self.in_order.append(item)
        elif not isinstance(item, AudioChunk) or self.queue.late_s < AUDIO_GIVEN_UP_S:
            self.queue.put(item, self.link.now_s)

    def offer(self, now_s: float, room_bytes: int) -> int:
        item: Leaving | None
        if self.priority:
            item = self.queue.next(now_s, room_bytes, self.link.outbound.transit_s)
        elif self.in_order:
            first = self.in_order.pop(0)
            item = TextEvent((first,)) if isinstance(first, TextPiece) else first
        else:
            item = None
        if item is None:
            return 0
        self.sent.append(item)
        return FRAME_HEAD_BYTES + len(item.payload if isinstance(item, AudioChunk) else item.json.encode())

    def shown_s(self, offsets: set[int]) -> float:
        """When the last of the pieces at these offsets has arrived."""
        arrivals = zip(self.link.arrived, self.sent, strict=False)
        shown = {
            p.offset: at_s for (at_s, _), item in arrivals if isinstance(item, TextEvent) for p in item.pieces
        }
        return max(shown[offset] for offset in offsets)


def both_ways(words_s: float) -> tuple[Answer, Answer]:
    """The answer with the queue and first in, first out."""
    ours, in_order = (Answer(words_s, priority) for priority in (True, False))
    ours.link.run(60)
    in_order.link.run(60)
    return ours, in_order


def test_key_words_known_at_once_are_shown_in_a_third_of_the_time_at_16_kbit_s() -> None:
    ours, in_order = both_ways(words_s=0.0)
    assert len(ours.key_offsets) == 15
    assert ours.shown_s(ours.key_offsets) <= 0.35 * in_order.shown_s(in_order.key_offsets)


@pytest.mark.parametrize("words_s", [2.0, 5.0])
def test_key_words_are_shown_hardly_later_than_they_are_written_at_16_kbit_s(words_s: float) -> None:
    ours, in_order = both_ways(words_s)
    late_s = ours.shown_s(ours.key_offsets) - words_s
    assert late_s <= 0.4
    assert late_s <= 0.15 * (in_order.shown_s(in_order.key_offsets) - words_s)


def test_key_words_come_far_earlier_than_with_the_sound_they_belong_to_at_16_kbit_s() -> None:
    ours, _ = both_ways(words_s=5.0)
    _, with_its_sound = both_ways(words_s=SPOKEN_S)
    assert ours.shown_s(ours.key_offsets) <= 0.35 * with_its_sound.shown_s(with_its_sound.key_offsets)


def test_where_audio_takes_the_whole_link_it_is_given_up_and_every_word_arrives() -> None:
    ours, in_order = both_ways(words_s=0.0)
    whole = {word.offset for word in TAGGED}
    assert ours.queue.late_s >= AUDIO_GIVEN_UP_S
    assert ours.shown_s(whole) <= 3.5
    assert ours.link.arrived[-1][0] <= 3.5
    assert in_order.link.arrived[-1][0] > SPOKEN_S + 5  # sound that came seconds after its time


@pytest.mark.parametrize(("link_kbit_s", "words_s"), [(32, 5.0), (64, 0.0)])
def test_where_there_is_room_for_both_no_audio_is_late(link_kbit_s: int, words_s: float) -> None:
    answer = Answer(words_s, priority=True, link_bytes_s=link_kbit_s * 125)
    answer.link.run(60)
    assert answer.queue.late_s == 0
    assert answer.shown_s({word.offset for word in TAGGED}) <= words_s + 0.5
