from __future__ import annotations

import base64
import io

import numpy as np
import pytest
import soundfile as sf
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from transport.audio_formats import AudioFormat, decode_audio, encode_audio
from transport.encoder import AudioEncoder
from transport.errors import RejectedEventError

LAWS = {AudioFormat.PCMU: "ULAW", AudioFormat.PCMA: "ALAW"}
EVERY_WORD = np.arange(-32768, 32768, dtype=np.int64).astype(np.int16)


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def reference_levels(law: AudioFormat, data: bytes) -> NDArray[np.int16]:
    """What libsndfile, an implementation of its own, reads in these G.711 bytes."""
    levels, _ = sf.read(
        io.BytesIO(data), dtype="int16", format="RAW", subtype=LAWS[law], samplerate=8000, channels=1
    )
    return np.asarray(levels, np.int16)


@pytest.mark.parametrize("law", LAWS)
def test_every_g711_byte_decodes_to_the_level_of_the_reference(law: AudioFormat) -> None:
    every_byte = bytes(range(256))
    levels = np.rint(decode_audio(b64(every_byte), law) * 32768).astype(np.int16)
    assert levels.tolist() == reference_levels(law, every_byte).tolist()


@pytest.mark.parametrize("law", LAWS)
def test_g711_encodes_every_sample_to_the_nearest_level_the_law_has(law: AudioFormat) -> None:
    coded = base64.b64decode(encode_audio((EVERY_WORD / 32768).astype(np.float32), law))
    error = np.abs(reference_levels(law, coded).astype(int) - EVERY_WORD)
    ladder = np.sort(reference_levels(law, bytes(range(256))).astype(int))
    nearest = np.abs(ladder[:, None] - EVERY_WORD[None, ::97].astype(int)).min(axis=0)
    assert error[::97].tolist() == nearest.tolist()


@given(st.binary(max_size=400).filter(lambda data: len(data) % 2 == 0))
def test_pcm_survives_the_way_there_and_back_bit_for_bit(data: bytes) -> None:
    samples = decode_audio(b64(data), AudioFormat.PCM)
    assert samples.dtype == np.float32
    assert np.abs(samples).max(initial=0.0) <= 1.0
    assert encode_audio(samples, AudioFormat.PCM) == b64(data)


def test_what_is_beyond_full_scale_is_clipped_and_does_not_wrap() -> None:
    loud = np.array([1.7, -1.7], np.float32)
    assert np.frombuffer(base64.b64decode(encode_audio(loud, AudioFormat.PCM)), "<i2").tolist() == [
        32767,
        -32768,
    ]


def test_an_odd_number_of_pcm_bytes_is_refused_with_the_number() -> None:
    with pytest.raises(RejectedEventError, match="3 bytes, an odd number"):
        decode_audio(b64(b"abc"), AudioFormat.PCM)


@pytest.mark.parametrize("text", ["nonsense!", "QQ", "Zm9v\n", "音声", "data:audio/pcm;base64,AAAA"])
def test_text_that_is_not_base64_is_refused(text: str) -> None:
    with pytest.raises(RejectedEventError, match="not base64"):
        decode_audio(text, AudioFormat.PCM)


@pytest.mark.parametrize("chunk", [7, 240, 2400])
def test_a_stream_encoded_for_the_telephone_has_no_seams_whatever_the_chunks(chunk: int) -> None:
    tone = (0.5 * np.sin(2 * np.pi * 440 * np.arange(24_000) / 24_000)).astype(np.float32)
    encoder = AudioEncoder(AudioFormat.PCMU)
    texts = [encoder.encode(tone[begin : begin + chunk]) for begin in range(0, len(tone), chunk)]
    data = b"".join(base64.b64decode(text) for text in [*texts, encoder.finish()])
    heard = decode_audio(b64(data), AudioFormat.PCMU)
    assert len(heard) == 8000
    expected = 0.5 * np.sin(2 * np.pi * 440 * np.arange(8000) / 8000)
    # µ-law is good for about 2 % of the level; a seam would be a jump many times that.
    assert np.abs(heard - expected)[100:-100].max() < 0.03
