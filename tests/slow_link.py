"""A simulated link of few bits a second that may stand still, and a service that talks over it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from transport.degrade import PACKETS_S, Change, Delivery, Ladder, Rung

STEP_S = 1 / PACKETS_S  # one audio packet
OBSERVED_STEPS = 5  # between two observations: 0.2 s
TALK_S, PAUSE_S = 6.0, 3.0  # an answer, and the user's turn
TEXT_BYTES_S = 300.0  # compressed events
TCP_IP_BYTES = 40.0  # around each packet
TOO_LATE_S = 0.5  # audio that would wait longer is dropped
THROUGHPUT_S = 1.0  # the best rate that acknowledgements of so long tell

Rate = Callable[[float], float]  # bits a second at a moment


@dataclass(slots=True)
class Outcome:
    """What a listener got."""

    changes: list[tuple[float, Change]] = field(default_factory=list)
    seconds: dict[Rung, float] = field(
        default_factory=lambda: dict.fromkeys(Rung, 0.0)
    )  # of talking, by rung
    late_s: float = 0.0

    def best_share(self, rung: Rung) -> float:
        """The part of the talking that was sent on this rung or a higher one."""
        return sum(s for r, s in self.seconds.items() if r >= rung) / sum(self.seconds.values())


def talk(rate: Rate, duration_s: float, ladder: Ladder, always: bool = False) -> Outcome:
    """Talk over a link for so long, in turns or `always`, with whatever rung the ladder stands on."""
    outcome, waiting, stalled_s = Outcome(), 0.0, 0.0  # bytes in the queue
    sent_s = late_s = 0.0
    rates: list[float] = []  # bytes a second, over THROUGHPUT_S
    for step in range(round(duration_s / STEP_S)):
        now_s = step * STEP_S
        bytes_s = rate(now_s) / 8
        queue_s = waiting / bytes_s if bytes_s else stalled_s
        waiting += TEXT_BYTES_S * STEP_S
        if always or now_s % (TALK_S + PAUSE_S) < TALK_S:
            outcome.seconds[ladder.rung] += STEP_S
            if ladder.rung and queue_s > TOO_LATE_S:
                late_s += STEP_S
            elif ladder.rung:
                sent_s += STEP_S
                waiting += ladder.rung.bytes_s * STEP_S + TCP_IP_BYTES
        carried = min(waiting, bytes_s * STEP_S)
        waiting -= carried
        stalled_s = 0.0 if carried else stalled_s + STEP_S
        # A link that still has something waiting shows its rate; one that ran empty, only what it was given.
        shown = bytes_s if waiting else carried / STEP_S
        rates = [*rates, shown][-round(THROUGHPUT_S / STEP_S) :]
        if step % OBSERVED_STEPS == 0:
            seen = Delivery(queue_s, sent_s, late_s, max(rates))
            outcome.late_s += late_s
            sent_s = late_s = 0.0
            if change := ladder.observe(seen, now_s):
                outcome.changes.append((now_s, change))
    return outcome
