from __future__ import annotations

from argparse import Namespace
from pathlib import Path

import numpy as np
import pytest
import soundfile

from asr.errors import NotAudio
from assistant import talk
from assistant.errors import PictureUnread, SilentRecording
from assistant.persona import SAMPLES


def arguments(*files: Path) -> Namespace:
    return Namespace(files=list(files), url="ws://127.0.0.1:1/v1/realtime", image=[], out=None, json=True)


def test_a_missing_file_is_named_before_anything_starts(tmp_path: Path) -> None:
    with pytest.raises(NotAudio, match=r"gone\.wav"):
        talk.run(arguments(tmp_path / "gone.wav"))


def test_a_file_that_is_not_audio_is_named(tmp_path: Path) -> None:
    path = tmp_path / "notes.wav"
    path.write_text("call the doctor", encoding="utf-8")
    with pytest.raises(NotAudio, match=r"notes\.wav"):
        talk.run(arguments(path))


def test_a_silent_file_is_not_a_question(tmp_path: Path) -> None:
    path = tmp_path / "silence.wav"
    soundfile.write(path, np.zeros(16_000), 16_000)
    with pytest.raises(SilentRecording, match=r"silence\.wav"):
        talk.run(arguments(path))


def test_a_file_that_is_no_picture_is_named_before_anything_starts() -> None:
    asked = arguments(SAMPLES / "wav" / "headache.wav")
    asked.image = [SAMPLES / "medical" / "prompt.md"]
    with pytest.raises(PictureUnread, match=r"prompt\.md: is no PNG"):
        talk.run(asked)


@pytest.mark.parametrize(
    ("out", "number", "expected"),
    [
        (None, None, "headache-reply.wav"),
        (None, 2, "headache-reply.wav"),
        (Path("answers/a.wav"), None, "answers/a.wav"),
        (Path("answers/a.wav"), 2, "answers/a-2.wav"),
    ],
)
def test_an_answer_is_named_after_its_question_or_as_told(
    out: Path | None, number: int | None, expected: str
) -> None:
    assert talk.reply_path(out, Path("samples/wav/headache.wav"), number) == Path(expected)
