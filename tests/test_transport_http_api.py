"""Requests over HTTP by OpenAI's own SDK, on scripted engines: shapes, refusals, limits, early leavers."""

from __future__ import annotations

import asyncio
import contextlib
import io
import json
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any

import av
import httpx
import numpy as np
import pytest
from openai import APIConnectionError, APIError, APIStatusError, AsyncOpenAI, BadRequestError, RateLimitError

from tests.test_transport_app import service
from transport.audio_files import FORMATS
from transport.audio_formats import Samples
from transport.chat_completions import ChatEnd, ChatRequest
from transport.errors import RefusedError
from transport.http_api import HttpApi
from transport.speech import SpeechRequest
from transport.transcriptions import Segment, Transcript, TranscriptionRequest, Word

HELLO: Any = [{"role": "user", "content": "Hello?"}]
TONE = np.sin(2 * np.pi * 440 * np.arange(24_000) / 24_000).astype(np.float32) / 4  # a second
WORDS = (Word(" Take", 0.5, 0.8), Word(" two", 0.8, 1.0))
SEGMENTS = (
    Segment(0.5, 1.5, "Take two <tablets>.", "en", -0.1, 0.01, WORDS),
    Segment(61.0, 3662.5, "Then rest.", "en", -0.2, 0.02),
)


@dataclass
class Script:
    """Engines that say what they are told to, hold when they are told to, and note what they were asked."""

    hold: asyncio.Event | None = None  # waited for after the first piece
    fault: Exception | None = None  # after the pieces
    finish: Any = "stop"
    asked: list[Any] = field(default_factory=list)
    running: int = 0

    async def complete(self, asked: ChatRequest) -> AsyncGenerator[str | ChatEnd]:
        async for piece in self._yield(asked, ("Rest, ", "and drink", "", " water.")):
            yield piece
        yield ChatEnd(self.finish, 7, 4)

    async def speak(self, asked: SpeechRequest) -> AsyncGenerator[Samples]:
        async for piece in self._yield(asked, (TONE, TONE)):
            yield piece

    async def transcribe(self, asked: TranscriptionRequest) -> AsyncGenerator[Segment | Transcript]:
        self.asked.append(asked.file.read())
        async for piece in self._yield(asked, SEGMENTS):
            yield piece
        yield Transcript(4000.0)

    async def _yield(self, asked: Any, pieces: Any) -> AsyncGenerator[Any]:
        self.asked.append(asked)
        self.running += 1
        try:
            for piece in pieces:
                yield piece
                if self.hold is not None:
                    await self.hold.wait()
            if self.fault is not None:
                raise self.fault
        finally:
            self.running -= 1

    def api(self) -> HttpApi:
        return HttpApi(("qwen", "whisper"), self.complete, self.speak, self.transcribe)


@contextlib.asynccontextmanager
async def client(script: Script, **limits: Any) -> AsyncIterator[AsyncOpenAI]:
    async with service(http_api=script.api(), **limits) as url, sdk(url) as openai:
        yield openai


def sdk(url: str) -> AsyncOpenAI:
    root = url.replace("ws", "http", 1).removesuffix("/realtime")
    return AsyncOpenAI(base_url=root, api_key="none", max_retries=0)


def part(text: str) -> Any:
    return {"type": "text", "text": text}


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not true():  # noqa: ASYNC110  # what changes it is a client's leaving: nothing to wait for
            await asyncio.sleep(0)


async def test_models_are_listed_and_found() -> None:
    async with client(Script()) as openai:
        assert [model.id async for model in openai.models.list()] == ["qwen", "whisper"]
        assert (await openai.models.retrieve("qwen")).owned_by == "liushui"
        with pytest.raises(APIStatusError) as refused:
            await openai.models.retrieve("gpt-4o")
        assert (refused.value.status_code, refused.value.code) == (404, "model_not_found")


async def test_a_completion_arrives_whole() -> None:
    script = Script(finish="length")
    async with client(script) as openai:
        done = await openai.chat.completions.create(
            model="gpt-4o",
            messages=[
                {"role": "developer", "content": "Be brief."},
                {"role": "user", "content": [part("Hel"), part("lo?")]},
            ],
            max_completion_tokens=5, temperature=0.7, top_p=0.9, seed=11, stop=["\n", "END"], n=1,
        )  # fmt: skip
    assert done.choices[0].message.content == "Rest, and drink water."
    assert (done.choices[0].finish_reason, done.model) == ("length", "qwen")
    assert done.usage is not None and done.usage.total_tokens == 11
    (asked,) = script.asked
    assert [(message.role, message.text) for message in asked.messages] == [
        ("system", "Be brief."), ("user", "Hello?")
    ]  # fmt: skip
    assert (asked.max_tokens, asked.temperature, asked.top_p, asked.seed) == (5, 0.7, 0.9, 11)
    assert asked.stop == ("\n", "END")


