"""One direction's link, as its acknowledgements tell: round trip, throughput, and how much may be under way.

What the kernel has taken can be neither reordered nor dropped, so little should lie there: what the link
holds (its bandwidth-delay product) and a tenth of a second more. Delivery rate and its windowed maximum, and
the least round trip of ten seconds, are BBR's (draft-ietf-ccwg-bbr); the smoothed round trip is RFC 6298's.
Times are those of any monotonic clock, in seconds. TCP does its own control below; this one only keeps its
buffers short.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass

from transport.errors import FrameError, LocalProtocolError
from transport.frames import Acknowledgement
from transport.replay import REPLAY_BYTES, ReplayBuffer

# What may wait on the way. Acknowledgements come up to 50 ms late, so much less would leave a link idle.
QUEUE_S = 0.1
FRAMES_UNDER_WAY = 2  # always: one on the line and one that follows it, however large they are
FIRST_WINDOW_BYTES = 400  # while nothing is measured: 0.2 s at 16 kbit/s
FIRST_FRAME_BYTES = FIRST_WINDOW_BYTES // FRAMES_UNDER_WAY
RATE_ROUNDS = 10  # a maximum over so many round trips, as in BBR
MIN_ROUND_TRIP_S = 10.0  # the least over so long, as in BBR
SLOWED_S = 3 * QUEUE_S  # more than we let wait: the link became slower, and the rates it had are halved
SAME_ROUND_TRIP_S = 0.02  # so near the least confirms it: the peer's acknowledgements come on a 50 ms raster
IDLE_S = 0.01  # a sender with something to send does it within this

ACKNOWLEDGE_S = 0.05
ACKNOWLEDGE_BYTES = 512


@dataclass(frozen=True, slots=True)
class _Sent:
    """A frame under way, and where the link stood when it left."""

    sequence: int
    size: int
    sent_s: float
    delivered_bytes: int  # acknowledged until then
    delivered_s: float  # when the last of these was
    first_sent_s: float  # when that one had left
    offered: bool  # the sender had all it could send: a low rate is the link's
    alone: bool  # nothing was under way: its round trip has no queue of ours in it


class OutboundLink:
    """What was sent in one direction and what of it was acknowledged; keeps the rest for a resume."""

    def __init__(self, replay_bytes: int = REPLAY_BYTES) -> None:
        self._replay = ReplayBuffer(replay_bytes)
        self._last = 0  # the highest number sent
        self._received = 0  # the highest number acknowledged
        self._forget()

    def _forget(self) -> None:
        """Begin to measure: at the start, and on a new connection."""
        self.backlog_bytes = 0  # sent and not acknowledged
        self.round_trip_s: float | None = None  # smoothed, with the peer's delay of up to 50 ms
        self._full = False  # since the window was, until there is room for half a frame of the largest
        self._under_way: deque[_Sent] = deque()
        self._least_s = math.inf  # the least round trip
        self._least_at_s = math.inf  # when it was last confirmed
        self._starting = True  # no queue was seen yet: double with every round trip
        self._rates: deque[tuple[int, float]] = deque()  # round and bytes/s, falling: a windowed maximum
        self._round = 0
        self._round_ends_bytes = 0  # with the first frame that left when so much was delivered
        self._slowed_s = -math.inf  # when the rates were last halved
        self._delivered_bytes = 0
        self._delivered_s = self._first_sent_s = 0.0
        self._open_since_s: float | None = None  # since when the sender may send and has not
        self._idle_until_bytes = 0  # frames that left before so much was delivered: the sender set the pace

    @property
    def throughput(self) -> float | None:
        """Bytes/s that the link has shown it takes, None at first; nobody knows what was never offered."""
        return self._rates[0][1] if self._rates else None

    @property
    def queueing_s(self) -> float:
        """How much longer than the least the round trip is: what waits on the way, in seconds."""
        return 0.0 if self.round_trip_s is None else max(0.0, self.round_trip_s - self._least_s)

    def may_carry(self, now_s: float) -> float | None:
        """`throughput`, or before it is known what it cannot be more than; None: nothing was sent."""
        if self.throughput is not None or not self._under_way:
            return self.throughput
        age_s = now_s - self._under_way[0].sent_s
        return self.backlog_bytes / age_s if age_s > 0 else None

    def waiting_s(self, now_s: float) -> float:
        """How long what waits on the way has waited, also while nothing is acknowledged."""
        if not self._under_way or self.round_trip_s is None:
            return self.queueing_s
        return max(self.queueing_s, now_s - self._under_way[0].sent_s - self._least_s)

    @property
    def transit_s(self) -> float:
        """How long a frame that is sent now takes to the peer, about; 0 while nothing is measured."""
        if not self.throughput:
            return 0.0
        waiting_s = 0.0 if self._starting else self.backlog_bytes / self.throughput  # no queue was seen yet
        return self._least_s / 2 + waiting_s

    @property
    def window_bytes(self) -> int:
        """How many bytes should be under way at most."""
        if self.throughput is None:
            return FIRST_WINDOW_BYTES
        return round(self.throughput * (self._least_s + QUEUE_S) * (2 if self._starting else 1))

    def room_bytes(self, now_s: float) -> int:
        """How large the next frame should be at most, 0: wait; after a larger one the next waits longer."""
        if self._under_way and now_s - self._least_at_s > MIN_ROUND_TRIP_S:
            return 0  # until all is acknowledged: what leaves then measures the link without our queue
        if len(self._under_way) < FRAMES_UNDER_WAY:
            return max(FIRST_FRAME_BYTES, min(self._room_bytes, self._largest_bytes))
        return 0 if self._full else max(0, min(self._room_bytes, self._largest_bytes))

    @property
    def _room_bytes(self) -> int:
        return self.window_bytes - self.backlog_bytes

    @property
    def _largest_bytes(self) -> int:
        return max(FIRST_FRAME_BYTES, round((self.throughput or 0.0) * QUEUE_S))

    def may_send(self, now_s: float) -> bool:
        """Whether a frame may be handed to the socket now."""
        return self.room_bytes(now_s) > 0

    def sent(self, sequence: int, data: bytes, now_s: float) -> None:
        """A frame was handed to the socket; raises `LocalProtocolError` unless its number is the next."""
        if sequence != self._last + 1:
            raise LocalProtocolError(
                f"frame {sequence} was sent after {self._last}: number frames as they leave"
            )
        self._last = sequence
        self._replay.add(sequence, data)
        self._send(sequence, len(data), now_s)

    def acknowledged(self, received: int, now_s: float) -> None:
        """The peer has every frame up to number `received`; raises `FrameError` for one never sent."""
        self._check(received)
        if received <= self._received:
            return
        self._received = received
        self._replay.acknowledged(received)
        while self._under_way and self._under_way[0].sequence <= received:
            newest = self._under_way.popleft()
            self.backlog_bytes -= newest.size
            self._delivered_bytes += newest.size
            if newest.alone and now_s - self._least_at_s > MIN_ROUND_TRIP_S:
                self._least_s, self._least_at_s = math.inf, now_s  # renewed by the measurement that follows
        self._measure(newest, now_s)
        self._full = self._full and self._room_bytes < self._largest_bytes / 2
        self._open_since_s = now_s if self.may_send(now_s) else None

    def replay(self, received: int, now_s: float) -> tuple[bytes, ...]:
        """Return the frames after number `received`, to be sent at once on a new connection.

        What was measured on the old one is forgotten. Raises `FrameError` for a number never sent, and
        `ResumeImpossibleError` when frames that the peer lacks are kept no more.
        """
        self._check(received)
        again = self._replay.after(received)
        self._replay.acknowledged(received)
        self._received = received
        self._forget()
        for sequence, data in again:
            self._send(sequence, len(data), now_s)
        return tuple(data for _, data in again)

    def _check(self, received: int) -> None:
        if received > self._last:
            raise FrameError(
                f"the peer says it has frame {received}, but {self._last} is the last that was sent"
            )

    def _send(self, sequence: int, size: int, now_s: float) -> None:
        alone = not self._under_way
        if alone:
            self._first_sent_s = self._delivered_s = now_s
        idle = self._open_since_s is not None and now_s - self._open_since_s > IDLE_S
        if idle or now_s - self._least_at_s > MIN_ROUND_TRIP_S:  # or the pause was ours
            self._idle_until_bytes = self._delivered_bytes + self.backlog_bytes + 1
        self._open_since_s = None
        self._under_way.append(
            _Sent(
                sequence,
                size,
                now_s,
                self._delivered_bytes,
                self._delivered_s,
                self._first_sent_s,
                offered=self._delivered_bytes >= self._idle_until_bytes,
                alone=alone,
            )
        )
        self.backlog_bytes += size
        self._full = self._full or self._room_bytes <= 0
        if self.may_send(now_s):
            self._open_since_s = now_s

    def _measure(self, newest: _Sent, now_s: float) -> None:
        """Learn from the newest frame that an acknowledgement covers."""
        round_trip_s = now_s - newest.sent_s
        smoothed_s = round_trip_s if self.round_trip_s is None else self.round_trip_s
        self.round_trip_s = smoothed_s + (round_trip_s - smoothed_s) / 8
        if round_trip_s <= self._least_s + SAME_ROUND_TRIP_S:
            self._least_s, self._least_at_s = min(self._least_s, round_trip_s), now_s
        if round_trip_s > self._least_s + QUEUE_S:
            self._starting = False
        if newest.delivered_bytes >= self._round_ends_bytes:
            self._round += 1
            self._round_ends_bytes = self._delivered_bytes
        if self.round_trip_s > self._least_s + SLOWED_S and now_s - self._slowed_s > self._least_s + QUEUE_S:
            self._slowed_s = now_s
            self._rates = deque((when, rate / 2) for when, rate in self._rates)
        self._count_rate(newest, now_s)
        self._delivered_s, self._first_sent_s = now_s, newest.sent_s

    def _count_rate(self, newest: _Sent, now_s: float) -> None:
        # The longer of the two intervals: acknowledgements that come in a bunch make no link faster.
        took_s = max(newest.sent_s - newest.first_sent_s, now_s - newest.delivered_s)
        if took_s <= 0:
            return
        rate = (self._delivered_bytes - newest.delivered_bytes) / took_s
        if not newest.offered and rate < (self.throughput or 0.0):
            return
        while self._rates and self._rates[-1][1] <= rate:
            self._rates.pop()
        self._rates.append((self._round, rate))
        while self._rates[0][0] <= self._round - RATE_ROUNDS:
            self._rates.popleft()


class InboundLink:
    """What came from the peer, and when to acknowledge it."""

    def __init__(self) -> None:
        self.received = 0  # the highest number without a gap
        # When an acknowledgement should leave, None while there is nothing new to say.
        self.acknowledge_at_s: float | None = None
        self._acknowledged_s = -math.inf
        self._new_bytes = 0  # since the last acknowledgement

    def take(self, sequence: int, size: int, now_s: float) -> bool:
        """Count a frame of `size` bytes; False for one that came before, as after a replay: pass over it.

        Raises `FrameError` for a hole, which an ordered connection cannot have.
        """
        if sequence > self.received + 1:
            raise FrameError(
                f"frame {sequence} came after {self.received}: frames come in order, without gaps"
            )
        new = sequence == self.received + 1
        self.received += new
        self._new_bytes += size
        due_s = now_s if self._new_bytes >= ACKNOWLEDGE_BYTES else self._acknowledged_s + ACKNOWLEDGE_S
        self.acknowledge_at_s = (
            max(now_s, due_s) if self.acknowledge_at_s is None else min(self.acknowledge_at_s, due_s)
        )
        return new

    def acknowledgement(self, now_s: float) -> Acknowledgement | None:
        """Return what to send to the peer now, None for nothing; ask again at `acknowledge_at_s`."""
        if self.acknowledge_at_s is None or now_s < self.acknowledge_at_s:
            return None
        self.acknowledge_at_s, self._acknowledged_s, self._new_bytes = None, now_s, 0
        return Acknowledgement(self.received)
