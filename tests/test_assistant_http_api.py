"""Requests over HTTP on real weights, by OpenAI's own SDK."""

from __future__ import annotations

import io
from argparse import Namespace
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from openai import AsyncOpenAI, BadRequestError

from asr.recording import Cutter, blocks
from asr.vad import VoiceDetector
from assistant.arguments import KEYS_VARIABLE, parser
from assistant.errors import ConfigError
from assistant.loaded import Engines
from assistant.persona import SAMPLES
from assistant.service import load_engines, running
from assistant.service_config import ServiceConfig, config_from
from assistant.speech_files import phrased
from assistant.weights import Store
from llm.pacing import LONGEST
from tests.fakes import LevelLoudness, LevelVad
from tests.test_transport_http_api import sdk

HEADACHE = SAMPLES / "wav" / "headache.wav"
CHAT: Any = [
    {"role": "system", "content": "Answer in one short sentence."},
    {"role": "user", "content": "What is the capital of France?"},
]


@pytest.fixture(scope="module")
def engines() -> Iterator[Engines]:
    loaded = load_engines(ServiceConfig(port=0), Store())
    assert loaded.failures == ()
    yield loaded
    loaded.close()


@asynccontextmanager
async def client(engines: Engines) -> AsyncIterator[AsyncOpenAI]:
    async with running(ServiceConfig(port=0), engines) as url, sdk(url) as openai:
        yield openai


async def test_a_chat_is_completed_and_counted_the_same_streamed_or_not(engines: Engines) -> None:
    async with client(engines) as openai:
        whole = await openai.chat.completions.create(model="m", messages=CHAT, max_tokens=40)
        stream = await openai.chat.completions.create(
            model="m", messages=CHAT, max_tokens=40, stream=True, stream_options={"include_usage": True}
        )
        chunks = [chunk async for chunk in stream]
        short = await openai.chat.completions.create(model="m", messages=CHAT, max_tokens=2)
        stopped = await openai.chat.completions.create(model="m", messages=CHAT, stop="Paris")
    said = whole.choices[0].message.content or ""
    assert "Paris" in said
    assert "".join(c.choices[0].delta.content or "" for c in chunks if c.choices) == said
    assert whole.usage is not None and chunks[-1].usage == whole.usage
    assert 20 < whole.usage.prompt_tokens < 60
    assert short.choices[0].finish_reason == "length"
    assert short.usage is not None and short.usage.completion_tokens == 2
    assert "Paris" not in (stopped.choices[0].message.content or "")
    assert stopped.choices[0].finish_reason == "stop"


async def test_a_seed_gives_the_same_answer_and_none_others(engines: Engines) -> None:
    async with client(engines) as openai:

        async def answer(**options: Any) -> str:
            done = await openai.chat.completions.create(
                model="m", messages=CHAT, max_tokens=12, temperature=2.0, **options
            )
            return done.choices[0].message.content or ""

        assert await answer(seed=5) == await answer(seed=5)
        assert len({await answer() for _ in range(4)}) > 1


async def test_a_domains_adviser_answers_as_in_a_conversation(engines: Engines) -> None:
    async with client(engines) as openai:

        async def answer(text: str) -> Any:
            messages: Any = [{"role": "user", "content": text}]
            done = await openai.chat.completions.create(
                model="m", messages=messages, extra_query={"domain": "medical"}
            )
            return done.choices[0]

        flagged = await answer("I have a crushing pain in my chest and my left arm is numb.")
        unknown = await answer("Who won the world cup in 1998?")
        known = await answer("How much paracetamol can an adult take in a day?")
    assert flagged.model_extra["liushui"][0]["kind"] == "red_flag"
    assert unknown.model_extra["liushui"] == [{"type": "liushui.safety", "kind": "unknown"}]
    assert "paracetamol" in known.message.content.lower()
    assert known.model_extra["liushui"][0]["passages"]


async def test_a_dialogue_past_the_context_is_refused(engines: Engines) -> None:
    long: Any = [{"role": "user", "content": "word " * 6000}]
    async with client(engines) as openai:
        with pytest.raises(BadRequestError) as refused:
            await openai.chat.completions.create(model="m", messages=long)
    assert refused.value.code == "context_length_exceeded"


async def test_what_is_spoken_is_transcribed_with_the_time_of_its_words(engines: Engines) -> None:
    text = "Take two tablets every morning. Then drink a large glass of water."
    async with client(engines) as openai:
        spoken = await openai.audio.speech.create(model="m", voice="heart", input=text, response_format="mp3")
        heard = await openai.audio.transcriptions.create(
            file=("dose.mp3", spoken.content), model="m", response_format="verbose_json",
            timestamp_granularities=["word"],
        )  # fmt: skip
    words = [word.word.lower().strip(".,") for word in heard.words or ()]
    assert {"tablets", "morning", "glass", "water"} <= set(words)
    times = [word.start for word in heard.words or ()]
    assert times == sorted(times) and times[-1] < heard.duration
    assert heard.language == "en"


@pytest.mark.parametrize(
    "text", ["Rest. " * 700, "多喝水，" * 1000, "x" * 4096, "\n\n", "Two  spaces\tand tabs. \n"]
)
def test_a_text_is_phrased_to_its_last_character(text: str) -> None:
    chunks = [chunk.text for chunk in phrased(text)]
    assert "".join(chunks) == text
    assert all(len(chunk) <= 2 * LONGEST for chunk in chunks)