async def test_a_completion_arrives_token_by_token_and_its_usage_last() -> None:
    script = Script(hold=asyncio.Event())
    async with client(script) as openai:
        stream = await openai.chat.completions.create(
            model="m", messages=HELLO, stream=True, stream_options={"include_usage": True}
        )
        first = await anext(stream)  # the rest is not made yet
        assert (first.choices[0].delta.role, first.choices[0].delta.content) == ("assistant", "Rest, ")
        assert script.hold is not None
        script.hold.set()
        *rest, end, usage = [chunk async for chunk in stream]
    assert "".join(chunk.choices[0].delta.content or "" for chunk in rest) == "and drink water."
    assert end.choices[0].finish_reason == "stop"
    assert not usage.choices and usage.usage is not None and usage.usage.prompt_tokens == 7
    assert {chunk.id for chunk in rest} == {first.id}


@pytest.mark.parametrize(
    ("extra", "param"),
    [
        ({"messages": []}, "messages"),
        ({"messages": ["Hello"]}, "messages[0]"),
        ({"messages": [{"role": "tool", "content": "4"}]}, "messages[0].role"),
        ({"messages": [{"role": "user"}]}, "messages[0].content"),
        ({"messages": [{"role": "user", "content": [{"type": "file"}]}]}, "messages[0].content[0].type"),
        (
            {"messages": [{"role": "user", "content": [{"type": "image_url"}]}]},
            "messages[0].content[0].image_url",
        ),
        (
            {
                "messages": [
                    {"role": "user", "content": [{"type": "image_url", "image_url": {"url": "http://x"}}]}
                ]
            },
            "messages[0].content[0].image_url.url",
        ),
        ({"n": 2}, "n"),
        ({"temperature": 3}, "temperature"),
        ({"temperature": "hot"}, "temperature"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"seed": 2**64}, "seed"),
        ({"stop": ["a", "b", "c", "d", "e"]}, "stop"),
        ({"stop": [1]}, "stop"),
        ({"stop": ""}, "stop"),
        ({"tools": [{"type": "function"}]}, "tools"),
        ({"logprobs": True}, "logprobs"),
        ({"response_format": {"type": "json_object"}}, "response_format.type"),
        ({"modalities": ["text", "audio"]}, "modalities"),
        ({"best_of": 2}, "best_of"),
    ],
)
async def test_what_a_completion_cannot_be_is_refused_by_its_name(extra: dict[str, Any], param: str) -> None:
    script = Script()
    async with client(script) as openai:
        with pytest.raises(BadRequestError) as refused:
            await openai.chat.completions.create(model="m", messages=HELLO, extra_body=extra)
    assert refused.value.param == param
    assert refused.value.type == "invalid_request_error"
    assert not script.asked


@pytest.mark.parametrize("kind", sorted(FORMATS))
async def test_speech_comes_in_every_format(kind: Any) -> None:
    async with client(Script()) as openai:
        response = await openai.audio.speech.create(
            model="tts-1", voice="nova", input="Rest.", response_format=kind, speed=1.2
        )
    data = response.content
    assert response.response.headers["content-type"].startswith("audio/")
    if kind == "pcm":
        samples = np.frombuffer(data, "<i2").astype(np.float32) / 32768
        assert np.abs(samples - np.tile(TONE, 2)).max() < 1e-4
        return
    with av.open(io.BytesIO(data), "r") as file:
        heard = sum(frame.samples / frame.sample_rate for frame in file.decode(file.streams.audio[0]))
    assert 1.999 < heard < 2.2  # an encoder may pad


@pytest.mark.parametrize("kind", sorted(FORMATS))
async def test_speech_leaves_before_the_next_phrase_is_made(kind: Any) -> None:
    script = Script(hold=asyncio.Event())
    async with (
        client(script) as openai,
        openai.audio.speech.with_streaming_response.create(
            model="m", voice="v", input="Rest.", response_format=kind
        ) as response,
    ):
        chunks = response.iter_bytes()
        assert len(await anext(chunks)) > 0
        assert script.hold is not None and not script.hold.is_set()
        script.hold.set()
        assert [chunk async for chunk in chunks]


