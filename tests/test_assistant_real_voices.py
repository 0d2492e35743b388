"""Real voices and the real recognizer, of which each conversation has its own; the answers are scripted."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
import soundfile
import soxr

from assistant import engines as loading
from assistant.engines import EngineConfig
from assistant.loaded import Engines, Hearing
from assistant.service import running
from assistant.service_config import ServiceConfig
from assistant.weights import Store
from tests.fakes import ScriptedChat, ScriptedModel
from transport.audio_formats import AudioFormat, Samples, encode_audio
from transport.client import RealtimeClient

RATE_HZ = 24_000
QUESTION = "How often?"
ANSWER = "Take one in the morning and one in the evening, and drink a glass of water with each of them."
MANDARIN = Path(__file__).parent / "data" / "aishell_BAC009S0150W0145.flac"
CONFIG = ServiceConfig(port=0, voices=("joe", "jf_alpha"))
ENOUGH_S = 60.0


@pytest.fixture(scope="module")
def engines() -> Iterator[Engines]:
    config, store = EngineConfig(), Store()
    hearing = Hearing(
        loading.load_recognizer(config, store, ()),
        lambda: loading.load_voice_detector(store),
        loading.load_end_of_turn(store),
    )
    loaded = Engines(
        ScriptedModel(ScriptedChat({QUESTION: ANSWER})),
        hearing,
        loading.load_synthesizer(config, store),
        further_voices=loading.further_voices(config, CONFIG.voices, store),
    )
    yield loaded
    loaded.close()


async def answered(url: str, audio: dict[str, object]) -> Samples:
    """Have the question answered in a session with these settings; returns the answer's sound."""
    async with asyncio.timeout(ENOUGH_S), RealtimeClient.connect(url) as client:
        await client.send({"type": "session.update", "session": {"type": "realtime", "audio": audio}})
        item = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": QUESTION}]}
        await client.send({"type": "conversation.item.create", "item": item})
        await client.send({"type": "response.create"})
        sound = b""
        async for received in client:
            assert received.type != "error", received.event
            if received.type == "response.output_audio.delta":
                sound += base64.b64decode(received.event["delta"])
            elif received.type == "response.done":
                break
    return (np.frombuffer(sound, "<i2") / 32768).astype(np.float32)


def pitch_hz(speech: Samples) -> float:
    """The median pitch of what is voiced, by autocorrelation."""
    found = []
    for at in range(0, len(speech) - 1200, 600):
        frame = speech[at : at + 1200] - speech[at : at + 1200].mean()
        alike = np.correlate(frame, frame, "full")[1199:]
        lags = alike[60:343]  # 70 to 400 Hz
        if alike[0] > 1.0 and lags.max() > 0.5 * alike[0]:
            found.append(RATE_HZ / (60 + int(lags.argmax())))
    return float(np.median(found))


async def test_two_conversations_speak_in_two_voices_at_once_and_a_third_voice_takes_no_memory(
    engines: Engines,
) -> None:
    async with running(CONFIG, engines) as url:
        own, joe = await asyncio.gather(answered(url, {}), answered(url, {"output": {"voice": "joe"}}))
        root = url.replace("ws", "http", 1).removesuffix("realtime")
        async with httpx.AsyncClient(base_url=root, timeout=ENOUGH_S) as http:
            offered = (await http.get("liushui")).json()
            body = {"model": "m", "input": ANSWER, "voice": "joe", "response_format": "pcm"}
            spoken = await http.post("audio/speech", json=body)
            refused = await http.post("audio/speech", json=body | {"voice": "nobody"})
    assert pitch_hz(joe) < 140 < 160 < pitch_hz(own)  # a man's voice, and a woman's
    assert [voice["name"] for voice in offered["voices"]] == ["heart", "joe", "jf_alpha"]
    assert pitch_hz((np.frombuffer(spoken.content, "<i2") / 32768).astype(np.float32)) < 140
    assert refused.status_code == 400
    assert "this service speaks as heart, joe, jf_alpha" in refused.json()["error"]["message"]
    assert [voice.is_loaded for voice in engines.further_voices.values()] == [True, False]


async def test_a_recording_is_read_in_the_language_that_the_session_says(engines: Engines) -> None:
    samples, rate_hz = soundfile.read(MANDARIN, dtype="float32")
    recording = encode_audio(soxr.resample(samples, rate_hz, RATE_HZ), AudioFormat.PCM)

    async def read(language: str | None) -> str:
        async with asyncio.timeout(ENOUGH_S), RealtimeClient.connect(url) as client:
            audio: dict[str, Any] = {"input": {"transcription": {"language": language}}}
            await client.send({"type": "session.update", "session": {"type": "realtime", "audio": audio}})
            content = [{"type": "input_audio", "audio": recording}]
            item = {"type": "message", "role": "user", "content": content}
            await client.send({"type": "conversation.item.create", "item": item})
            async for received in client:
                assert received.type != "error", received.event
                if received.type == "conversation.item.input_audio_transcription.completed":
                    return str(received.event["transcript"])
        raise AssertionError("the session ended")

    async with running(CONFIG, engines) as url:
        assert "最近三年这个指标呈现" in await read("zh")
        assert "最近三年这个指标呈现" in await read("auto")
        assert "最近" not in await read(None)  # the service's own language, English
