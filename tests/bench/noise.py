"""Words out of nothing: minutes of noises and of silence, heard as a session hears them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from asr.engine import SAMPLE_RATE_HZ as HEARD_HZ
from assistant.ear import Ear
from assistant.microphone import SAMPLE_RATE_HZ, Audio
from assistant.turn_policy import TurnPolicy, words_of
from tests.bench.recordings import Sound

MINUTES = 5
PART_S = 60.0  # of a long noise at a time
SILENCE_S = 10.0  # after each
ROOM_DB = -65.0  # of full scale: what is called silence
MESSAGE = SAMPLE_RATE_HZ // 50


def noise_and_silence(sounds: Sequence[Sound], rng: np.random.Generator) -> Audio:
    """MINUTES of the noises among the sounds, in turn, with silence after each, 24 kHz."""
    noises = [sound.audio for sound in sounds if not sound.text]
    pieces: list[Audio] = []
    while noises and sum(map(len, pieces)) < MINUTES * 60 * SAMPLE_RATE_HZ:
        for noise in noises:
            start = int(rng.integers(max(1, len(noise) - round(PART_S * SAMPLE_RATE_HZ))))
            silence = np.zeros(round(SILENCE_S * SAMPLE_RATE_HZ), np.float32)
            pieces += [noise[start : start + round(PART_S * SAMPLE_RATE_HZ)], silence]
    whole = np.concatenate(pieces)[: MINUTES * 60 * SAMPLE_RATE_HZ]
    room = rng.standard_normal(len(whole)) * 10 ** (ROOM_DB / 20)
    return (whole + room).astype(np.float32)


def made_up(audio: Audio, ear: Ear) -> list[str]:
    """The turns that a session would take from `audio`, in which nobody speaks."""
    policy, turns, text = TurnPolicy(), [], ""
    for start in range(0, len(audio), MESSAGE):
        for piece in ear.resample(audio[start : start + MESSAGE], SAMPLE_RATE_HZ):
            for voice in ear.hear(piece):
                silence_s = voice.silence_samples / HEARD_HZ
                if voice.speaking and not silence_s:
                    ear.open()
                elif ear.utterance and silence_s >= policy.eager_s and not text:
                    text = ear.utterance.final(ear.voiced_until())
                    if not words_of(text):
                        ear.close()
                elif ear.utterance and silence_s >= policy.likely_s:
                    turns.append(text)
                    ear.close()
                if not silence_s:
                    text = ""
    return turns
