"""WAV files of 16-bit mono PCM: whole, or written while the sound is made."""

from __future__ import annotations

import struct
from typing import BinaryIO

import numpy as np

from tts.engine import Audio

PCM16_PEAK = 32_767
BYTES = 2  # a sample
HEADER = struct.Struct("<4sI4s 4sIHHIIHH 4sI")
PCM, MONO = 1, 1
ENDLESS = 0xFFFFFFFF  # the size that players take for "until the pipe ends"


def write_wav(file: BinaryIO, audio: Audio, sample_rate_hz: int) -> None:
    """Write a sound of known length, so that a pipe will do."""
    file.write(_header(sample_rate_hz, len(audio) * BYTES))
    file.write(_pcm(audio))


class WavStream:
    """A WAV file whose length is known at its end only; a pipe never learns it."""

    def __init__(self, file: BinaryIO, sample_rate_hz: int) -> None:
        self._file = file
        self._sample_rate_hz = sample_rate_hz
        self._size = 0  # bytes of sound
        file.write(_header(sample_rate_hz, ENDLESS))

    def write(self, audio: Audio) -> None:
        """Write what comes next, and let a player have it at once."""
        pcm = _pcm(audio)
        self._file.write(pcm)
        self._file.flush()
        self._size += len(pcm)

    def finish(self) -> None:
        """Note the length, where that can be done."""
        if self._file.seekable():
            self._file.seek(0)
            self._file.write(_header(self._sample_rate_hz, self._size))


def _header(sample_rate_hz: int, size: int) -> bytes:
    riff_size = min(ENDLESS, size + HEADER.size - 8)
    format = (b"fmt ", 16, PCM, MONO, sample_rate_hz, sample_rate_hz * BYTES, BYTES, 8 * BYTES)
    return HEADER.pack(b"RIFF", riff_size, b"WAVE", *format, b"data", size)


def _pcm(audio: Audio) -> bytes:
    return (np.clip(audio, -1, 1) * PCM16_PEAK).astype("<i2").tobytes()
