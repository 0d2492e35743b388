"""Which sounds during an answer are an interruption."""

from __future__ import annotations

import math

import pytest

from assistant.barge_in import Reading, Sound, Verdict, asks_to_stop, is_backchannel, without_echo
from assistant.turn_policy import TurnPolicy

SAYING = "Most headaches come from tension. Drink enough water and rest in a quiet room."


def sound(voiced_s: float, **policy: int) -> Sound:
    made = Sound(TurnPolicy(**policy))
    made.voice(0.1, speech=True)
    made.voice(voiced_s, speech=True)
    return made


def ended(text: str, score: float = -0.3) -> Reading:
    return Reading(text, score, ended=True)


def going_on(text: str, score: float = -0.3) -> Reading:
    return Reading(text, score, ended=False)


@pytest.mark.parametrize("text", ["Why?", "How long?", "No.", "Say again?", "为什么", "But it hurts."])
def test_one_sure_word_is_enough_when_the_sound_is_over(text: str) -> None:
    assert sound(0.4).read(ended(text), SAYING) is Verdict.WORDS


@pytest.mark.parametrize("text", ["Mom. Mom.", "Shower.", "Chair", ""])
def test_a_doubtful_word_is_none(text: str) -> None:
    noise = sound(0.4)
    assert noise.read(ended(text, -0.8), SAYING) is None
    noise.voice(0.0, speech=True)
    assert noise.over(0.2)


def test_while_the_voice_goes_on_it_takes_two_words_that_are_read_twice() -> None:
    question = sound(0.3)
    assert question.read(going_on("how"), SAYING) is None
    assert question.read(going_on("why much"), SAYING) is None
    assert question.read(going_on("how much"), SAYING) is None
    assert question.read(going_on("how much water"), SAYING) is Verdict.WORDS


@pytest.mark.parametrize("score", [-0.9, -math.inf])
def test_words_that_are_doubtful_do_not_count_while_the_voice_goes_on(score: float) -> None:
    question = sound(0.3)
    assert [question.read(going_on("mama mom is", score), SAYING) for _ in range(3)] == [None] * 3


def test_a_long_voice_needs_no_sure_words_unless_they_are_a_backchannel() -> None:
    for text, score, verdict in (
        ("mama mom is", -0.9, Verdict.WORDS),
        ("mama mom is", -1.1, None),
        ("right, okay", -0.2, None),
        ("yeah yeah yeah yeah yeah", -0.2, Verdict.WORDS),
    ):
        assert sound(1.1).read(going_on(text, score), SAYING) is verdict, text


def test_people_talking_in_the_background_do_not_stop_the_answer() -> None:
    babble = sound(1.5)
    assert babble.read(going_on("I'm making some sauce", -1.2), SAYING) is None
    assert babble.read(ended("I'm making some sauce", -1.2), SAYING) is None


def test_who_hesitates_is_given_more_time_than_who_assents() -> None:
    bid = sound(0.4)
    bid.read(ended("Well, um..."), SAYING)
    assert not bid.over(0.5)
    assert bid.over(1.0)


def test_a_sound_is_over_when_it_was_read_to_its_end_and_not_if_it_goes_on() -> None:
    assent = sound(0.3)
    assert not assent.over(0.5), "nobody read it yet"
    assent.read(ended("uh-huh"), SAYING)
    assert assent.over(0.2)
    assent.voice(0.1, speech=True)
    assert not assent.over(0.2)


def test_a_sound_too_short_for_speech_is_over_at_once() -> None:
    click = Sound(TurnPolicy())
    click.voice(0.032, speech=False)
    assert click.over(0.0)


@pytest.mark.parametrize(
    "text",
    [
        "headaches come from tension",
        "Drink enough water and rest in a quiet room",
        "drink enough daughter and rest in a quite room",  # misread
        "come",
    ],
)
def test_the_answers_own_words_are_an_echo(text: str) -> None:
    assert sound(0.9).read(going_on(text), SAYING) is Verdict.ECHO


@pytest.mark.parametrize(
    ("text", "own"),
    [
        ("and rest in a stop quiet room", "stop"),
        ("But how much water may I drink?", "But how much water may I drink?"),
        ("I have no quiet room here", "I have no quiet room here"),
        ("多喝水", ""),
        ("不用了", "不用了"),
    ],
)
def test_what_somebody_else_says_is_told_from_the_echo(text: str, own: str) -> None:
    assert without_echo(text, SAYING + "多喝水，好好休息。") == own


@pytest.mark.parametrize("text", ["Stop.", "Wait, wait!", "hold on a second", "不用了", "等一下"])
def test_who_asks_for_silence_gets_it_at_once_however_few_the_words(text: str) -> None:
    assert asks_to_stop(text)
    assert sound(0.2, barge_in_words=4).read(going_on(text), SAYING) is Verdict.WORDS


def test_fewer_words_than_the_policy_asks_for_do_not_stop_the_answer() -> None:
    assert sound(1.2, barge_in_words=3).read(ended("my head"), SAYING) is None
    assert sound(1.2, barge_in_words=3).read(ended("my head hurts"), SAYING) is Verdict.WORDS
    with pytest.raises(ValueError, match="barge_in_words is 0"):
        TurnPolicy(barge_in_words=0)


@pytest.mark.parametrize(
    "text",
    ["Yeah, okay.", "Mm-hmm.", "M-M-H-M", "Oh, I see.", "OIC", "Of course!", "No way.", "好的", "嗯嗯"],
)
def test_backchannels(text: str) -> None:
    assert is_backchannel(text)


@pytest.mark.parametrize("text", ["Yeah, but it hurts.", "No.", "Why?", "不是", "yeah yeah yeah yeah yeah"])
def test_no_backchannels(text: str) -> None:
    assert not is_backchannel(text)
