"""A folder of recordings: audio files, and `transcripts.tsv` that says what is in them."""

from __future__ import annotations

import csv
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from assistant.caller import Question, read_audio, read_question
from assistant.microphone import SAMPLE_RATE_HZ
from assistant.speech_end import HOP_S, NOISE_PERCENTILE, WINDOW_S, frame_levels_db

Audio = NDArray[np.float32]

KINDS = ("plain", "pause", "hesitation", "real")  # the first word of a row's notes; anything else is "other"
TONE_S = 12.0  # longer than the wait for an answer
INAUDIBLE = 1e-4  # -80 dBFS RMS: the floor of a 16-bit recording, or digital silence


class BadFolder(ValueError):
    """The folder does not hold what a bench needs."""


@dataclass(frozen=True, slots=True)
class Recording:
    """One spoken question and what is said in it."""

    question: Question
    text: str
    kind: str

    @property
    def file(self) -> str:
        """Its name in the folder."""
        return self.question.path.name


@dataclass(frozen=True, slots=True)
class Sound:
    """What a microphone hears beside questions."""

    file: str
    audio: Audio  # 24 kHz
    text: str  # "" for a noise


def read_sounds(folder: Path) -> list[Sound]:
    """Read every row of `folder/transcripts.tsv` (columns file and text), in its order. Raises BadFolder."""
    return [Sound(row["file"], read_audio(folder / row["file"]), row["text"]) for row in _rows(folder)]


def read_folder(folder: Path, rng: np.random.Generator) -> list[Recording]:
    """Read every row of `folder/transcripts.tsv` (columns file, text, and optionally notes), in its order.

    Each recording goes on with its own noise floor: no sudden digital silence gives its end away.
    Raises BadFolder; NotAudio or SilentRecording for a bad file.
    """
    return [_read_row(folder, row, rng) for row in _rows(folder)]


def _rows(folder: Path) -> list[dict[str, str]]:
    table = folder / "transcripts.tsv"
    if not table.is_file():
        raise BadFolder(f"{table} does not exist: it names the recordings, with the columns file and text")
    with table.open(encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE))
    if not rows or not {"file", "text"} <= rows[0].keys():
        raise BadFolder(f"{table} has no row with the tab-separated columns file and text")
    return rows


def _read_row(folder: Path, row: dict[str, str], rng: np.random.Generator) -> Recording:
    question = read_question(folder / row["file"])
    endless = np.concatenate([question.audio, room_tone(question.audio, rng)])
    kind = (row.get("notes") or "").partition(";")[0].strip()
    return Recording(replace(question, audio=endless), row["text"], kind if kind in KINDS else "other")


def room_tone(audio: Audio, rng: np.random.Generator) -> Audio:
    """Noise that sounds like the pauses of `audio`: [samples of 12 s]; zeros where they are silent.

    Their spectrum is that of the 20 ms frames that are quietest in the band of speech: white noise as loud
    as a rumble would be a sudden hiss.
    """
    levels_db = frame_levels_db(audio, SAMPLE_RATE_HZ)
    hop, window = round(HOP_S * SAMPLE_RATE_HZ), round(WINDOW_S * SAMPLE_RATE_HZ)
    frames = sliding_window_view(audio, window)[::hop]
    pauses = frames[levels_db <= np.percentile(levels_db, NOISE_PERCENTILE)]  # [pauses, window]
    samples = round(TONE_S * SAMPLE_RATE_HZ)
    if np.sqrt(np.square(pauses).mean()) < INAUDIBLE:
        return np.zeros(samples, np.float32)
    hann = np.hanning(window)
    power = np.square(np.abs(np.fft.rfft(pauses * hann))).mean(axis=0) / np.square(hann).sum()
    white = np.fft.rfft(rng.standard_normal(samples))
    places = np.linspace(0.0, 1.0, len(white)), np.linspace(0.0, 1.0, len(power))
    return np.fft.irfft(white * np.sqrt(np.interp(*places, power)), samples).astype(np.float32)
