from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transport.errors import FrameError
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

VECTORS = json.loads((Path(__file__).parent / "data" / "frames.json").read_text(encoding="utf-8"))

numbers = st.integers(1, 2**32 - 1)
media_times = st.integers(0, 2**32 - 1)
payloads = st.binary(min_size=1, max_size=200)
samples = payloads.filter(lambda data: len(data) % 2 == 0)
frames = st.one_of(
    st.builds(AudioFrame, numbers, media_times, payloads, st.just(True)),
    st.builds(AudioFrame, numbers, media_times, samples, st.just(False)),
    st.builds(EventsFrame, numbers, payloads, st.booleans()),
    st.builds(Acknowledgement, media_times),
)


def as_vector(frame: Frame) -> dict[str, Any]:
    """A frame's fields as the file of test vectors has them."""
    match frame:
        case AudioFrame(sequence, media_time, payload, opus):
            sound = {"media_time": media_time, "opus": opus, "payload": payload.hex()}
            return {"kind": "audio", "sequence": sequence, **sound}
        case EventsFrame(sequence, payload, compressed=True):
            return {"kind": "events", "sequence": sequence, "compressed": True, "payload": payload.hex()}
        case EventsFrame(sequence, payload):
            events = split_events(payload)
            return {"kind": "events", "sequence": sequence, "compressed": False, "events": events}
        case Acknowledgement(received):
            return {"kind": "acknowledgement", "received": received}


@pytest.mark.parametrize("vector", VECTORS["frames"], ids=lambda vector: vector["name"])
def test_the_vectors_for_other_clients_decode_to_their_fields_and_back(vector: dict[str, Any]) -> None:
    message = bytes.fromhex(vector["hex"])
    frame = decode(message)
    assert as_vector(frame) == {key: vector[key] for key in vector if key not in ("name", "hex")}
    assert encode(frame) == message


@pytest.mark.parametrize("vector", VECTORS["malformed"], ids=lambda vector: vector["name"])
def test_the_malformed_vectors_are_refused(vector: dict[str, str]) -> None:
    with pytest.raises(FrameError):
        decode(bytes.fromhex(vector["hex"]))


@given(frames)
def test_a_frame_survives_the_way_there_and_back(frame: Frame) -> None:
    assert decode(encode(frame)) == frame


@given(st.one_of(st.binary(max_size=40), st.builds(lambda f, n: encode(f)[:n], frames, st.integers(0, 12))))
def test_whatever_the_bytes_they_are_a_frame_that_encodes_to_them_or_a_frame_error(message: bytes) -> None:
    try:
        frame = decode(message)
    except FrameError:
        return
    assert encode(frame) == message


@given(st.lists(st.text(min_size=1).filter(lambda line: "\n" not in line), min_size=1))
def test_events_survive_as_lines(events: list[str]) -> None:
    assert split_events(join_events(events)) == events


@given(st.binary(max_size=40))
def test_a_payload_that_is_no_lines_of_text_is_a_frame_error(payload: bytes) -> None:
    try:
        assert join_events(split_events(payload)) == payload
    except FrameError as error:
        assert "UTF-8" in str(error) or "empty" in str(error)


def test_an_error_names_the_fault_and_its_value() -> None:
    with pytest.raises(FrameError, match="kind 7 is unknown"):
        decode(b"\x07\0\0\0\x01")
    with pytest.raises(FrameError, match="3 bytes of PCM"):
        AudioFrame(1, 0, b"abc")
    with pytest.raises(FrameError, match="4294967296"):
        Acknowledgement(2**32)
    with pytest.raises(FrameError, match="line end"):
        join_events(["{}\n{}"])
    with pytest.raises(FrameError, match="surrogates"):
        join_events(['"\ud800"'])
