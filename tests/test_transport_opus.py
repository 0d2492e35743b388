from __future__ import annotations

from pathlib import Path
from typing import Literal

import av
import numpy as np
import pytest
import soundfile as sf
import soxr
from hypothesis import given, settings
from hypothesis import strategies as st

from transport.audio_formats import PCM_RATE_HZ, Samples
from transport.errors import OpusError
from transport.opus import FADE, LOOKAHEAD, OpusDecoder, OpusEncoder, OpusPacket

SPEECH = Path(__file__).parent.parent / "samples" / "wav" / "headache.wav"


@pytest.fixture(scope="module")
def speech() -> Samples:
    audio, rate_hz = sf.read(SPEECH, dtype="float32")
    return np.asarray(soxr.resample(audio, rate_hz, PCM_RATE_HZ), np.float32)


def packets_of(encoder: OpusEncoder, samples: Samples, chunk: int = 1000) -> list[OpusPacket]:
    pieces = [samples[begin : begin + chunk] for begin in range(0, len(samples), chunk)]
    return [packet for piece in pieces for packet in encoder.encode(piece)] + encoder.finish()


def played(packets: list[OpusPacket], length: int) -> Samples:
    """What is heard when every packet's samples are laid where they belong."""
    decoder, timeline = OpusDecoder(), np.zeros(length + 4 * PCM_RATE_HZ, np.float32)
    for packet in packets:
        samples = decoder.decode(packet.data)
        begin = packet.first_sample + LOOKAHEAD
        timeline[begin : begin + len(samples)] = samples
    return timeline[LOOKAHEAD : LOOKAHEAD + length]


def lag_of(heard: Samples, said: Samples) -> int:
    """By how many samples what is heard comes late, from the peak of their cross-correlation."""
    length = 2 * len(said)
    product = np.fft.rfft(said, length).conj() * np.fft.rfft(heard, length)
    peak = int(np.argmax(np.fft.irfft(product)))
    return peak if peak < len(said) else peak - length


def roughness(samples: Samples, at: int, around: int = 60) -> float:
    """The sharpest bend within 2.5 ms of a place: a click is a bend far beyond its surroundings."""
    return float(np.abs(np.diff(samples[at - around : at + around], 2)).max())


@pytest.mark.parametrize("packet_ms", [20, 40])
@pytest.mark.parametrize("bit_rate", [16_000, 24_000, 32_000])
def test_what_is_heard_lies_where_it_was_said(
    speech: Samples, bit_rate: int, packet_ms: Literal[20, 40]
) -> None:
    packets = packets_of(OpusEncoder(bit_rate, packet_ms), speech)
    assert abs(lag_of(played(packets, len(speech)), speech)) <= 2


@pytest.mark.parametrize("packet_ms", [20, 40])
def test_the_look_ahead_is_what_libopus_says(packet_ms: Literal[20, 40]) -> None:
    codec = av.CodecContext.create("libopus", "w")
    codec.sample_rate, codec.layout, codec.format = PCM_RATE_HZ, "mono", "flt"
    codec.options = {"application": "audio", "frame_duration": str(packet_ms)}
    codec.open()
    head = codec.extradata  # RFC 7845 section 5.1: bytes 10-11 are the pre-skip at 48 kHz
    assert head is not None
    assert int.from_bytes(head[10:12], "little") == 2 * LOOKAHEAD


@pytest.mark.parametrize("bit_rate", [16_000, 24_000, 32_000])
def test_packets_keep_to_the_bit_rate_and_are_a_tenth_of_pcm(speech: Samples, bit_rate: int) -> None:
    packets = packets_of(OpusEncoder(bit_rate), speech)
    mean = 8 * sum(len(packet.data) for packet in packets) / (len(packets) * 0.04)
    assert 0.7 * bit_rate < mean < 1.1 * bit_rate
    assert max(len(packet.data) for packet in packets) <= 256
    assert mean < 2 * 8 * PCM_RATE_HZ / 10


@settings(max_examples=20, deadline=None)
@given(st.lists(st.integers(0, 3000), max_size=12))
def test_pieces_of_any_length_give_the_packets_of_the_whole(lengths: list[int]) -> None:
    said = np.random.default_rng(sum(lengths)).normal(0, 0.1, sum(lengths)).astype(np.float32)
    in_pieces, whole = OpusEncoder(24_000), OpusEncoder(24_000)
    ends = np.cumsum(lengths)
    pieces = [said[end - length : end] for end, length in zip(ends, lengths, strict=True)]
    packets = [packet for piece in pieces for packet in in_pieces.encode(piece)] + in_pieces.finish()
    assert packets == whole.encode(said) + whole.finish()


