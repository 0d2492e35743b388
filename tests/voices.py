"""What every voice with real weights is asked."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import numpy as np
import soxr
from faster_whisper import WhisperModel

from tts.engine import Speech

MARGIN_S = 0.5  # of silence around what Whisper hears: it is unsure of words at the very edge


def heard(speech: Speech, whisper: Path, language: str) -> list[str]:
    """The words that Whisper hears, bare; the characters, where the language is Chinese."""
    audio = soxr.resample(speech.audio, speech.sample_rate_hz, 16_000)
    padded = np.pad(audio, round(MARGIN_S * 16_000))
    segments, _ = _whisper(whisper).transcribe(padded, language=language, beam_size=1)
    text = "".join(segment.text for segment in segments).lower()
    return re.findall(r"[\u4e00-\u9fff]|[a-z']+|\d+", text)


@cache
def _whisper(folder: Path) -> WhisperModel:
    return WhisperModel(str(folder), compute_type="int8", cpu_threads=2)


def assert_sound(speech: Speech, shown: str) -> None:
    """Words rise within the audio and the shown text, and the speech begins within 20 ms."""
    at_s, at = 0.0, 0
    for word in speech.words:
        assert at_s <= word.start_s < word.end_s
        assert at <= word.text_start < word.text_end
        assert shown[word.text_start : word.text_end] == word.text
        at_s, at = word.end_s, word.text_end
    assert at_s <= len(speech.audio) / speech.sample_rate_hz
    loud = np.abs(speech.audio) > 0.01 * np.abs(speech.audio).max()
    assert np.argmax(loud) / speech.sample_rate_hz <= 0.020
    assert np.abs(speech.audio).max() <= 1.0


def length_s(speech: Speech) -> float:
    return len(speech.audio) / speech.sample_rate_hz
