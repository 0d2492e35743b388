"""`liushui transcribe`: files of every kind, some with the real recognizer."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
import soxr

from assistant import cli
from assistant.persona import SAMPLES

HEADACHE = SAMPLES / "wav" / "headache.wav"


def said_in(capsys: pytest.CaptureFixture[str]) -> str:
    text: str = json.loads(capsys.readouterr().out)["text"]
    return text.lower()


def test_a_question_is_read_with_the_real_recognizer(
    weights_dir: Callable[[str], Path], capsys: pytest.CaptureFixture[str]
) -> None:
    weights_dir("whisper-base")
    assert cli.main(["transcribe", str(HEADACHE)]) == 0
    assert "headache" in capsys.readouterr().out


def test_40_khz_stereo_is_read_as_well_with_the_real_recognizer(
    tmp_path: Path, weights_dir: Callable[[str], Path], capsys: pytest.CaptureFixture[str]
) -> None:
    weights_dir("whisper-base")
    samples, rate_hz = soundfile.read(HEADACHE, dtype="float32")
    resampled = soxr.resample(samples, rate_hz, 40_000)
    stereo = tmp_path / "stereo.wav"
    soundfile.write(stereo, np.stack([resampled, resampled], axis=1), 40_000)
    assert cli.main(["transcribe", str(stereo), "--json"]) == 0
    assert "headache" in said_in(capsys)


def test_silence_has_no_text_with_the_real_recognizer(
    tmp_path: Path, weights_dir: Callable[[str], Path], capsys: pytest.CaptureFixture[str]
) -> None:
    weights_dir("whisper-base")
    silence = tmp_path / "silence.wav"
    soundfile.write(silence, np.zeros(60 * 16_000, np.float32), 16_000)
    assert cli.main(["transcribe", str(silence), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["segments"] == []


def test_a_missing_file_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["transcribe", str(tmp_path / "gone.wav")]) == 1
    assert capsys.readouterr().err == f"liushui: error: there is no file {tmp_path / 'gone.wav'}\n"


def test_what_is_not_audio_is_one_clear_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = tmp_path / "notes.wav"
    text.write_text("not a recording")
    assert cli.main(["transcribe", str(text)]) == 1
    said = capsys.readouterr().err
    assert said.startswith("liushui: error: ") and "cannot be read as audio" in said and said.count("\n") == 1
