"""What a conversation takes on the wire: its events as Brotli and as DEFLATE, its voice as Opus and as PCM.

A service with the usual engines answers typed questions aloud over a link of 50 ms. What arrives is counted;
the same events are then compressed as permessage-deflate would: each by itself, the window kept, of 2^12
bytes as the `websockets` library and uvicorn negotiate it, and of 2^15, the most there is.
"""

from __future__ import annotations

import asyncio
import time
import zlib
from collections.abc import Callable
from typing import ClassVar
from unittest.mock import patch

import numpy as np

from tests.bench.key_info import ask, long_questions, over_link
from tests.bench.shaping import Link
from transport.compression import Compressor
from transport.frame_stream import FrameReader
from transport.framed_client import FramedClient, Heard
from transport.frames import EventsFrame

RTT_MS, RATE_KBPS = 50, 256
BYTES_A_SAMPLE = 2
HEARD_S = 1.0


class CountingReader(FrameReader):
    """Keeps what came: bytes on the wire, and the events in them."""

    frames: ClassVar[list[tuple[int, list[str]]]] = []

    def events(self, frame: EventsFrame) -> list[str]:
        texts = super().events(frame)
        self.frames.append((len(frame.payload), texts))
        return texts


async def figures() -> dict[str, float]:
    """Hold the conversation and count."""
    CountingReader.frames.clear()
    sent = samples = 0
    async with over_link(Link(rtt_ms=RTT_MS, rate_kbps=RATE_KBPS, seed=1)) as url:
        with patch("transport.framed_client.FrameReader", CountingReader):
            async with FramedClient.connect(url) as client:
                for question in long_questions():
                    await asyncio.sleep(HEARD_S)  # the end of the answer before
                    async for each in ask(client, question):
                        if isinstance(each, Heard):
                            samples += len(each.samples)
                            sent += each.size
    took = sum(size for size, _ in CountingReader.frames)
    events = [text.encode() for _, texts in CountingReader.frames for text in texts]
    plain = sum(map(len, events))
    return {
        "events_bytes_of_json": round(took / plain, 4),
        "bytes_ratio_brotli_vs_deflate": round(took / _total(_deflate(12, 5), events), 3),
        "bytes_ratio_brotli_vs_deflate_15": round(took / _total(_deflate(15, 8), events), 3),
        "compress_ms_p95": _compress_ms_p95(
            ["\n".join(texts).encode() for _, texts in CountingReader.frames]
        ),
        "opus_vs_pcm_bytes": round(sent / (samples * BYTES_A_SAMPLE), 4),
    }


def _deflate(window_bits: int, memory: int) -> Callable[[bytes], bytes]:
    """RFC 7692: a flush after each message, its last four bytes left away."""
    stream = zlib.compressobj(wbits=-window_bits, memLevel=memory)
    return lambda message: (stream.compress(message) + stream.flush(zlib.Z_SYNC_FLUSH))[:-4]


def _total(compress: Callable[[bytes], bytes], messages: list[bytes]) -> int:
    return sum(len(compress(message)) for message in messages)


def _compress_ms_p95(messages: list[bytes]) -> float:
    stream, took_ms = Compressor(), list[float]()
    for message in messages:
        began_s = time.perf_counter()
        stream.compress(message)
        took_ms.append((time.perf_counter() - began_s) * 1000)
    return round(float(np.percentile(took_ms, 95)), 3)
