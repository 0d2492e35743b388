"""What a client of liushui.v1 asks for in the query of its URL, so that nothing costs a round trip.

?audio=opus,pcm          frames, and how audio travels in them, the client's favourite first
&compression=brotli      events may come compressed
&resume=TOKEN.RECEIVED   go on with the session of that token: so many of its frames were received
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from transport.errors import HandshakeError

FrameAudio = Literal["opus", "pcm"]
CODECS: tuple[FrameAudio, ...] = ("opus", "pcm")


@dataclass(frozen=True, slots=True)
class Resume:
    """A session that a client had, and the number of the last frame it received of it."""

    token: str
    received: int


@dataclass(frozen=True, slots=True)
class Handshake:
    """What was agreed. `audio` is None for a client that takes JSON text messages."""

    audio: FrameAudio | None = None
    brotli: bool = False
    resume: Resume | None = None


def read_handshake(query: Mapping[str, str]) -> Handshake:
    """Choose among what a client offers; raises `HandshakeError` for what makes no sense."""
    offered = query.get("audio")
    if offered is None:
        if "resume" in query or "compression" in query:
            raise HandshakeError("resume and compression are for frames: ask for them with audio=opus,pcm")
        return Handshake()
    names = offered.split(",")
    audio = next((codec for name in names for codec in CODECS if codec == name), None)
    if audio is None:
        raise HandshakeError(f"audio={offered} names none of {', '.join(CODECS)}")
    return Handshake(audio, "brotli" in query.get("compression", "").split(","), _resume(query.get("resume")))


def _resume(asked: str | None) -> Resume | None:
    if asked is None:
        return None
    token, _, received = asked.rpartition(".")
    if (
        not token
        or not token.isascii()
        or not (received.isascii() and received.isdigit() and len(received) <= 10)
    ):
        raise HandshakeError("resume wants TOKEN.RECEIVED, the number of the last frame you received")
    return Resume(token, int(received))
