from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from assistant.microphone import CHUNK, Microphone

Audio = NDArray[np.float32]


class Room:
    """Virtual time, and a connection that notes what was sent when; sending takes `sending_s`."""

    def __init__(self, sending_s: float = 0.0) -> None:
        self.now_s = 50.0
        self.sent: list[tuple[float, Audio]] = []
        self.sending_s = sending_s

    async def send(self, chunk: Audio) -> None:
        self.sent.append((self.now_s, chunk))
        self.now_s += self.sending_s
        if len(self.sent) == 5:
            raise ConnectionError("enough")

    async def sleep(self, seconds: float) -> None:
        self.now_s += seconds

    def clock(self) -> float:
        return self.now_s


async def chunks_sent(room: Room, recording: Audio) -> list[Audio]:
    microphone = Microphone(room.send, room.clock, room.sleep)
    assert microphone.play(recording) == 50.0
    with pytest.raises(ConnectionError):
        await microphone.run()
    return [chunk for _, chunk in room.sent]


async def test_a_recording_is_followed_by_silence_in_whole_chunks() -> None:
    sent = await chunks_sent(Room(), np.ones(CHUNK * 2 + 10, np.float32))
    assert [len(chunk) for chunk in sent] == [CHUNK] * 5
    assert [float(chunk.sum()) for chunk in sent] == [CHUNK, CHUNK, 10, 0, 0]


async def test_a_chunk_leaves_when_its_last_sample_has_been_captured() -> None:
    room = Room()
    await chunks_sent(room, np.ones(CHUNK, np.float32))
    assert [at_s for at_s, _ in room.sent] == pytest.approx([50.02, 50.04, 50.06, 50.08, 50.10])


async def test_a_slow_connection_does_not_shift_the_schedule() -> None:
    room = Room(sending_s=0.015)
    await chunks_sent(room, np.ones(CHUNK, np.float32))
    assert [at_s for at_s, _ in room.sent] == pytest.approx([50.02, 50.04, 50.06, 50.08, 50.10])