async def test_speech_comes_as_events_too() -> None:
    async with client(Script()) as openai:
        response = await openai.audio.speech.create(
            model="m", voice="v", input="Rest.", response_format="pcm", stream_format="sse"
        )
    events = [json.loads(line.removeprefix("data: ")) for line in response.text.splitlines() if line]
    assert [each["type"] for each in events] == ["speech.audio.delta"] * 3 + ["speech.audio.done"]


@pytest.mark.parametrize(
    ("extra", "param"),
    [
        ({"input": " "}, "input"),
        ({"input": "x" * 4097}, "input"),
        ({"response_format": "midi"}, "response_format"),
        ({"speed": "fast"}, "speed"),
        ({"instructions": "Whisper."}, "instructions"),
    ],
)
async def test_what_cannot_be_spoken_is_refused_by_its_name(extra: dict[str, Any], param: str) -> None:
    async with client(Script()) as openai:
        with pytest.raises(BadRequestError) as refused:
            await openai.audio.speech.create(model="m", voice="v", input="Rest.", extra_body=extra)
    assert refused.value.param == param


RECORDING = ("meeting.wav", b"RIFF" * 400_000)  # more than is kept in memory


async def test_a_transcription_comes_in_every_format() -> None:
    script = Script()
    async with client(script) as openai:
        create = openai.audio.transcriptions.create
        plain = await create(file=RECORDING, model="whisper-1", language="en")
        assert plain.text == "Take two <tablets>. Then rest."
        text: Any = await create(file=RECORDING, model="whisper-1", response_format="text")
        assert text == "Take two <tablets>. Then rest.\n"
        srt: Any = await create(file=RECORDING, model="whisper-1", response_format="srt")
        assert srt.split("\n\n")[1] == "2\n00:01:01,000 --> 01:01:02,500\nThen rest."
        vtt: Any = await create(file=RECORDING, model="whisper-1", response_format="vtt")
        assert vtt.startswith("WEBVTT\n\n00:00:00.500 --> 00:00:01.500\nTake two &lt;tablets&gt;.")
        verbose = await create(
            file=RECORDING, model="whisper-1", response_format="verbose_json",
            timestamp_granularities=["word", "segment"],
        )  # fmt: skip
    assert (verbose.duration, verbose.language) == (4000, "en")
    assert verbose.words is not None and verbose.words[1].word == "two"
    assert verbose.segments is not None and (verbose.segments[1].id, verbose.segments[1].end) == (1, 3662.5)
    assert script.asked[0] == RECORDING[1]
    assert (script.asked[1].language, script.asked[1].words) == ("en", False)
    assert script.asked[-1].words


async def test_a_transcription_comes_segment_by_segment() -> None:
    script = Script(hold=asyncio.Event())
    async with client(script) as openai:
        stream = await openai.audio.transcriptions.create(file=RECORDING, model="m", stream=True)
        first = await anext(stream)
        assert first.type == "transcript.text.delta" and first.delta == "Take two <tablets>."
        assert script.hold is not None
        script.hold.set()
        second, done = [event async for event in stream]
    assert second.type == "transcript.text.delta" and second.delta == " Then rest."
    assert done.type == "transcript.text.done" and done.text == "Take two <tablets>. Then rest."


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("response_format", "diarized_json"),
        ("timestamp_granularities[]", "line"),
        ("timestamp_granularities[]", "word"),
        ("include[]", "logprobs"),
        ("file", "text"),
        ("stream", "maybe"),
    ],
)
async def test_a_bad_form_is_refused(name: str, value: str) -> None:
    async with service(http_api=Script().api()) as url, httpx.AsyncClient() as http:
        address = url.replace("ws", "http", 1).replace("realtime", "audio/transcriptions")
        files = {} if name == "file" else {"file": RECORDING}
        answer = await http.post(address, data={"model": "m", name: value}, files=files)
    assert answer.status_code == 400
    assert answer.json()["error"]["param"] == name


