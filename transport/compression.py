"""Compression of events: Brotli (RFC 7932) whose window is kept from message to message, and when it pays.

One stream a direction and session: each message is the next part of it, flushed, so that it can be read at
once. Of typed and spoken conversations in our own events (230 and 320 bytes a message) 18 and 21 % are left.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import brotli

from transport.errors import CompressionError

# Against level 3, a tenth fewer bytes for 0.3 MiB and 3 µs a message more. Level 9 takes twice the memory for
# another 2 %, 10 and 11 fifty times the time for no more than that.
QUALITY = 5
# 64 KiB, five minutes of a conversation's events. Less saves no memory at this quality (0.7 MiB a compressor,
# 0.07 MiB a decompressor), 2^18 takes 1.9 MiB and finds nothing more.
WINDOW_BITS = 16


class Compressor:
    """One direction's stream, on its way out. Not thread-safe; 0.7 MiB."""

    def __init__(self) -> None:
        self._stream = brotli.Compressor(quality=QUALITY, lgwin=WINDOW_BITS)

    def compress(self, message: bytes) -> bytes:
        """Return the next part of the stream, which ends where the message does."""
        return bytes(self._stream.process(message) + self._stream.flush())


class Decompressor:
    """The peer's stream, on its way in. Not thread-safe; after an error, nothing more can be read from it.

    `limit_bytes` bounds one message; memory follows it, not what the peer claims.
    """

    def __init__(self, limit_bytes: int) -> None:
        self._limit_bytes = limit_bytes
        self._stream = brotli.Decompressor()
        self._begun = False

    def decompress(self, part: bytes) -> bytes:
        """Return one message; raises `CompressionError` for what is no Brotli, or too large."""
        if part and not self._begun:
            _check_window(part[0])
            self._begun = True
        try:
            message = self._process(part)
        except brotli.error as error:
            raise CompressionError(
                f"{len(part)} bytes do not continue the Brotli stream: send every part of it once, in order,"
                " and begin a new one with a new session"
            ) from error
        if len(message) > self._limit_bytes or not self._stream.can_accept_more_data():
            raise CompressionError(
                f"{len(part)} compressed bytes hold more than {self._limit_bytes}: send smaller messages"
            )
        if self._stream.is_finished():
            raise CompressionError(
                "the Brotli stream was finished: flush it after a message, and keep it open"
            )
        return message

    def _process(self, part: bytes) -> bytes:
        """All that a part holds, or somewhat more than the limit of it."""
        message = b""
        # The binding may keep output back when its block is full, and call its input read all the same.
        while more := self._stream.process(part, output_buffer_limit=self._limit_bytes + 1 - len(message)):
            message += more
            if len(message) > self._limit_bytes:
                break
            part = b""
        return message


def _check_window(first: int) -> None:
    """Refuse a stream whose header asks for a larger window: its memory would be the peer's to choose.

    RFC 7932 section 9.1: WBITS, in the lowest bits of the first byte.
    """
    if not first & 1:
        bits = 16
    elif n := first >> 1 & 7:
        bits = 17 + n
    else:
        bits = (first >> 4 & 7) + 8 if first >> 4 & 7 else 17
    if bits > WINDOW_BITS:
        raise CompressionError(
            f"the Brotli stream's window is 2^{bits} bytes: use one of at most 2^{WINDOW_BITS} (lgwin)"
        )


@dataclass(frozen=True, slots=True)
class LinkState:
    """What acknowledgements tell of one direction's link; None: not known yet."""

    round_trip_s: float | None = None
    throughput_bytes_s: float | None = None
    backlog_bytes: int = 0  # handed over and not acknowledged, or waiting behind it


# Inside a machine or a house, round trips are shorter, and a message arrives faster than it is compressed.
LOCAL_ROUND_TRIP_S = 0.002
# Compression that takes longer than this is a machine with no time to spare: it stops, whatever it saves.
MOST_COST_S = 0.008
# It begins when it saves twice the time it takes, and ends when it saves half of it: noise changes nothing.
BEGIN_GAIN, END_GAIN = 2.0, 0.5
# A choice stands this long, and one that was made for want of time for the second.
HOLD_S, RETRY_S = 2.0, 30.0
COSTS = 64  # the last ones, of which the 95th percentile counts
FEWEST_COSTS = 8  # before that, one slow start would be the percentile
# Until measured here: what a message of ours costs on a slow core, its size, and what is left of it.
FIRST_COST_S, FIRST_BYTES, FIRST_RATIO = 50e-6, 250.0, 0.3
SHARE = 1 / 16  # of a new message in the means


class CompressionChooser:
    """Whether one direction's messages go compressed: yes where that brings them sooner to the peer.

    A message says of itself whether it is compressed, so the choice may change at any time.
    """

    def __init__(self) -> None:
        self._costs_s: deque[float] = deque(maxlen=COSTS)
        self._message_bytes, self._ratio = FIRST_BYTES, FIRST_RATIO
        self._compresses = False
        self._stands_until_s = float("-inf")

    @property
    def ratio(self) -> float:
        """What is left of a message that is compressed, about."""
        return self._ratio

    @property
    def cost_p95_s(self) -> float:
        """What compressing a message takes: the 95th percentile of the last ones."""
        if len(self._costs_s) < FEWEST_COSTS:
            return FIRST_COST_S
        return sorted(self._costs_s)[int(0.95 * (len(self._costs_s) - 1) + 0.5)]

    def observe(self, message_bytes: int, sent_bytes: int, cost_s: float) -> None:
        """Take note of one compressed message."""
        self._costs_s.append(cost_s)
        self._message_bytes += SHARE * (message_bytes - self._message_bytes)
        self._ratio += SHARE * (sent_bytes / max(message_bytes, 1) - self._ratio)

    def choose(self, link: LinkState, now_s: float) -> bool:
        """Return whether the next message goes compressed."""
        if now_s < self._stands_until_s:
            return self._compresses
        too_slow = self.cost_p95_s > MOST_COST_S
        threshold = END_GAIN if self._compresses else BEGIN_GAIN
        wanted = not too_slow and self._saved_s(link) > threshold * self.cost_p95_s
        if wanted != self._compresses:
            self._compresses = wanted
            self._stands_until_s = now_s + (RETRY_S if too_slow else HOLD_S)
            if too_slow:
                self._costs_s.clear()  # the next try is measured anew
        return self._compresses

    def _saved_s(self, link: LinkState) -> float:
        """By how much sooner a compressed message arrives, with all that waits before it made smaller too."""
        if link.throughput_bytes_s is None:
            local = link.round_trip_s is not None and link.round_trip_s < LOCAL_ROUND_TRIP_S
            return 0.0 if local else float("inf")
        fewer_bytes = (self._message_bytes + link.backlog_bytes) * (1 - self._ratio)
        return fewer_bytes / max(link.throughput_bytes_s, 1.0)