@given(st.integers(0, 5000))
@settings(max_examples=20, deadline=None)
def test_the_last_packet_reaches_the_last_sample_and_none_is_beyond_it(length: int) -> None:
    packets = packets_of(OpusEncoder(24_000, 20), np.zeros(length, np.float32))
    firsts = [packet.first_sample for packet in packets]
    assert firsts == [480 * number - LOOKAHEAD for number in range(len(packets))]
    assert firsts[-1] < length <= firsts[-1] + 480 or length == 0


def test_a_stretch_after_the_last_begins_anew(speech: Samples) -> None:
    encoder, decoder = OpusEncoder(32_000), OpusDecoder()
    for _ in range(2):
        packets = packets_of(encoder, speech)
        assert packets[0].first_sample == -LOOKAHEAD
        heard = np.concatenate([decoder.decode(packet.data) for packet in packets])
        assert abs(lag_of(heard[LOOKAHEAD : LOOKAHEAD + len(speech)], speech)) <= 2


def test_the_bit_rate_changes_without_a_click_and_without_moving_the_sound(speech: Samples) -> None:
    ladder = [32_000, 24_000, 16_000, 24_000]
    encoder, packets, seams = OpusEncoder(32_000, 20), [], []
    for number, begin in enumerate(range(0, len(speech) - 480, 480)):
        if number % 10 == 0 and number:
            encoder.bit_rate = ladder[number // 10 % 4]
            seams.append(begin - LOOKAHEAD)
        packets += encoder.encode(speech[begin : begin + 480])
    packets += encoder.finish()
    assert len(seams) > 10
    assert [packet.first_sample for packet in packets] == [
        480 * number - LOOKAHEAD for number in range(len(packets))
    ]
    heard = played(packets, len(speech))
    assert abs(lag_of(heard, speech)) <= 2
    steady = played(packets_of(OpusEncoder(24_000, 20), speech), len(speech))
    rough = sum(roughness(heard, seam) for seam in seams[:-1])
    assert rough < 1.5 * sum(roughness(steady, seam) for seam in seams[:-1])


def test_the_bit_rate_is_really_another_after_the_change(speech: Samples) -> None:
    encoder = OpusEncoder(32_000)
    before = sum(len(packet.data) for packet in encoder.encode(speech))
    encoder.bit_rate = 16_000
    after = sum(len(packet.data) for packet in encoder.encode(speech))
    assert after < 0.6 * before


@pytest.mark.parametrize("lost", [1, 3, 25])
def test_a_gap_fades_out_and_in_and_what_follows_is_the_speech_again(speech: Samples, lost: int) -> None:
    packets = packets_of(OpusEncoder(32_000, 20), speech)
    loudest = int(np.argmax(np.convolve(speech**2, np.ones(4800), "valid"))) // 480 + 2
    decoder, heard = OpusDecoder(), []
    for packet in packets[:loudest]:
        heard.append(decoder.decode(packet.data))
    heard.append(decoder.conceal(480 * lost))
    assert not heard[-1][FADE:].any()
    for packet in packets[loudest + lost :]:
        heard.append(decoder.decode(packet.data))
    assert sum(map(len, heard)) == 480 * len(packets)
    whole = np.concatenate(heard)[LOOKAHEAD : LOOKAHEAD + len(speech)]
    start, end = 480 * loudest - LOOKAHEAD, 480 * (loudest + lost) - LOOKAHEAD
    sharpest = float(np.abs(np.diff(speech, 2)).max())
    assert roughness(whole, start) < sharpest
    assert roughness(whole, end) < sharpest
    later = slice(end + 2400, end + 12_000)
    clean = played(packets, len(speech))
    assert np.corrcoef(whole[later], clean[later])[0, 1] > 0.99


@given(st.binary(max_size=300))
@settings(max_examples=300, deadline=None)
def test_any_bytes_give_samples_or_our_own_error_and_the_decoder_goes_on(data: bytes) -> None:
    decoder, encoder = OpusDecoder(), OpusEncoder(16_000, 20)
    try:
        assert len(decoder.decode(data)) <= PCM_RATE_HZ * 120 // 1000
    except OpusError as error:
        assert str(len(data)) in str(error)
    assert len(decoder.decode(encoder.encode(np.zeros(480, np.float32))[0].data)) == 480


@pytest.mark.parametrize("packet", [b"", b"\x00" * 10_000])
def test_a_packet_of_no_possible_size_is_refused_with_its_size(packet: bytes) -> None:
    with pytest.raises(OpusError, match=f"{len(packet)} bytes: RFC 6716"):
        OpusDecoder().decode(packet)


@pytest.mark.parametrize("bit_rate", [0, 7_999, 64_001])
def test_a_bit_rate_out_of_range_is_refused_and_leaves_the_encoder_as_it_was(bit_rate: int) -> None:
    encoder = OpusEncoder(24_000)
    with pytest.raises(OpusError, match=f"bit_rate is {bit_rate}"):
        encoder.bit_rate = bit_rate
    assert encoder.bit_rate == 24_000