@pytest.mark.parametrize(
    ("path", "body"),
    [("chat/completions", b"{"), ("chat/completions", b"[]"), ("audio/speech", b"[" * 100_000)],
)
async def test_what_is_no_json_object_is_refused(path: str, body: bytes) -> None:
    async with service(http_api=Script().api()) as url, httpx.AsyncClient() as http:
        answer = await http.post(url.replace("ws", "http", 1).replace("realtime", path), content=body)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "invalid_json")


async def chunked(body: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(body), 1000):
        yield body[start : start + 1000]


@pytest.mark.parametrize("announced", [True, False])
@pytest.mark.parametrize("path", ["chat/completions", "audio/speech", "audio/transcriptions"])
async def test_a_body_over_its_limit_is_refused(path: str, announced: bool) -> None:
    async with (
        service(http_api=Script().api(), max_body_bytes=20_000, max_upload_bytes=20_000) as url,
        httpx.AsyncClient() as http,
    ):
        address = url.replace("ws", "http", 1).replace("realtime", path)
        body = b'--x\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n' + b" " * 50_000
        content: Any = body if announced else chunked(body)
        kind = {"content-type": "multipart/form-data; boundary=x"}
        answer = await http.post(address, content=content, headers=kind)
    assert (answer.status_code, answer.json()["error"]["code"]) == (413, "request_too_large")


async def test_engines_that_are_not_there_are_named() -> None:
    without = HttpApi(("qwen",), Script().complete, None, None)
    async with service(http_api=without) as url, sdk(url) as openai:
        with pytest.raises(APIStatusError, match="without a voice") as refused:
            await openai.audio.speech.create(model="m", voice="v", input="Rest.")
        assert refused.value.status_code == 503


async def test_a_client_that_leaves_stops_the_computation() -> None:
    script = Script(hold=asyncio.Event())
    async with client(script) as openai:
        stream = await openai.chat.completions.create(model="m", messages=HELLO, stream=True)
        await anext(stream)
        assert script.running == 1
        await stream.close()
        await until(lambda: script.running == 0)
        whole = asyncio.create_task(openai.chat.completions.create(model="m", messages=HELLO))
        await until(lambda: script.running == 1)  # its turn has come: the slot was given back
        whole.cancel()
        await until(lambda: script.running == 0)


async def test_requests_wait_for_their_turn_and_too_many_are_turned_away() -> None:
    script = Script(hold=asyncio.Event())
    async with client(script, max_requests=1, max_waiting_requests=2) as openai:
        calls = [
            asyncio.create_task(openai.chat.completions.create(model="m", messages=HELLO)) for _ in range(4)
        ]
        await asyncio.wait(calls, return_when=asyncio.FIRST_COMPLETED)
        (refused,) = [call.exception() for call in calls if call.done()]
        assert isinstance(refused, RateLimitError)
        assert int(refused.response.headers["retry-after"]) >= 1
        assert script.running == 1
        speech = await openai.models.list()  # what computes nothing does not wait
        assert speech.data
        assert script.hold is not None
        script.hold.set()
        await asyncio.wait(calls)
        assert len(script.asked) == 3


async def test_what_fails_before_the_first_piece_is_an_error_and_later_an_event() -> None:
    class Broken(Script):
        async def complete(self, asked: ChatRequest) -> AsyncGenerator[str | ChatEnd]:
            if len(asked.messages) > 1:
                raise RefusedError(400, "too long", code="context_length_exceeded")
            if asked.seed:
                raise RuntimeError("the decoder is out of memory")
            yield "Rest"
            raise RuntimeError("the decoder is out of memory")

    async with client(Broken()) as openai:
        with pytest.raises(BadRequestError) as refused:
            await openai.chat.completions.create(model="m", messages=HELLO * 2, stream=True)
        assert refused.value.code == "context_length_exceeded"
        with pytest.raises(APIStatusError) as failed:
            await openai.chat.completions.create(model="m", messages=HELLO, seed=1)
        assert (failed.value.status_code, failed.value.type) == (500, "server_error")
        assert "memory" not in str(failed.value), "what broke inside is for the log"
        stream = await openai.chat.completions.create(model="m", messages=HELLO, stream=True)
        with pytest.raises(APIError, match="failed on our side"):
            async for _ in stream:
                pass


async def test_speech_that_breaks_off_does_not_look_complete() -> None:
    async with client(Script(fault=RuntimeError("the voice broke"))) as openai:
        with pytest.raises((APIConnectionError, httpx.RemoteProtocolError)):
            await openai.audio.speech.create(model="m", voice="v", input="Rest.", response_format="pcm")
