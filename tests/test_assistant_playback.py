"""What was sent and what was heard, in virtual time."""

from __future__ import annotations

import weakref

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant.playback import SEND_LEAD_S, Piece, Playback

RATE_HZ = 1000


def piece(text: str, seconds: float) -> Piece:
    """`text`, its words spread evenly over `seconds`."""
    words = text.split()
    ends = np.cumsum([len(word) + 1 for word in words]) - 1
    timings = tuple((seconds * (i + 1) / len(words), int(end)) for i, end in enumerate(ends))
    return Piece(text, np.ones(round(seconds * RATE_HZ), np.float32), timings)


def playing(*pieces: Piece, send_lead_s: float = 0.3) -> Playback:
    playback = Playback(RATE_HZ, send_lead_s=send_lead_s)
    for one in pieces:
        playback.add(one)
    playback.complete()
    return playback


def test_audio_leaves_at_most_the_send_lead_ahead_of_the_ear() -> None:
    playback = playing(piece("one two three four ", 2.0))
    assert len(playback.release(10.0).audio) == 300
    assert len(playback.release(10.5).audio) == 300  # all of the first was heard by then
    assert not playback.sent()


def test_all_of_it_is_heard_in_real_time_and_then_it_is_finished() -> None:
    playback = playing(piece("one two ", 1.0), piece("three four.", 1.0))
    sent = sum(len(playback.release(t / 50).audio) for t in range(200))
    assert sent == 2000
    assert playback.finished(4.0)
    assert playback.heard(playback.playhead_s(4.0)) == "one two three four."


def test_only_words_that_ended_before_the_playhead_were_heard() -> None:
    playback = playing(piece("one two three four ", 2.0), send_lead_s=5)
    playback.release(0.0)
    assert playback.heard(playback.playhead_s(0.4)) == ""
    assert playback.heard(playback.playhead_s(1.2)) == "one two"
    assert playback.heard(9.9) == "one two three four"


def test_the_words_that_may_be_heard_back_are_those_of_the_last_seconds_and_of_the_next_moment() -> None:
    playback = playing(piece("one two three four five six seven eight nine ten ", 10.0))
    assert playback.around(0.0) == ""
    for t in range(61):
        playback.release(t / 10)
    assert playback.around(6.0) == " three four five six"
    assert playback.around(6.25) == " three four five six"
    playback.release(6.3)
    assert playback.around(6.4) == " three four five six seven"


def test_the_playhead_stalls_when_the_client_has_nothing_to_play() -> None:
    playback = Playback(RATE_HZ)
    playback.add(piece("one ", 0.2))
    playback.release(0.0)
    assert playback.playhead_s(5.0) == 0.2
    playback.add(piece("two ", 0.2))
    playback.release(5.0)
    assert abs(playback.playhead_s(5.1) - 0.3) < 1e-6
    assert not playback.finished(9.0)


def test_a_held_playback_resumes_from_the_same_sample() -> None:
    ramp = np.arange(1000, dtype=np.float32)
    playback = playing(Piece("x", ramp))
    first = playback.release(0.0).audio
    playback.hold(0.0, paused=False)
    assert len(playback.release(1.0).audio) == 0
    assert playback.due_s(1.0) is None
    playback.resume(2.0)
    second = playback.release(2.0).audio
    np.testing.assert_array_equal(np.concatenate((first, second)), ramp[: len(first) + len(second)])


def test_the_playhead_of_a_client_that_pauses_stands_still_and_that_of_another_plays_what_it_has() -> None:
    for paused, played_s in ((True, 0.1), (False, SEND_LEAD_S)):
        playback = playing(Piece("x", np.zeros(1000, np.float32)))
        playback.release(0.0)
        playback.hold(0.1, paused=paused)
        assert playback.playhead_s(5.0) == pytest.approx(played_s)
        playback.resume(5.0)
        assert playback.playhead_s(5.1) == pytest.approx(min(played_s + 0.1, SEND_LEAD_S))


def test_text_without_sound_passes_at_once() -> None:
    silent = np.zeros(0, np.float32)
    playback = playing(Piece("你好 ", silent), Piece("again", silent))
    assert playback.release(0.0).text == "你好 again"
    assert playback.finished(0.0)
    assert playback.heard(0.0) == "你好 again"


