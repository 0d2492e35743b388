"""Frames from any client: what reads them refuses them by its own errors, and by nothing else."""

from __future__ import annotations

import contextlib

from hypothesis import strategies as st

from transport.compression import Compressor
from transport.errors import CompressionError, FrameError, OpusError
from transport.frame_stream import FrameReader
from transport.frames import Acknowledgement, AudioFrame, EventsFrame, encode
from transport.opus import OpusDecoder
from transport.outbound import Outbound
from transport.outgoing import OutgoingEvent

MOST_BYTES = 4096
PACKED = Compressor().compress(b'{"type":"response.create"}')

numbers = st.integers(1, 6)
payloads = st.one_of(
    st.binary(min_size=1, max_size=64), st.just(b'{"type":"response.create"}'), st.just(PACKED)
)
audio_frames = st.builds(
    AudioFrame, numbers, st.integers(0, 2**32 - 1), payloads.filter(lambda data: len(data) % 2 == 0)
)
opus_frames = st.builds(AudioFrame, numbers, st.integers(0, 2**32 - 1), payloads, st.just(True))
event_frames = st.builds(EventsFrame, numbers, payloads, st.booleans())
acknowledgements = st.builds(Acknowledgement, st.integers(0, 8))
valid = st.one_of(audio_frames, opus_frames, event_frames, acknowledgements).map(encode)


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """A frame with a byte that is another, and an end that may be missing."""
    message = bytearray(draw(valid))
    message[draw(st.integers(0, len(message) - 1))] = draw(st.integers(0, 255))
    return bytes(message[: draw(st.integers(0, len(message)))])


frame_messages = st.lists(st.one_of(valid, damaged(), st.binary(max_size=32)), max_size=20)


def check_frames(messages: list[bytes]) -> None:
    """Read them as a connection does, with some events of its own under way."""
    reader, ears = FrameReader(most_bytes=MOST_BYTES), OpusDecoder()
    outbound = Outbound("opus", brotli=True)
    for number in range(3):
        outbound.put(OutgoingEvent("session.updated", '{"type":"session.updated"}'), number)
        while outbound.next(number) is not None:
            pass
    for now_s, message in enumerate(messages, start=3):
        with contextlib.suppress(FrameError, CompressionError, OpusError):
            match reader.take(message, now_s):
                case AudioFrame(payload=payload, opus=True):
                    ears.decode(payload)
                case EventsFrame() as frame:
                    assert sum(map(len, reader.events(frame))) <= MOST_BYTES
                case Acknowledgement(received):
                    outbound.acknowledged(received, now_s)
        reader.acknowledgement(now_s)
