from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile
from scipy.signal import butter, sosfilt

from assistant.errors import SilentRecording
from assistant.microphone import SAMPLE_RATE_HZ
from assistant.persona import SAMPLES
from assistant.speech_end import frame_levels_db
from tests.bench.recordings import KINDS, BadFolder, read_folder, room_tone

RNG_SEED = 3


def rng() -> np.random.Generator:
    return np.random.default_rng(RNG_SEED)


def write(
    folder: Path, name: str, *, seconds: float = 1.0, level: float = 0.2, rate_hz: int = 16_000
) -> None:
    times_s = np.arange(round(seconds * rate_hz)) / rate_hz
    voice = level * np.sin(2 * np.pi * 300 * times_s)
    soundfile.write(folder / name, np.concatenate([voice, np.zeros(rate_hz // 2)]), rate_hz)


def test_two_columns_are_enough(tmp_path: Path) -> None:
    write(tmp_path, "a.wav")
    (tmp_path / "transcripts.tsv").write_text('file\ttext\na.wav\tHe said "no".\n', encoding="utf-8")
    (recording,) = read_folder(tmp_path, rng())
    assert (recording.file, recording.text, recording.kind) == ("a.wav", 'He said "no".', "other")
    assert recording.question.speech_end_s == pytest.approx(1.0, abs=0.0101)
    assert len(recording.question.audio) > 10 * SAMPLE_RATE_HZ


@pytest.mark.parametrize("table", [None, "", "file\tsource\na.wav\tme\n", "file\ttext\n"])
def test_a_folder_without_transcripts_is_refused(tmp_path: Path, table: str | None) -> None:
    if table is not None:
        (tmp_path / "transcripts.tsv").write_text(table, encoding="utf-8")
    with pytest.raises(BadFolder, match=r"transcripts\.tsv"):
        read_folder(tmp_path, rng())


def test_a_silent_recording_is_refused_by_name(tmp_path: Path) -> None:
    write(tmp_path, "a.wav", level=0.0)
    (tmp_path / "transcripts.tsv").write_text("file\ttext\na.wav\tnothing\n", encoding="utf-8")
    with pytest.raises(SilentRecording, match=r"a\.wav"):
        read_folder(tmp_path, rng())


def test_room_tone_goes_on_at_the_level_of_the_pauses() -> None:
    noise = rng().standard_normal(SAMPLE_RATE_HZ, np.float32) * np.float32(0.003)
    half = np.arange(SAMPLE_RATE_HZ // 2)
    noise[half] += 0.2 * np.sin(2 * np.pi * 300 * half / SAMPLE_RATE_HZ)
    assert np.std(room_tone(noise, rng())) == pytest.approx(0.003, rel=0.15)


def test_room_tone_has_the_colour_of_the_pauses() -> None:
    white = rng().standard_normal(4 * SAMPLE_RATE_HZ) * 0.01
    rumble = sosfilt(butter(4, 100, fs=SAMPLE_RATE_HZ, output="sos"), white).astype(np.float32)
    tone = room_tone(rumble, rng())
    before, after = (frame_levels_db(part, SAMPLE_RATE_HZ).mean() for part in (rumble, tone))
    assert after == pytest.approx(before, abs=4.0)  # in the band of speech, far below the whole


def test_digital_silence_goes_on_as_digital_silence() -> None:
    assert not room_tone(np.zeros(SAMPLE_RATE_HZ, np.float32), rng()).any()


def test_the_samples_have_every_kind_and_name_their_licences() -> None:
    recordings = read_folder(SAMPLES / "wav", rng())
    assert {recording.kind for recording in recordings} == set(KINDS)
    table = (SAMPLES / "wav" / "transcripts.tsv").read_text(encoding="utf-8").splitlines()
    licences = [line.split("\t")[3] for line in table[1:]]
    assert all(licence.startswith(("Apache-2.0", "CC0-1.0", "CC BY 4.0")) for licence in licences)
    files = {path.name for path in (SAMPLES / "wav").iterdir() if path.suffix in (".wav", ".flac")}
    assert files == {recording.file for recording in recordings}
