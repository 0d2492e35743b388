"""Opus (RFC 6716) as it travels in audio frames: 24 kHz mono samples to packets and back.

libopus comes inside PyAV's wheels. Application `audio`: `voip` filters out the lowest tones, which is no gain
for synthesised speech or for a recognizer, and moves the rest; `lowdelay` looks 4 ms less ahead, and at 16
and 24 kbit/s its spectra are a third further from the original's.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import av
import numpy as np
from av.audio.codeccontext import AudioCodecContext
from av.error import FFmpegError

from transport.audio_formats import PCM_RATE_HZ, Samples
from transport.errors import OpusError

# Samples that libopus holds back for its filters, 6.5 ms (OPUS_GET_LOOKAHEAD). A test checks it.
LOOKAHEAD = 156
LOWEST_BIT_RATE, HIGHEST_BIT_RATE = 8_000, 64_000
# RFC 6716 section 3.2.1: a frame has at most 1275 bytes; six of 20 ms are the longest packet, 120 ms.
MOST_PACKET_BYTES = 6 * 1275 + 8
# libopus decodes to 48 kHz inside FFmpeg. An encoder at 24 kHz puts nothing above 12 kHz, so every second
# sample is the whole signal, without a filter's delay. What one at 48 kHz puts there folds down, below 8 kHz,
# where a recognizer listens, to -37 dB at most.
DECODED_HZ = 48_000
STEP = DECODED_HZ // PCM_RATE_HZ
# A new encoder hears this much of the past before its first packet that counts. From 40 ms on, the seam is as
# smooth as the signal around it; 80 ms is twice that. All of a change takes 1.6 ms.
WARM_UP_MS = 80
FADE = PCM_RATE_HZ // 200  # samples, 5 ms: too short to hear as fading, too long to click


@dataclass(frozen=True, slots=True)
class OpusPacket:
    """One packet, and the position of its first decoded sample in what the encoder was given.

    The first packet of a stretch begins `LOOKAHEAD` samples before it, in silence.
    """

    data: bytes
    first_sample: int


class OpusEncoder:
    """Encodes stretches of sound. `bit_rate` (bits a second) may be changed at any time, without a seam.

    `packet_ms`: a packet of 40 ms has half the headers of one of 20 ms, and waits 20 ms longer for its last
    sample: nothing for speech that is made faster than it is heard, a later answer for a microphone.
    Raises `OpusError` for a bit rate outside 8-64 kbit/s. Not thread-safe.
    """

    def __init__(self, bit_rate: int, packet_ms: Literal[20, 40] = 40) -> None:
        self._packet_ms = packet_ms
        self._packet = PCM_RATE_HZ * packet_ms // 1000  # samples
        self._waiting = np.zeros(0, np.float32)  # given, less than a packet
        self._past = np.zeros(PCM_RATE_HZ * WARM_UP_MS // 1000, np.float32)  # last encoded, whole packets
        self._first_sample = -LOOKAHEAD  # of the next packet
        self._bit_rate = bit_rate
        self._codec = self._open(bit_rate)

    @property
    def bit_rate(self) -> int:
        """Bits a second from the next packet on, a mean: a packet may be half as large again."""
        return self._bit_rate

    @bit_rate.setter
    def bit_rate(self, bit_rate: int) -> None:
        # FFmpeg cannot turn an open encoder's rate, so another one takes over, brought to the same place.
        if bit_rate == self._bit_rate:
            return
        self._codec = self._open(bit_rate)
        for begin in range(0, len(self._past), self._packet):
            self._encode(self._past[begin : begin + self._packet])
        self._bit_rate = bit_rate

    def encode(self, samples: Samples) -> list[OpusPacket]:
        """Return the packets that samples [n] fill, together with what waited."""
        self._waiting = np.concatenate((self._waiting, samples.astype(np.float32, copy=False)))
        whole = len(self._waiting) - len(self._waiting) % self._packet
        ready, self._waiting = np.split(self._waiting, [whole])
        return list(self._packets(ready))

    def finish(self) -> list[OpusPacket]:
        """Return what is left of the stretch, padded with silence; the next one begins afresh."""
        padding = LOOKAHEAD + -(len(self._waiting) + LOOKAHEAD) % self._packet
        packets = self.encode(np.zeros(padding, np.float32))
        self._first_sample = -LOOKAHEAD
        return packets

    def _packets(self, samples: Samples) -> Iterator[OpusPacket]:
        for begin in range(0, len(samples), self._packet):
            data = self._encode(samples[begin : begin + self._packet])
            yield OpusPacket(data, self._first_sample)
            self._first_sample += self._packet
        self._past = np.concatenate((self._past, samples))[-len(self._past) :]

    def _encode(self, samples: Samples) -> bytes:
        frame = av.AudioFrame.from_ndarray(samples[np.newaxis], format="flt", layout="mono")
        frame.sample_rate = PCM_RATE_HZ
        (packet,) = self._codec.encode(frame)
        return bytes(packet)

    def _open(self, bit_rate: int) -> AudioCodecContext:
        if not LOWEST_BIT_RATE <= bit_rate <= HIGHEST_BIT_RATE:
            raise OpusError(
                f"bit_rate is {bit_rate}: give {LOWEST_BIT_RATE} to {HIGHEST_BIT_RATE} bits a second"
            )
        codec = av.CodecContext.create("libopus", "w")
        codec.sample_rate, codec.layout, codec.format = PCM_RATE_HZ, "mono", "flt"
        codec.bit_rate = bit_rate
        # `constrained`: sizes vary, but never far over the rate, on a link that has no room for it.
        codec.options = {
            "application": "audio",
            "frame_duration": str(self._packet_ms),
            "vbr": "constrained",
        }
        codec.open()
        return codec


class OpusDecoder:
    """Decodes one direction's packets, in their order. Not thread-safe."""

    def __init__(self) -> None:
        self._codec = av.CodecContext.create("libopus", "r")
        self._codec.layout = "mono"
        self._last = np.zeros(FADE, np.float32)  # what was heard last
        self._resumes = False  # after a gap

    def decode(self, packet: bytes) -> Samples:
        """Return a packet's samples; raises `OpusError` for what is no Opus, and can go on after it."""
        if not 0 < len(packet) <= MOST_PACKET_BYTES:
            raise OpusError(
                f"an Opus packet of {len(packet)} bytes: RFC 6716 has 1 to {MOST_PACKET_BYTES},"
                " send one packet a frame"
            )
        try:
            frames = self._codec.decode(av.Packet(packet))
        except FFmpegError as error:
            raise OpusError(
                f"{len(packet)} bytes that begin with {packet[:4].hex(' ')} are no Opus packet"
                f" ({error.strerror}): send the codec's packets as they are, without Ogg or RTP around them"
            ) from error
        samples = np.concatenate([frame.to_ndarray().reshape(-1)[::STEP] for frame in frames])
        heard = samples.astype(np.float32) / np.float32(32768.0)
        if self._resumes:
            heard[:FADE] *= _RISING[: len(heard)]
            self._resumes = False
        self._last = np.concatenate((self._last, heard))[-FADE:]
        return heard

    def conceal(self, samples: int) -> Samples:
        """Return what to play in place of so many lost samples: what was heard fades out, then silence.

        The next packet fades in, on a decoder that starts afresh: what it remembers of the sound before the
        gap would mislead it for 40 ms (by 2 to 3 dB, measured on speech).
        """
        gap = np.zeros(samples, np.float32)
        fading = self._last[::-1] * _RISING[::-1]  # mirrored, it goes on where the last sample was
        gap[:FADE] = fading[:samples]
        self._last = np.concatenate((self._last, gap))[-FADE:]
        self._codec.flush_buffers()
        self._resumes = True
        return gap


_RISING = np.sin(np.linspace(0, np.pi / 2, FADE, dtype=np.float32)) ** 2  # [FADE], 0 to 1
