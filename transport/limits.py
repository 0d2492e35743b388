"""What one client may take of the service."""

from __future__ import annotations

from dataclasses import dataclass, fields


@dataclass(frozen=True, slots=True)
class Limits:
    """What one client may take; raises `ValueError` for a limit that would let nobody in.

    `max_message_bytes`: OpenAI takes up to 15 MiB of audio in one append event.
    `max_sessions`: conversations at a time.
    `max_sessions_per_key`: of these, with one API key; a key that many users share needs all of them.
    `max_requests`: over HTTP, of each kind, that compute at a time; they take turns with conversations.
    `max_waiting_requests`: of each kind, that wait for their turn.
    `max_body_bytes`: of JSON over HTTP; a dialogue that fills any context here takes a tenth.
    `max_upload_bytes`: of a recording to transcribe, as in OpenAI's API.
    `handshake_s`: from connecting to a complete request; a round trip or two, on the worst of networks.
    `idle_s`: a microphone sends many messages a second; who types pauses for minutes, not longer. What was
    begun and not completed by then is nothing.
    `ping_interval_s`: a ping goes out this long after the last pong.
    `ping_timeout_s`: a client that leaves a ping unanswered, or what we send unread, for so long is gone;
    20 s is the default of `websockets` and uvicorn, and leaves room for a pong behind a long upload.
    `messages_per_s`, `message_burst`: a microphone sends 50 to 100 chunks a second; after a stall of 20 s all
    of them come at once. Beyond that the socket is read no faster.
    `bytes_per_s`, `byte_burst`: speech is 64 kB/s as base64, so files may come 32 times as fast, and 16
    minutes of them at once. Beyond that, again, the socket is read no faster.
    `flood_s`: a client that sends more messages than it may for so long has no microphone, and is closed.
    `max_unsent_bytes`: what waits for a slow reader: more than the speech of `ping_timeout_s`, so that a
    conversation is ended by that one before it is held up by this one.
    `drain_s`: on shutting down, answers have so long to end; with the farewells that is within the 10 s for
    which Docker and others wait.
    """

    max_message_bytes: int = 15 * 1024 * 1024
    max_sessions: int = 8
    max_sessions_per_key: int = 8
    max_requests: int = 1
    max_waiting_requests: int = 8
    max_body_bytes: int = 1024 * 1024
    max_upload_bytes: int = 25 * 1024 * 1024
    handshake_s: float = 10.0
    idle_s: float = 300.0
    ping_interval_s: float = 5.0
    ping_timeout_s: float = 20.0
    messages_per_s: float = 400.0
    message_burst: float = 4000.0
    bytes_per_s: float = 2 * 1024 * 1024
    byte_burst: float = 64 * 1024 * 1024
    flood_s: float = 60.0
    max_unsent_bytes: int = 2 * 1024 * 1024
    drain_s: float = 8.0

    def __post_init__(self) -> None:
        for limit in fields(self):
            value = getattr(self, limit.name)
            if value <= 0:
                raise ValueError(f"Limits.{limit.name} is {value}: give a number above 0")
