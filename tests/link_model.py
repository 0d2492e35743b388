"""A link in virtual time: a rate, a delay and a buffer that drops nothing, as TCP's; and acknowledgements."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable
from dataclasses import dataclass, field

from transport.link import InboundLink, OutboundLink

STALLED_LOOK_S = 0.001


@dataclass
class LinkModel:
    """Sender, line and receiver; `offer(now_s, room_bytes)` gives the next frame's size, 0 for none now."""

    rate: Callable[[float], float]  # bytes/s at a time; 0: stalled
    round_trip_s: float
    offer: Callable[[float, int], int]
    outbound: OutboundLink = field(default_factory=OutboundLink)
    inbound: InboundLink = field(default_factory=InboundLink)
    arrived: list[tuple[float, int]] = field(default_factory=list)  # when, size
    waits_s: list[tuple[float, float]] = field(
        default_factory=list
    )  # when sent, how long before its turn came
    now_s: float = 0.0

    def __post_init__(self) -> None:
        self._events: list[tuple[float, int, Callable[[], None]]] = []
        self._order = itertools.count()
        self._free_s = 0.0  # when the line has sent everything
        self._sequence = 0
        self._look_s = float("inf")

    def run(self, until_s: float) -> None:
        """Let time pass until `until_s`."""
        self._pump()
        while self._events and self._events[0][0] <= until_s:
            self.now_s, _, happen = heapq.heappop(self._events)
            happen()
            self._pump()
        self.now_s = until_s

    def at(self, when_s: float, happen: Callable[[], None]) -> None:
        """Let something happen at a time, after which the sender looks for more to send."""
        heapq.heappush(self._events, (when_s, next(self._order), happen))

    def _pump(self) -> None:
        while self.outbound.may_send(self.now_s):
            size = self.offer(self.now_s, self.outbound.room_bytes(self.now_s))
            if not size:
                return
            self.send(size)

    def send(self, size: int) -> None:
        """Hand a frame to the socket now."""
        self._sequence += 1
        self.outbound.sent(self._sequence, bytes(size), self.now_s)
        start_s = max(self.now_s, self._free_s)
        while not self.rate(start_s):
            start_s += STALLED_LOOK_S
        self.waits_s.append((self.now_s, start_s - self.now_s))
        self._free_s = start_s + size / self.rate(start_s)
        self.at(self._free_s + self.round_trip_s / 2, self._arrival(self._sequence, size))

    def _arrival(self, sequence: int, size: int) -> Callable[[], None]:
        def arrive() -> None:
            self.arrived.append((self.now_s, size))
            self.inbound.take(sequence, size, self.now_s)
            self._acknowledge()
            if self.inbound.acknowledge_at_s is not None:
                self.at(self.inbound.acknowledge_at_s, self._acknowledge)

        return arrive

    def _acknowledge(self) -> None:
        acknowledgement = self.inbound.acknowledgement(self.now_s)
        if acknowledgement is not None:
            received = acknowledgement.received
            self.at(
                self.now_s + self.round_trip_s / 2,
                lambda: self.outbound.acknowledged(received, self.now_s),
            )