@given(
    st.lists(st.tuples(st.text("ab ", min_size=1, max_size=9), st.integers(0, 900)), max_size=6),
    st.lists(
        st.tuples(st.floats(0, 0.5), st.sampled_from(["release", "hold", "pause", "resume"])), max_size=60
    ),
)
def test_nothing_is_lost_doubled_or_early(
    pieces: list[tuple[str, int]], looks: list[tuple[float, str]]
) -> None:
    audio = np.arange(sum(length for _, length in pieces), dtype=np.float32)
    playback, start = Playback(RATE_HZ), 0
    for text, length in pieces:
        playback.add(Piece(text, audio[start : start + length]))
        start += length
    playback.complete()
    now_s, sent, texts = 0.0, np.zeros(0, np.float32), ""
    for step_s, verb in looks + [(1.0, "resume")] + [(0.25, "release")] * 60:
        now_s += step_s
        if verb == "release":
            release = playback.release(now_s)
            sent, texts = np.concatenate((sent, release.audio)), texts + release.text
            ahead_s = len(sent) / RATE_HZ - playback.playhead_s(now_s)
            assert ahead_s <= playback.send_lead_s + 2 / RATE_HZ
        elif verb == "resume":
            playback.resume(now_s)
        else:
            playback.hold(now_s, paused=verb == "pause")
        assert playback.said.startswith(playback.heard(playback.playhead_s(now_s)))
    np.testing.assert_array_equal(sent, audio)
    assert texts == playback.said
    assert playback.finished(now_s)


@given(st.floats(0, 1), st.floats(0, 30))
def test_while_the_line_is_down_nothing_leaves_and_afterwards_not_a_sample_is_missing(
    at_s: float, cut_s: float
) -> None:
    playback = playing(piece("one two three four ", 2.0))
    sent = sum(len(playback.release(at_s * i / 10).audio) for i in range(11))
    playback.cut_off(at_s)
    assert playback.due_s(at_s) is None
    assert not len(playback.release(at_s + cut_s / 2).audio)
    playback.reconnect(at_s + cut_s)
    sent += sum(len(playback.release(at_s + cut_s + i / 10).audio) for i in range(40))
    assert sent == 2000
    assert playback.finished(at_s + cut_s + 4)


def test_a_sound_that_holds_the_answer_still_holds_it_when_the_line_is_back() -> None:
    playback = playing(piece("one two ", 1.0))
    playback.hold(0.0, paused=True)
    playback.cut_off(0.1)
    playback.reconnect(0.2)
    assert not len(playback.release(0.3).audio)


def test_what_the_client_reports_is_believed() -> None:
    playback = playing(piece("one two three four ", 2.0), send_lead_s=5)
    playback.release(0.0)
    playback.report(0.5, 1.0)
    assert playback.playhead_s(1.2) == pytest.approx(0.7)
    playback.report(9.0, 1.3)
    assert playback.finished(1.3)


def test_the_text_is_known_before_it_sounds_each_word_with_its_time() -> None:
    playback = playing(piece("one two ", 1.0), send_lead_s=0.1)
    playback.release(0.0)
    playback.add(piece("three", 0.5))
    text, ends_s = playback.written()
    assert [(round(end_s, 3), text[:end]) for end_s, end in ends_s] == [
        (0.5, "one"),
        (1.0, "one two"),
        (1.5, "one two three"),
    ]
    assert playback.written() == ("", ())


def test_sound_that_left_or_never_will_is_not_kept() -> None:
    sounds = [np.ones(500, np.float32), np.ones(500, np.float32)]
    kept = [weakref.ref(sound) for sound in sounds]
    playback = Playback(RATE_HZ)
    for text, sound in zip(("one ", "two "), sounds, strict=True):
        playback.add(Piece(text, sound, ((0.5, 3),)))
    del sound, sounds
    for t in (0.0, 0.3):
        playback.release(t)
    assert [ref() is None for ref in kept] == [True, False]
    playback.let_go()
    assert kept[1]() is None
    assert playback.heard(0.5) == "one"
