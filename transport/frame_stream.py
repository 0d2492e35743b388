"""One direction's frames, as a sender numbers them and a receiver takes them: both sides use these."""

from __future__ import annotations

import time

from transport.compression import CompressionChooser, Compressor, Decompressor, LinkState
from transport.frames import (
    Acknowledgement,
    AudioFrame,
    EventsFrame,
    Frame,
    decode,
    encode,
    join_events,
    split_events,
)
from transport.link import InboundLink, OutboundLink


class FrameWriter:
    """Numbers frames as they leave, compresses events where that pays, keeps what may be sent again."""

    def __init__(self, *, brotli: bool) -> None:
        self.link = OutboundLink()
        self._sequence = 0
        self._compressor = Compressor() if brotli else None
        self._chooser = CompressionChooser()

    def events(self, events: list[str], now_s: float, waiting_bytes: int = 0) -> bytes:
        """Return a frame of JSON events; `waiting_bytes`: what stands behind them."""
        payload = join_events(events)
        compressed = self._compressor is not None and self._chooser.choose(self._state(waiting_bytes), now_s)
        if self._compressor is not None and compressed:
            began_s = time.perf_counter()
            shorter = self._compressor.compress(payload)
            self._chooser.observe(len(payload), len(shorter), time.perf_counter() - began_s)
            payload = shorter
        return self._sent(EventsFrame(self._next(), payload, compressed), now_s)

    def audio(self, payload: bytes, media_time: int, now_s: float, *, opus: bool) -> bytes:
        """Return a frame of audio."""
        return self._sent(AudioFrame(self._next(), media_time % 2**32, payload, opus), now_s)

    def room_bytes(self, now_s: float) -> int:
        """How large the next events may be before they are compressed, 0: nothing may leave now."""
        room = self.link.room_bytes(now_s)
        return room if self._compressor is None else round(room / self._chooser.ratio)

    def _state(self, waiting_bytes: int) -> LinkState:
        return LinkState(
            self.link.round_trip_s, self.link.throughput, self.link.backlog_bytes + waiting_bytes
        )

    def _next(self) -> int:
        return self._sequence + 1

    def _sent(self, frame: AudioFrame | EventsFrame, now_s: float) -> bytes:
        data = encode(frame)
        self._sequence = frame.sequence
        self.link.sent(frame.sequence, data, now_s)
        return data


class FrameReader:
    """Takes the peer's messages in their order, each once, and knows what to acknowledge."""

    def __init__(self, *, most_bytes: int) -> None:
        """`most_bytes` bounds the events of one frame, uncompressed."""
        self.link = InboundLink()
        self._most_bytes = most_bytes
        self._decompressor: Decompressor | None = None

    def take(self, message: bytes, now_s: float) -> Frame | None:
        """Return a frame, its events readable by `events`; None for one that came before.

        Raises `FrameError` for what is no frame or out of order.
        """
        frame = decode(message)
        if isinstance(frame, Acknowledgement):
            return frame
        return frame if self.link.take(frame.sequence, len(message), now_s) else None

    def events(self, frame: EventsFrame) -> list[str]:
        """Return the JSON of a frame that `take` gave; raises `FrameError` or `CompressionError`."""
        if not frame.compressed:
            return split_events(frame.payload)
        if self._decompressor is None:
            self._decompressor = Decompressor(self._most_bytes)
        return split_events(self._decompressor.decompress(frame.payload))

    def acknowledgement(self, now_s: float) -> bytes | None:
        """Return the acknowledgement to send now, None for nothing."""
        due = self.link.acknowledgement(now_s)
        return None if due is None else encode(due)

    def greeting(self) -> bytes:
        """Return what a resumed connection begins with: how much was received before."""
        return encode(Acknowledgement(self.link.received))

    def due_s(self, now_s: float) -> float | None:
        """Seconds until there is something to acknowledge; None: nothing."""
        due_s = self.link.acknowledge_at_s
        return None if due_s is None else max(0.0, due_s - now_s)
