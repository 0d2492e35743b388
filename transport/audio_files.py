"""Speech as a file that can be sent while it grows: in each of the formats that OpenAI's speech API has."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Protocol

import av
import numpy as np
from numpy.typing import NDArray

from transport.audio_formats import PCM_RATE_HZ, Samples

FULL_SCALE = 32768.0
UNKNOWN = 0xFFFFFFFF  # of a WAV file's sizes: it goes on as long as there is data
BUFFER_BYTES = 1024  # before they leave; FFmpeg's 32 KB would be seconds of compressed speech


class FileEncoder(Protocol):
    """Makes one file of 24 kHz mono speech."""

    def feed(self, samples: Samples) -> bytes:
        """The bytes that are ready."""
        ...

    def finish(self) -> bytes:
        """The last bytes."""
        ...


@dataclass(frozen=True, slots=True)
class FileFormat:
    """A format: its media type, and what FFmpeg calls its container and codec ("": neither)."""

    media_type: str
    container: str = ""
    codec: str = ""
    options: tuple[tuple[str, str], ...] = ()

    def encoder(self) -> FileEncoder:
        """Begin a file."""
        if self.codec:
            return _Compressed(self)
        return _Raw(_wav_header() if self.media_type == "audio/wav" else b"")


FORMATS = {
    "mp3": FileFormat("audio/mpeg", "mp3", "libmp3lame", (("write_xing", "0"),)),  # that header comes last
    "opus": FileFormat("audio/ogg", "ogg", "libopus", (("page_duration", "200000"),)),  # µs; usual is 1 s
    "aac": FileFormat("audio/aac", "adts", "aac"),
    "flac": FileFormat("audio/flac", "flac", "flac"),
    "wav": FileFormat("audio/wav"),
    "pcm": FileFormat("audio/pcm"),
}


class _Raw:
    """16-bit little-endian samples after a header."""

    def __init__(self, header: bytes) -> None:
        self._header = header

    def feed(self, samples: Samples) -> bytes:
        header, self._header = self._header, b""
        return header + _pcm16(samples).astype("<i2").tobytes()

    def finish(self) -> bytes:
        return self._header


class _Sink:
    """Where FFmpeg writes to; it cannot seek in it."""

    def __init__(self) -> None:
        self._written = bytearray()

    def write(self, data: bytes) -> int:
        self._written += data
        return len(data)

    def take(self) -> bytes:
        data = bytes(self._written)
        self._written.clear()
        return data


class _Compressed:
    def __init__(self, kind: FileFormat) -> None:
        self._sink = _Sink()
        self._file = av.open(
            self._sink, "w", format=kind.container, options=dict(kind.options), buffer_size=BUFFER_BYTES
        )
        stream = self._file.add_stream(kind.codec, rate=PCM_RATE_HZ, layout="mono")
        assert isinstance(stream, av.AudioStream)  # by its codec
        self._stream = stream
        self._fed = 0

    def feed(self, samples: Samples) -> bytes:
        if len(samples):
            frame = av.AudioFrame.from_ndarray(_pcm16(samples)[None], format="s16", layout="mono")
            frame.sample_rate, frame.pts = PCM_RATE_HZ, self._fed
            self._fed += len(samples)
            self._file.mux(self._stream.encode(frame))
        return self._sink.take()

    def finish(self) -> bytes:
        self._file.mux(self._stream.encode(None))
        self._file.close()
        return self._sink.take()


def _pcm16(samples: Samples) -> NDArray[np.int16]:
    levels: NDArray[np.int16] = np.clip(np.rint(samples * FULL_SCALE), -FULL_SCALE, FULL_SCALE - 1).astype(
        np.int16
    )
    return levels


def _wav_header() -> bytes:
    shape = struct.pack("<IHHIIHH", 16, 1, 1, PCM_RATE_HZ, 2 * PCM_RATE_HZ, 2, 16)
    head = struct.pack("<4sI4s4s", b"RIFF", UNKNOWN, b"WAVE", b"fmt ")
    return head + shape + struct.pack("<4sI", b"data", UNKNOWN)
