"""When the ear asks for a reading, and what it says of the end of the voice."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from asr.engine import SAMPLE_RATE_HZ
from asr.streaming import TAIL_SAMPLES
from asr.vad import FRAME_SAMPLES, SileroVad, VoiceDetector
from asr.whisper import WhisperRecognizer
from assistant.ear import Ear
from assistant.microphone import SAMPLE_RATE_HZ as RATE_HZ
from assistant.persona import SAMPLES
from tests.bench.noise import made_up
from tests.bench.recordings import Sound, read_sounds
from tests.fakes import LevelLoudness, LevelRecognizer, LevelVad, Vocabulary

MESSAGE = SAMPLE_RATE_HZ // 50
EVERY_S = 0.4
TAIL_S = -(-TAIL_SAMPLES // MESSAGE) * MESSAGE / SAMPLE_RATE_HZ  # in whole messages
VOCABULARY = Vocabulary()


def ear_after(text: str) -> Ear:
    """An ear with an open utterance that has heard `text`."""
    detector = VoiceDetector(LevelVad(), new_loudness=LevelLoudness)
    ear = Ear(LevelRecognizer(VOCABULARY), detector)
    ear.hear(VOCABULARY.say("~ ~", SAMPLE_RATE_HZ))
    ear.hear(VOCABULARY.say(text, SAMPLE_RATE_HZ))
    ear.open()
    return ear


def readings_s(ear: Ear, audio: NDArray[np.float32]) -> list[float]:
    """Seconds from the start of `audio` at which a reading is due, in messages of 20 ms."""
    due = []
    for end in range(MESSAGE, len(audio) + 1, MESSAGE):
        ear.hear(audio[end - MESSAGE : end])
        if ear.partial_due(EVERY_S):
            due.append(end / SAMPLE_RATE_HZ)
    return due


def test_a_reading_is_due_every_so_often_while_there_is_sound() -> None:
    assert readings_s(ear_after("one"), VOCABULARY.say("two " * 4, SAMPLE_RATE_HZ)) == [0.4, 0.8, 1.2]


def test_the_end_of_a_sound_is_read_at_once_and_once() -> None:
    ear = ear_after("one")
    assert readings_s(ear, VOCABULARY.say("~ ~ ~ ~", SAMPLE_RATE_HZ)) == [TAIL_S]


def test_after_more_sound_the_next_silence_is_read_again() -> None:
    ear = ear_after("one")
    readings_s(ear, VOCABULARY.say("~ two", SAMPLE_RATE_HZ))
    assert readings_s(ear, VOCABULARY.say("~ ~", SAMPLE_RATE_HZ)) == [TAIL_S]


def test_the_end_of_the_voice_is_where_it_was_whatever_came_after() -> None:
    for silent in (TAIL_SAMPLES, 5 * FRAME_SAMPLES, 7 * MESSAGE):
        ear = ear_after("one two")
        assert ear.utterance is not None
        voiced = ear.utterance.fed
        ear.hear(np.zeros(silent, np.float32))
        assert abs(ear.voiced_until() - voiced) <= FRAME_SAMPLES


NOISES = [sound for sound in read_sounds(SAMPLES / "sounds") if not sound.text]


@pytest.mark.parametrize("noise", NOISES, ids=lambda noise: noise.file)
def test_music_animals_and_the_street_are_no_words(
    noise: Sound, whisper: WhisperRecognizer, weights_dir: Callable[[str], Path]
) -> None:
    detector = VoiceDetector(SileroVad(weights_dir("silero-vad") / "model.onnx"))
    quiet = np.zeros(2 * RATE_HZ, np.float32)
    assert made_up(np.concatenate((noise.audio, quiet)), Ear(whisper, detector)) == []
