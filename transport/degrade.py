"""How an answer is sent on the link there is: Opus at 32, 24 or 16 kbit/s, or its text alone.

Pure: it is told how delivery goes, and says when to change the rung. Down is quick: what comes late is lost
on the listener. Up is a trial, for a link that is not full does not show what it could carry: after a good
while the next rung is tried, and each trial that fails doubles the while before the next. A burst, such as
the long events at an answer's end, does show it, and makes the while shorter.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

# A queue shorter than this is the ordinary unevenness of a link; a longer one than the other eats up the
# 0.3 s that audio is sent ahead of the ear. Between them nothing is concluded.
SHORT_QUEUE_S, LONG_QUEUE_S = 0.15, 0.35
# A long queue is believed once it has lasted, for a lost packet's retransmission takes less, and is not being
# worked off. Audio that came too late is heard as a gap, and four packets of it are enough.
CONFIRMED_S, WORKED_OFF, LOST_S = 1.0, 0.9, 0.16
# After a change, what was queued before it still leaves, or is still lost.
SETTLES_S = 1.5
# Less than what events alone need is an outage: it tells nothing of what the link carries when it is back.
OUTAGE_BYTES_S = 500.0
# A rung has held after so much audio.
TRIAL_S = 10.0
# Longest wait for a trial: what a link that has come back costs, against a broken second every two minutes.
LONGEST_WAIT_S = 120.0
# Of the wait, where acknowledgements have shown that the link carries the next rung.
PROVEN_SHARE = 0.3
# Of the bytes of audio, for text and acknowledgements travel beside it: a link that carries so much is
# proven, and one that is full and carries less than the other is not able.
PROVEN, ABLE = 1.3, 1.1
PACKETS_S, HEADER_BYTES = 25, 13  # of 40 ms; our header, and that of the WebSocket's frame
LONGEST_STEP_S = 1.0  # between two observations; more would be silence of ours, not a good link


class Rung(IntEnum):
    """How answers are sent, the better the higher."""

    TEXT = 0
    OPUS_16 = 1
    OPUS_24 = 2
    OPUS_32 = 3

    @property
    def bit_rate(self) -> int:
        """Bits of audio a second, 0 for none."""
        return (0, 16_000, 24_000, 32_000)[self]

    @property
    def bytes_s(self) -> float:
        """Bytes a second of the frames that carry it."""
        return self.bit_rate / 8 + PACKETS_S * HEADER_BYTES if self else 0.0


@dataclass(frozen=True, slots=True)
class Delivery:
    """How it went since the last observation.

    `queue_s`: how much later than on an empty link a frame arrives now: from acknowledgements, or the age of
    the oldest frame without one, less the round trip, if that is more.
    `sent_audio_s`: audio handed over. `late_audio_s`: audio that was dropped, or arrived after its time.
    `throughput_bytes_s`: bytes of frames acknowledged a second, at the best of the last moments; None: not
    known. It is the link's own rate while the queue is long, and else a lower bound of it.
    """

    queue_s: float
    sent_audio_s: float = 0.0
    late_audio_s: float = 0.0
    throughput_bytes_s: float | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """One step on the ladder, for the event `liushui.link`."""

    before: Rung
    after: Rung
    why: str


class Ladder:
    """The rung that answers are sent on. Times come from any clock that does not run backwards."""

    def __init__(self, rung: Rung = Rung.OPUS_32) -> None:
        self.rung = rung
        self._begun = False  # audio was sent
        self._observed_s: float | None = None
        self._changed_s = float("-inf")
        self._complaint: tuple[float, float] | None = None  # when it began, and the queue then, in s
        self._lost_s = 0.0  # audio late since then
        self._good_s = 0.0  # without complaint, on this rung
        self._on_trial = False  # whether this rung was tried, and is not known to hold yet
        self._carried_bytes_s = 0.0  # the most that the link was seen to carry since the last fall
        # Seconds without complaint before a rung is tried: of sent audio, or of time where none is sent.
        # Trials from text alone are heard as a voice that breaks off, so they are rarer.
        self._waits_s = {Rung.OPUS_16: 15.0, Rung.OPUS_24: 5.0, Rung.OPUS_32: 5.0}
        self._shortest_waits_s = dict(self._waits_s)

    def begin(self, throughput_bytes_s: float | None) -> None:
        """Choose the rung of the first audio by what the link has shown: perhaps less than it carries."""
        if throughput_bytes_s is not None and not self._begun:
            shown = max(rung for rung in Rung if PROVEN * rung.bytes_s <= throughput_bytes_s)
            self.rung = max(Rung.OPUS_16, shown)
        self._begun = True

    def observe(self, delivery: Delivery, now_s: float) -> Change | None:
        """Take note of how delivery went, several times a second; return the step taken on it, if any."""
        elapsed_s = 0.0 if self._observed_s is None else min(now_s - self._observed_s, LONGEST_STEP_S)
        self._observed_s = now_s
        self._carried_bytes_s = max(self._carried_bytes_s, delivery.throughput_bytes_s or 0.0)
        if delivery.queue_s > LONG_QUEUE_S or delivery.late_audio_s > 0:
            return self._complain(delivery, now_s)
        self._complaint, self._lost_s = None, 0.0
        if delivery.queue_s < SHORT_QUEUE_S:
            self._good_s += elapsed_s if self.rung is Rung.TEXT else delivery.sent_audio_s
        if self._on_trial and self._good_s >= TRIAL_S:
            self._on_trial = False
            self._waits_s[self.rung] = max(self._waits_s[self.rung] / 2, self._shortest_waits_s[self.rung])
        return self._rise(now_s)

    def _complain(self, delivery: Delivery, now_s: float) -> Change | None:
        self._good_s = 0.0
        if self.rung is Rung.TEXT or now_s - self._changed_s < SETTLES_S:
            return None
        self._lost_s += delivery.late_audio_s
        if self._complaint is None:
            self._complaint = now_s, delivery.queue_s
        since_s, queue_s = self._complaint
        lasting = now_s - since_s >= CONFIRMED_S and delivery.queue_s >= WORKED_OFF * queue_s
        if not lasting and self._lost_s < LOST_S:
            return None
        if self._on_trial:
            self._waits_s[self.rung] = min(2 * self._waits_s[self.rung], LONGEST_WAIT_S)
        self._on_trial = False
        why = f"{self._lost_s:.2f} s of audio came too late, {delivery.queue_s:.2f} s wait to be sent"
        return self._change(self._affordable(delivery), why, now_s)

    def _affordable(self, delivery: Delivery) -> Rung:
        """The next lower rung, or the best that a link which is full was seen to carry."""
        below = Rung(self.rung - 1)
        rate = delivery.throughput_bytes_s
        full = delivery.queue_s > LONG_QUEUE_S or self._lost_s > 0
        if rate is None or rate < OUTAGE_BYTES_S or not full:
            return below
        return max(rung for rung in Rung if rung <= below and ABLE * rung.bytes_s <= rate)

    def _rise(self, now_s: float) -> Change | None:
        if self.rung is Rung.OPUS_32:
            return None
        above = Rung(self.rung + 1)
        proven = PROVEN * above.bytes_s <= self._carried_bytes_s
        if self._good_s < self._waits_s[above] * (PROVEN_SHARE if proven else 1.0):
            return None
        why = f"no complaint for {self._good_s:.1f} s"
        if proven:
            why += f", and the link has carried {8 * self._carried_bytes_s / 1000:.0f} kbit/s"
        self._on_trial = True
        return self._change(above, why, now_s)

    def _change(self, rung: Rung, why: str, now_s: float) -> Change:
        change = Change(self.rung, rung, why)
        self.rung, self._changed_s = rung, now_s
        self._good_s, self._lost_s, self._complaint = 0.0, 0.0, None
        if change.after < change.before:
            self._carried_bytes_s = 0.0
        return change
