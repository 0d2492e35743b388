"""The audio formats of the wire, between base64 text and mono float32 samples in [-1, 1).

G.711 follows ITU-T G.711 (11/88): 8 kHz, one byte a sample, 14-bit µ-law and 13-bit A-law. Decoding and
encoding are table look-ups, so a chunk costs the same whatever it holds.
"""

from __future__ import annotations

import base64
import binascii
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from transport.errors import RejectedEventError

Samples = NDArray[np.float32]  # mono, [-1, 1)

PCM_RATE_HZ = 24_000  # the only rate `audio/pcm` has on this wire (OpenAI Realtime)
G711_RATE_HZ = 8_000


class AudioFormat(StrEnum):
    """How samples travel: 16-bit little-endian PCM at 24 kHz, or one of the two G.711 laws at 8 kHz."""

    PCM = "audio/pcm"
    PCMU = "audio/pcmu"
    PCMA = "audio/pcma"

    @property
    def sample_rate_hz(self) -> int:
        """Samples a second in this format."""
        return PCM_RATE_HZ if self is AudioFormat.PCM else G711_RATE_HZ


def decode_audio(encoded: str, audio_format: AudioFormat) -> Samples:
    """Return the samples of a base64 text; raises `RejectedEventError` on bad base64 or half a PCM sample."""
    try:
        data = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError) as error:
        raise RejectedEventError(
            f"audio is not base64 ({error}): encode the raw {audio_format} bytes, with no data: prefix",
            param="audio",
        ) from error
    if audio_format is not AudioFormat.PCM:
        return _DECODED[audio_format][np.frombuffer(data, np.uint8)]
    if len(data) % 2:
        raise RejectedEventError(
            f"audio holds {len(data)} bytes, an odd number: audio/pcm is 16-bit samples of two bytes each,"
            " so send whole samples",
            param="audio",
        )
    return from_pcm16(data)


def from_pcm16(data: bytes) -> Samples:
    """Return the samples of 16-bit little-endian PCM, an even number of bytes."""
    return np.frombuffer(data, "<i2").astype(np.float32) / np.float32(32768.0)


def to_pcm16(samples: Samples) -> bytes:
    """Return samples as 16-bit little-endian PCM; what is beyond full scale is clipped."""
    return _levels(samples).tobytes()


def _levels(samples: Samples) -> NDArray[np.int16]:
    levels: NDArray[np.int16] = np.clip(np.rint(samples * 32768.0), -32768, 32767).astype("<i2")
    return levels


def encode_audio(samples: Samples, audio_format: AudioFormat) -> str:
    """Return samples, already at the format's rate, as base64 text; what is beyond full scale is clipped."""
    pcm = _levels(samples)
    if audio_format is AudioFormat.PCM:
        data = pcm.tobytes()
    else:
        data = _ENCODED[audio_format][pcm.view(np.uint16)].tobytes()
    return base64.b64encode(data).decode("ascii")


def _decode_ulaw(codes: NDArray[np.int64]) -> NDArray[np.int64]:
    """16-bit levels of µ-law bytes: sign, 3-bit segment, 4-bit step, all bits inverted on the line."""
    plain = ~codes & 0xFF
    magnitude = ((((plain & 0x0F) << 3) + 0x84) << ((plain >> 4) & 0x07)) - 0x84
    return np.where(plain & 0x80, -magnitude, magnitude)


def _decode_alaw(codes: NDArray[np.int64]) -> NDArray[np.int64]:
    """16-bit levels of A-law bytes: even bits inverted on the line, a set sign bit means positive."""
    plain = codes ^ 0x55
    segment, step = (plain >> 4) & 0x07, ((plain & 0x0F) << 4) + 8
    magnitude = np.where(segment == 0, step, (step + 0x100) << np.maximum(segment - 1, 0))
    return np.where(plain & 0x80, magnitude, -magnitude)


def _nearest_codes(levels: NDArray[np.int64]) -> NDArray[np.uint8]:
    """For every 16-bit word, seen as unsigned, the byte whose level [256] lies nearest."""
    order = np.argsort(levels, kind="stable")
    ladder = levels[order]
    words = np.arange(1 << 16, dtype=np.uint16).view(np.int16).astype(np.int64)
    above = np.clip(np.searchsorted(ladder, words), 1, 255)
    nearer_below = words - ladder[above - 1] <= ladder[above] - words
    return order[above - nearer_below].astype(np.uint8)  # [65536]


_BYTES = np.arange(256, dtype=np.int64)
_LEVELS = {AudioFormat.PCMU: _decode_ulaw(_BYTES), AudioFormat.PCMA: _decode_alaw(_BYTES)}
_DECODED = {law: levels.astype(np.float32) / np.float32(32768.0) for law, levels in _LEVELS.items()}  # [256]
_ENCODED = {law: _nearest_codes(levels) for law, levels in _LEVELS.items()}  # [65536]
