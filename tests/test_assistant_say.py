"""`liushui say` with a scripted voice."""

from __future__ import annotations

import io
import wave
from argparse import Namespace
from pathlib import Path

import numpy as np
import pytest

from assistant import say
from assistant.errors import ConfigError
from tts.engine import Speech

RATE_HZ = 24_000


class Beeper:
    """A voice that says a tenth of a second for every chunk, and remembers it."""

    sample_rate_hz = RATE_HZ

    def __init__(self) -> None:
        self.said: list[str] = []

    def synthesize(self, text: str, *, rate: float = 1.0) -> Speech:
        self.said.append(text)
        return Speech(np.full(RATE_HZ // 10, 0.5, np.float32), RATE_HZ, ())


def test_the_whole_text_is_spoken_with_pauses_between_its_phrases() -> None:
    voice = Beeper()
    text = "Take the tablet with water. Do not drive for four hours. Call us if the pain comes back."
    audio = say.speak(voice, text)
    assert "".join(voice.said) == text
    assert len(audio) > len(voice.said) * RATE_HZ // 10


def test_a_wav_file_can_be_written_to_a_pipe() -> None:
    class Pipe(io.BytesIO):
        def seekable(self) -> bool:
            return False

        def seek(self, *_: object) -> int:
            raise OSError("a pipe cannot seek")

    pipe = Pipe()
    say.write_wav(pipe, np.array([0.0, 1.0, -2.0], np.float32), RATE_HZ)
    with wave.open(io.BytesIO(pipe.getvalue())) as written:
        assert (written.getnchannels(), written.getsampwidth(), written.getframerate()) == (1, 2, RATE_HZ)
        assert np.frombuffer(written.readframes(9), "<i2").tolist() == [0, 32767, -32767]


def test_an_empty_text_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(" \n"))
    with pytest.raises(ConfigError, match="nothing to say"):
        say.run(Namespace(text=None, out=None))


def test_a_file_that_cannot_be_written_is_noticed_before_the_voice_is_loaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(say, "load_synthesizer", lambda config, store: pytest.fail("loaded"))
    with pytest.raises(ConfigError, match="no folder"):
        say.run(Namespace(text="hello", out=tmp_path / "missing" / "hello.wav", rate=1.0))
