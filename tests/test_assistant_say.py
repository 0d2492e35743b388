"""`liushui say` with a scripted voice."""

from __future__ import annotations

import io
import wave
from argparse import Namespace
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from assistant import say
from assistant.errors import ConfigError
from assistant.said import Said
from assistant.say_plot import Picture, draw
from assistant.wav import WavStream, write_wav
from llm.boundaries import Strength
from llm.pacing import Chunk
from tts.engine import Speech, SpokenWord

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
    said = say.speak(voice, text)
    assert "".join(voice.said) == text
    assert all(each.pause_s > 0.1 for each in said[:-1])
    assert sum(len(each.audio) for each in said) > len(voice.said) * RATE_HZ // 10


def test_a_text_that_arrives_is_spoken_from_its_first_phrase_on() -> None:
    arrived: list[str] = []

    def words() -> Iterator[str]:
        for word in ("Take", " the", " tablet,", " and", " rest", " for", " an", " hour."):
            arrived.append(word)
            yield word

    now_s = 0.0
    heard = say.stream(Beeper(), words(), 1.0, lambda: now_s)
    assert next(heard).chunk.text == "Take the tablet,"
    assert len(arrived) <= 4
    assert "".join(each.chunk.text for each in heard) == " and rest for an hour."


def test_a_stream_is_a_wav_file_whose_length_is_noted_at_the_end() -> None:
    file = io.BytesIO()
    stream = WavStream(file, RATE_HZ)
    stream.write(np.zeros(5, np.float32))
    stream.write(np.ones(2, np.float32))
    stream.finish()
    with wave.open(io.BytesIO(file.getvalue())) as written:
        assert written.getnframes() == 7


def test_the_picture_has_every_word_boundary_and_pause(tmp_path: Path) -> None:
    chunk = Chunk("Take it and rest, ", Strength.CLAUSE, 0.2)
    words = [("Take", 0, 4), ("it", 5, 7), ("and", 8, 11), ("rest", 12, 16)]
    spoken = [SpokenWord(word, i / 10, i / 10 + 0.1, *span) for i, (word, *span) in enumerate(words)]
    said = Said(chunk, Speech(np.full(RATE_HZ // 2, 0.5, np.float32), RATE_HZ, tuple(spoken)))
    picture = Picture.of([said, said])
    assert [text for *_, text in picture.words] == 2 * [word for word, *_ in words]
    assert [(round(a, 3), round(b, 3)) for a, b in picture.pauses] == [(0.5, 0.7), (1.2, 1.4)]
    ended = [(round(at_s, 3), strength) for at_s, strength, ends_chunk in picture.boundaries if ends_chunk]
    assert ended == [(0.5, Strength.CLAUSE), (1.2, Strength.CLAUSE)]
    assert (0.1, Strength.WORD, False) in picture.boundaries
    draw([said, said], tmp_path / "said.png")
    assert (tmp_path / "said.png").read_bytes().startswith(b"\x89PNG")


def test_a_wav_file_can_be_written_to_a_pipe() -> None:
    class Pipe(io.BytesIO):
        def seekable(self) -> bool:
            return False

        def seek(self, *_: object) -> int:
            raise OSError("a pipe cannot seek")

    pipe = Pipe()
    write_wav(pipe, np.array([0.0, 1.0, -2.0], np.float32), RATE_HZ)
    with wave.open(io.BytesIO(pipe.getvalue())) as written:
        assert (written.getnchannels(), written.getsampwidth(), written.getframerate()) == (1, 2, RATE_HZ)
        assert np.frombuffer(written.readframes(9), "<i2").tolist() == [0, 32767, -32767]


def test_an_empty_text_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(" \n"))
    with pytest.raises(ConfigError, match="nothing to say"):
        say.run(Namespace(text=None, out=None, plot=None, stream=False))


def test_a_file_that_cannot_be_written_is_noticed_before_the_voice_is_loaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(say, "load_synthesizer", lambda config, store: pytest.fail("loaded"))
    with pytest.raises(ConfigError, match="no folder"):
        say.run(Namespace(text="hello", out=tmp_path / "missing" / "hello.wav", rate=1.0, plot=None))
