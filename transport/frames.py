"""The binary frames of liushui.v1: every message of a session that asked for them, in both directions.

    byte 0      kind (low 4 bits) and flags (high 4 bits)
    bytes 1-4   sequence number, u32 big-endian: audio and events of one direction together, from 1
    bytes 5-8   media time, u32 big-endian, of audio only: position of its first sample at 24 kHz
    rest        payload, empty in an acknowledgement

Numbers do not wrap: at 100 frames a second 2**32 of them take 497 days. Media time does, after 49.7 hours.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from dataclasses import dataclass, field

from transport.errors import FrameError

_AUDIO, _EVENTS, _ACKNOWLEDGEMENT = 1, 2, 3
_OPUS, _COMPRESSED = 0x10, 0x20
_FLAGS = {_AUDIO: _OPUS, _EVENTS: _COMPRESSED, _ACKNOWLEDGEMENT: 0}  # kind -> the flags it may have
_HEAD = struct.Struct(">BI")
_AUDIO_HEAD = struct.Struct(">BII")
_U32 = 2**32


@dataclass(frozen=True, slots=True)
class AudioFrame:
    """Mono sound at 24 kHz: one Opus packet, or 16-bit little-endian PCM; raises `FrameError`.

    `media_time` is the position of the first sample, modulo 2**32: from the server in all audio it sent in
    the session (a gap is silence), from the client in its microphone's.
    """

    sequence: int
    media_time: int
    payload: bytes = field(repr=False)
    opus: bool = False

    def __post_init__(self) -> None:
        _check_sequence(self.sequence, 1)
        if not 0 <= self.media_time < _U32:
            raise FrameError(f"media time is {self.media_time}: it counts samples modulo 2**32, from 0")
        _check_payload(self.payload, "an audio frame")
        if not self.opus and len(self.payload) % 2:
            raise FrameError(
                f"{len(self.payload)} bytes of PCM are no whole samples: a sample has two bytes, so send an"
                " even number"
            )


@dataclass(frozen=True, slots=True)
class EventsFrame:
    """One or more JSON events as lines, or the next part of this direction's Brotli stream of them.

    `join_events` and `split_events` are for what is not compressed. Raises `FrameError`.
    """

    sequence: int
    payload: bytes = field(repr=False)
    compressed: bool = False

    def __post_init__(self) -> None:
        _check_sequence(self.sequence, 1)
        _check_payload(self.payload, "an events frame")


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    """Every frame up to number `received` has come, 0 for none; has no number of its own. `FrameError`."""

    received: int

    def __post_init__(self) -> None:
        _check_sequence(self.received, 0)


Frame = AudioFrame | EventsFrame | Acknowledgement


def encode(frame: Frame) -> bytes:
    """Return the frame as a binary message."""
    match frame:
        case AudioFrame():
            kind = _AUDIO | _OPUS * frame.opus
            return _AUDIO_HEAD.pack(kind, frame.sequence, frame.media_time) + frame.payload
        case EventsFrame():
            return _HEAD.pack(_EVENTS | _COMPRESSED * frame.compressed, frame.sequence) + frame.payload
        case Acknowledgement():
            return _HEAD.pack(_ACKNOWLEDGEMENT, frame.received)


def decode(message: bytes) -> Frame:
    """Return the frame in a binary message; raises `FrameError`, and nothing else, whatever the bytes."""
    if not message:
        raise FrameError("an empty message is no frame: the shortest, an acknowledgement, has 5 bytes")
    kind, flags = message[0] & 0x0F, message[0] & 0xF0
    if kind not in _FLAGS:
        raise FrameError(f"frame kind {kind} is unknown: 1 is audio, 2 events, 3 an acknowledgement")
    if flags & ~_FLAGS[kind]:
        raise FrameError(
            f"flags 0x{flags:02x} on a frame of kind {kind}, which may have 0x{_FLAGS[kind]:02x}"
        )
    head = _AUDIO_HEAD if kind == _AUDIO else _HEAD
    if len(message) < head.size:
        raise FrameError(f"a frame of kind {kind} begins with {head.size} bytes, but has {len(message)}")
    number, *media_time = head.unpack_from(message)[1:]
    payload = message[head.size :]
    if kind == _AUDIO:
        return AudioFrame(number, media_time[0], payload, opus=bool(flags))
    if kind == _EVENTS:
        return EventsFrame(number, payload, compressed=bool(flags))
    if payload:
        raise FrameError(f"an acknowledgement has no payload, but {len(payload)} bytes follow its number")
    return Acknowledgement(number)


def join_events(events: Iterable[str]) -> bytes:
    """Return events, each JSON on one line, as a payload; raises `FrameError` for one that is not."""
    lines = list(events)
    for line in lines:
        if not line or "\n" in line:
            raise FrameError(
                f"the event {line[:60]!r} is empty or has a line end: one line of JSON is an event"
            )
    try:
        return "\n".join(lines).encode()
    except UnicodeEncodeError as error:
        raise FrameError(f"an event is no Unicode text ({error}): escape lone surrogates in JSON") from error


def split_events(payload: bytes) -> list[str]:
    """Return the events in a payload that is not compressed (any more); raises `FrameError`.

    Whether a line is JSON, and which event, is for its reader to find out.
    """
    try:
        lines = payload.decode().split("\n")
    except UnicodeDecodeError as error:
        raise FrameError(f"events are not UTF-8 ({error})") from error
    if not all(lines):
        raise FrameError(
            f"line {lines.index('') + 1} of {len(lines)} is empty: put a line end only between events"
        )
    return lines


def _check_sequence(number: int, lowest: int) -> None:
    if not lowest <= number < _U32:
        raise FrameError(f"sequence number {number} is outside {lowest} to 2**32 - 1")


def _check_payload(payload: bytes, where: str) -> None:
    if not payload:
        raise FrameError(f"{where} has no payload: send none when there is nothing to say")