async def test_the_voice_says_what_it_cannot_do(engines: Engines) -> None:
    async with client(engines) as openai:
        faults: Any = (
            ({"input": "Rest.", "voice": "alloy", "speed": 4.0}, "speed"),
            ({"input": "休息", "voice": "alloy"}, "input"),
            ({"input": "Rest.", "voice": "nobody"}, "voice"),
        )
        for options, param in faults:
            with pytest.raises(BadRequestError) as refused:
                await openai.audio.speech.create(model="m", **options)
            assert refused.value.param == param


async def test_a_recording_is_transcribed_segment_by_segment(engines: Engines) -> None:
    question, rate_hz = soundfile.read(HEADACHE, dtype="float32")
    file = io.BytesIO()
    soundfile.write(
        file, np.concatenate((question, np.zeros(rate_hz, np.float32), question)), rate_hz, format="FLAC"
    )
    async with client(engines) as openai:
        stream = await openai.audio.transcriptions.create(
            file=("twice.flac", file.getvalue()), model="m", language="en", stream=True
        )
        deltas = [event.delta async for event in stream if event.type == "transcript.text.delta"]
        with pytest.raises(BadRequestError) as refused:
            await openai.audio.transcriptions.create(file=("x.wav", b"no audio"), model="m")
        assert refused.value.param == "file"
        with pytest.raises(BadRequestError) as refused:
            await openai.audio.transcriptions.create(file=HEADACHE, model="m", language="xx")
        assert refused.value.param == "language"
    assert sum("headache" in delta.lower() for delta in deltas) == 2


def detector() -> VoiceDetector:
    return VoiceDetector(LevelVad(), new_loudness=LevelLoudness)


def tone(seconds: float, level: float = 0.5) -> np.ndarray[Any, np.dtype[np.float32]]:
    return np.full(round(seconds * 16_000), level, np.float32)


def cut(*parts: np.ndarray[Any, Any], block: int = 8000) -> list[tuple[float, float, float]]:
    """The pieces of a recording: when the voice begins and ends, and how long the audio is; in seconds."""
    cutter, audio = Cutter(detector()), np.concatenate(parts)
    found = [
        piece for start in range(0, len(audio), block) for piece in cutter.feed(audio[start : start + block])
    ]
    return [
        (
            round(each.voice_start / 16_000, 1),
            round(each.voice_end / 16_000, 1),
            round(len(each.audio) / 16_000, 1),
        )
        for each in (*found, *cutter.finish())
    ]


@pytest.mark.parametrize("block", [512, 8000, 10**6])
def test_a_recording_is_cut_at_its_pauses(block: int) -> None:
    quiet = tone(2.0, 0.0)
    pieces = cut(quiet, tone(3.0), quiet, tone(1.0), tone(0.4, 0.0), tone(1.0), quiet, block=block)
    assert [(round(start), round(end)) for start, end, _ in pieces] == [(2, 5), (7, 9)]
    assert all(length <= end - start + 0.7 for start, end, length in pieces)


def test_a_voice_without_a_pause_is_cut_where_it_is_quietest() -> None:
    pieces = cut(tone(24.0), tone(0.2, 0.1), tone(30.0))
    assert pieces[0][1] == pytest.approx(24.1, abs=0.15)
    assert all(length <= 28.5 for _, _, length in pieces)
    assert pieces[0][0] < 0.2 and pieces[-1][1] > 54


def test_silence_has_no_pieces() -> None:
    assert cut(tone(5.0, 0.0)) == []


@pytest.mark.parametrize(
    "kind", [("WAV", "FLOAT"), ("FLAC", "PCM_16"), ("OGG", "VORBIS"), ("MP3", "MPEG_LAYER_III")]
)
def test_every_usual_file_is_decoded_to_16_khz_mono(kind: tuple[str, str]) -> None:
    file = io.BytesIO()
    stereo = np.stack((tone(3.0, 0.2), tone(3.0, 0.2)), axis=1)
    soundfile.write(file, stereo, 44_100, format=kind[0], subtype=kind[1])
    file.seek(0)
    found = list(blocks(file))
    assert len(found) > 1
    assert sum(map(len, found)) / 16_000 == pytest.approx(len(stereo) / 44_100, abs=0.1)
    assert np.abs(np.concatenate(found)).max() < 0.35


def serve(*options: str) -> Namespace:
    return parser().parse_args(["serve", *options])


def test_keys_come_from_a_file_or_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert not config_from(serve()).keys
    monkeypatch.setenv(KEYS_VARIABLE, "environment-0123456789")
    assert config_from(serve()).keys.owner("environment-0123456789")
    file = tmp_path / "keys.txt"
    file.write_text("file-key-0123456789 # the clinic\n")
    keys = config_from(serve("--api-key-file", str(file))).keys
    assert keys.owner("file-key-0123456789") and not keys.owner("environment-0123456789")
    file.write_text("# nothing yet\n")
    with pytest.raises(ConfigError, match=r"keys\.txt: there is no API key"):
        config_from(serve("--api-key-file", str(file)))


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        (["--allow-origin", "example.org"], "is no origin"),
        (["--tls-cert", "cert.pem"], "needs both"),
        (["--tls-cert", "/none/cert.pem", "--tls-key", "/none/key.pem"], "there is no file"),
    ],
)
def test_options_that_cannot_be_are_named(options: list[str], complaint: str) -> None:
    with pytest.raises(ConfigError, match=complaint):
        config_from(serve(*options))
