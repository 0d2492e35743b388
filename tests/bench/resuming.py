"""What a broken line costs: samples lost or doubled, in both directions, over several cuts."""

from __future__ import annotations

import asyncio

import numpy as np

from tests.bench.shaping import Link
from tests.speaking_session import CHUNK, RATE_HZ, Speaker, noise, service, sound
from transport.audio_formats import Samples
from transport.framed_client import FramedClient, Heard, Told

SPEECH_S = 10.0
CUT_AFTER_S = (1.0, 2.2, 3.1, 5.0, 7.7)  # of speech
TIMES_REAL = 5  # faster than life: more is under way when the line breaks
LINK = Link(rtt_ms=50, rate_kbps=4_000, seed=1)
QUANTUM = 1 / 32768


async def lost_samples() -> tuple[int, int]:
    """Speak both ways at once over a line that is cut; returns the samples at fault, and the cuts."""
    speaker, said = Speaker(noise(SPEECH_S)), noise(SPEECH_S, seed=1)
    received: list[Heard | Told] = []
    cuts = {round(at_s * RATE_HZ) // CHUNK for at_s in CUT_AFTER_S}
    async with service(speaker, LINK) as (url, proxy), FramedClient.connect(url, audio=("pcm",)) as client:
        await client.send({"type": "response.create"})
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(_until_done(client, received))
            for number, begin in enumerate(range(0, len(said), CHUNK)):
                await client.append_audio(said[begin : begin + CHUNK])
                await asyncio.sleep(CHUNK / RATE_HZ / TIMES_REAL)
                if number in cuts:
                    proxy.cut()
        await speaker.until(lambda: sum(map(len, speaker.heard)) >= len(said))
        cut = client.reconnections
    return _faults(speaker.spoken, sound(received)) + _faults(said, np.concatenate(speaker.heard)), cut


async def _until_done(client: FramedClient, received: list[Heard | Told]) -> None:
    async for each in client:
        received.append(each)
        if isinstance(each, Told) and each.event["type"] == "response.done":
            return


def _faults(said: Samples, heard: Samples) -> int:
    """Samples that differ, are missing, or are too many."""
    common = min(len(said), len(heard))
    return int((np.abs(said[:common] - heard[:common]) > QUANTUM).sum()) + abs(len(said) - len(heard))
