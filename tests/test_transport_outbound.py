"""What leaves for a client of frames, in what form."""

from __future__ import annotations

import json

import numpy as np
import pytest

from transport.frame_stream import FrameReader
from transport.frames import AudioFrame, EventsFrame
from transport.handshake import FrameAudio
from transport.opus import LOOKAHEAD
from transport.outbound import Outbound
from transport.outgoing import OutgoingAudio, OutgoingEvent, OutgoingText

MOST_BYTES = 1 << 20


def told(outbound: Outbound, now_s: float = 0.0) -> list[dict[str, object] | AudioFrame]:
    """Everything that leaves now, read as the client does, and acknowledged."""
    reader, found = FrameReader(most_bytes=MOST_BYTES), list[dict[str, object] | AudioFrame]()
    while (message := outbound.next(now_s)) is not None:
        frame = reader.take(message, now_s)
        match frame:
            case EventsFrame():
                found += [json.loads(text) for text in reader.events(frame)]
            case AudioFrame():
                found.append(frame)
        outbound.acknowledged(reader.link.received, now_s := now_s + 0.001)
    return found


def kinds(found: list[dict[str, object] | AudioFrame]) -> list[object]:
    return ["audio" if isinstance(each, AudioFrame) else each["type"] for each in found]


def event(kind: str, item_id: str | None = None) -> OutgoingEvent:
    return OutgoingEvent(kind, json.dumps({"type": kind}), item_id)


def test_every_word_begins_where_the_one_before_it_ended_in_whatever_piece_that_came() -> None:
    outbound = Outbound("pcm", brotli=False)
    outbound.put(OutgoingText("item_1", 0, "Rest now, ", ((300, 4), (700, 9))), 0.0)
    outbound.put(OutgoingText("item_1", 10, "and drink.", ((900, 3), (1400, 10))), 0.0)
    outbound.put(OutgoingText("item_2", 0, "Good.", ((250, 5),)), 0.0)
    pieces = [
        (piece["offset"], piece["text"], piece["start_ms"], piece["end_ms"])
        for each in told(outbound)
        if isinstance(each, dict)
        for piece in each["pieces"]  # type: ignore[attr-defined]
    ]
    assert sorted(pieces) == [
        (0, "Good.", 0, 250),
        (0, "Rest ", 0, 300),
        (5, "now, ", 300, 700),
        (10, "and ", 700, 900),
        (14, "drink.", 900, 1400),
    ]


@pytest.mark.parametrize("audio", ["pcm", "opus"])
def test_the_end_of_an_answer_leaves_after_all_its_sound_and_text(audio: FrameAudio) -> None:
    outbound = Outbound(audio, brotli=True)
    outbound.put(OutgoingText("item_1", 0, "Rest.", ()), 0.0)
    outbound.put(OutgoingAudio("item_1", 24_000, np.zeros(2_000, np.float32)), 0.0)
    outbound.put(event("response.output_audio.done", "item_1"), 0.0)
    outbound.put(event("response.done"), 0.0)
    found = kinds(told(outbound))
    assert found[-2:] == ["response.output_audio.done", "response.done"]
    assert set(found[:-2]) == {"audio", "liushui.text"}


def test_what_silences_the_client_overtakes_everything_and_takes_the_sound_with_it() -> None:
    outbound = Outbound("pcm", brotli=False)
    outbound.put(event("response.created"), 0.0)
    outbound.put(OutgoingAudio("item_1", 24_000, np.zeros(4_800, np.float32)), 0.0)
    outbound.put(event("liushui.playback.clear", "item_1"), 0.0)
    assert kinds(told(outbound)) == ["liushui.playback.clear", "response.created"]


def test_sound_that_could_not_arrive_in_time_is_dropped_and_text_is_not() -> None:
    outbound = Outbound("pcm", brotli=False)
    outbound.put(OutgoingText("item_1", 0, "Rest.", ()), 0.0)
    outbound.put(OutgoingAudio("item_1", 24_000, np.zeros(4_800, np.float32)), 0.0)
    assert kinds(told(outbound, now_s=5.0)) == ["liushui.text"]


def test_after_an_answer_that_was_broken_off_the_next_one_has_its_own_place_in_time() -> None:
    outbound = Outbound("opus", brotli=False)
    outbound.put(OutgoingAudio("item_1", 24_000, np.zeros(5_000, np.float32)), 0.0)
    outbound.put(event("liushui.playback.clear", "item_1"), 0.0)
    outbound.put(OutgoingAudio("item_2", 96_000, np.zeros(5_000, np.float32)), 0.0)
    outbound.put(event("response.output_audio.done", "item_2"), 0.0)
    frames = [each for each in told(outbound) if isinstance(each, AudioFrame)]
    assert frames[0].media_time == 96_000 - LOOKAHEAD
    assert frames[-1].media_time < 96_000 + 5_000


def test_a_picture_leaves_after_what_was_put_behind_it() -> None:
    outbound = Outbound("pcm", brotli=False)
    outbound.put(event("liushui.image.show", "item_1"), 0.0)
    outbound.put(OutgoingText("item_1", 0, "Hello."), 0.0)
    outbound.put(OutgoingAudio("item_1", 0, np.zeros(960, np.float32)), 0.0)
    outbound.put(event("response.output_audio.done", "item_1"), 0.0)
    expected = ["liushui.text", "audio", "response.output_audio.done", "liushui.image.show"]
    assert sorted(kinds(found := told(outbound))[:2], key=str) == ["audio", "liushui.text"]
    assert kinds(found)[2:] == expected[2:]


@pytest.mark.parametrize(("rate_bytes_s", "comes"), [(1_000_000, True), (4_000, False)])
def test_a_link_that_would_be_blocked_by_a_picture_gets_the_words_about_it_alone(
    rate_bytes_s: float, comes: bool
) -> None:
    outbound = Outbound("pcm", brotli=False)
    now_s, size = 0.0, 4_000
    for number in range(1, 9):
        outbound.put(OutgoingEvent("x", json.dumps({"type": "x", "filler": "-" * size})), now_s)
        assert outbound.next(now_s) is not None
        outbound.acknowledged(number, now_s := now_s + size / rate_bytes_s)
    shown = {"type": "liushui.image.show", "alt": "Ferritin 8 ug/L", "image_url": "data:" + "A" * 16_000}
    outbound.put(OutgoingEvent("liushui.image.show", json.dumps(shown), "item_1"), now_s)
    message = outbound.next(now_s)
    assert message is not None
    assert (b"AAAA" in message, b"Ferritin 8 ug/L" in message) == (comes, True)
