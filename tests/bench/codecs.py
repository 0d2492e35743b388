"""What the wire's codecs take, save and cost: Opus, Brotli, and the ladder between them.

    python -m tests.bench.codecs [--audio DIR] [--json]

Every recording goes through Opus at the ladder's rates in packets of 20 and 40 ms, and Whisper reads what
comes out. The events of consultations go through Brotli, message by message, and through the DEFLATE of
WebSockets with its window kept. The ladder talks ten minutes over simulated links. The last line printed is
one JSON object:

opus_RATE_MS      bytes_of_pcm, packet_bytes (mean), encode_ms and decode_ms a second of audio, spectral_db
                  (root mean square distance of log spectra up to 8 kHz), wer; `pcm`: as recorded
brotli_, deflate_ ratio of bytes left, ms_p95 of a message, for typed and spoken answers
link_KBITS        changes, late_s and talking on each rung, in s
"""

from __future__ import annotations

import json
import time
import zlib
from collections.abc import Callable, Sequence
from dataclasses import asdict
from functools import partial
from typing import Literal

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from asr.engine import SAMPLE_RATE_HZ as HEARD_HZ
from asr.engine import Recognizer
from asr.resample import resampled
from assistant.engines import EngineConfig, load_recognizer
from assistant.weights import Store
from tests.bench.arguments import audio_parser
from tests.bench.machine import this_machine
from tests.bench.recordings import Sound, read_sounds
from tests.bench.words import plain_words, word_errors
from tests.slow_link import talk
from tests.wire_events import consultation
from transport.audio_formats import PCM_RATE_HZ, Samples
from transport.compression import Compressor
from transport.degrade import Ladder, Rung
from transport.opus import LOOKAHEAD, OpusDecoder, OpusEncoder
from transport.settings import Modality

Figures = dict[str, float]
PACKETS_MS: tuple[Literal[20, 40], ...] = (20, 40)
LONGEST_S = 29  # Whisper's window
CONSULTATIONS = 4  # in consultations.json
LINKS_KBIT_S = (16, 32, 64, 256)
TEN_MINUTES_S = 600.0
FRAME, HOP = PCM_RATE_HZ // 50, PCM_RATE_HZ // 100  # of spectra
AUDIBLE = 1e-3  # of a bin: below, a difference is none
SPEECH_HZ = 8000


def main(argv: Sequence[str] | None = None) -> None:
    """Measure and print."""
    args = audio_parser("codecs", __doc__).parse_args(argv)
    say: Callable[[str], None] = (lambda line: None) if args.json else print
    machine, sounds = this_machine(), read_sounds(args.audio)
    say(f"machine: {machine}; {len(sounds)} recordings in {args.audio}")
    measured: dict[str, Figures] = {}
    for name, figures in (*_opus(sounds), *_compression(), *_links()):
        measured[name] = {key: round(value, 4) for key, value in figures.items()}
        say(f"{name:18} " + "  ".join(f"{key} {value:g}" for key, value in measured[name].items()))
    print(json.dumps({**measured, "machine": asdict(machine)}))


def _opus(sounds: Sequence[Sound]) -> list[tuple[str, Figures]]:
    recognizer = load_recognizer(EngineConfig(), Store())
    spoken = [sound.audio[: LONGEST_S * PCM_RATE_HZ] for sound in sounds]
    found = [("pcm", {"wer": _error_rate(recognizer, sounds, spoken)})]
    for rung in (Rung.OPUS_16, Rung.OPUS_24, Rung.OPUS_32):
        for packet_ms in PACKETS_MS:
            name = f"{rung.name.lower()}_{packet_ms}"
            found.append((name, _through_opus(recognizer, sounds, spoken, rung.bit_rate, packet_ms)))
    return found


def _through_opus(
    recognizer: Recognizer,
    sounds: Sequence[Sound],
    spoken: Sequence[Samples],
    bit_rate: int,
    packet_ms: Literal[20, 40],
) -> Figures:
    encode_s = decode_s = 0.0
    sizes: list[int] = []
    heard: list[Samples] = []
    for samples in spoken:
        encoder, decoder = OpusEncoder(bit_rate, packet_ms), OpusDecoder()
        started_s = time.process_time()
        packets = encoder.encode(samples) + encoder.finish()
        encoded_s = time.process_time()
        decoded = np.concatenate([decoder.decode(packet.data) for packet in packets])
        encode_s, decode_s = encode_s + encoded_s - started_s, decode_s + time.process_time() - encoded_s
        sizes += [len(packet.data) for packet in packets]
        heard.append(decoded[LOOKAHEAD : LOOKAHEAD + len(samples)])
    seconds = sum(map(len, spoken)) / PCM_RATE_HZ
    return {
        "bytes_of_pcm": sum(sizes) / (2 * PCM_RATE_HZ * seconds),
        "packet_bytes": float(np.mean(sizes)),
        "encode_ms": 1000 * encode_s / seconds,
        "decode_ms": 1000 * decode_s / seconds,
        "spectral_db": float(np.mean([_distance_db(*pair) for pair in zip(spoken, heard, strict=True)])),
        "wer": _error_rate(recognizer, sounds, heard),
    }


def _distance_db(said: Samples, heard: Samples) -> float:
    levels_said, levels_heard = _levels_db(said), _levels_db(heard)
    return float(np.sqrt(np.square(levels_said - levels_heard).mean(axis=1)).mean())


def _levels_db(samples: Samples) -> Samples:
    frames = sliding_window_view(samples, FRAME)[::HOP] * np.hanning(FRAME)
    power = np.square(np.abs(np.fft.rfft(frames)))[:, : FRAME * SPEECH_HZ // PCM_RATE_HZ]
    return np.asarray(10 * np.log10(power + AUDIBLE), np.float32)  # [frames, bins]


def _error_rate(recognizer: Recognizer, sounds: Sequence[Sound], heard: Sequence[Samples]) -> float:
    said = [plain_words(sound.text) for sound in sounds]
    texts = [recognizer.recognize(resampled(audio, PCM_RATE_HZ, HEARD_HZ)).text for audio in heard]
    errors = sum(word_errors(words, plain_words(text)) for words, text in zip(said, texts, strict=True))
    return errors / sum(map(len, said))


def _compression() -> list[tuple[str, Figures]]:
    found = []
    modalities: tuple[Modality, ...] = ("text", "audio")
    for modality in modalities:
        conversations = [consultation(number, modality) for number in range(CONSULTATIONS)]
        found.append((f"brotli_{modality}", _compressed(conversations, lambda: Compressor().compress)))
        found.append((f"deflate_{modality}", _compressed(conversations, _deflate)))
    return found


def _compressed(
    conversations: Sequence[Sequence[bytes]], stream: Callable[[], Callable[[bytes], bytes]]
) -> Figures:
    plain = left = 0
    taken_ms: list[float] = []
    for messages in conversations:
        compress = stream()
        for message in messages:
            started_s = time.perf_counter()
            left += len(compress(message))
            taken_ms.append(1000 * (time.perf_counter() - started_s))
            plain += len(message)
    return {"ratio": left / plain, "message_bytes": plain / len(taken_ms), "ms_p95": _p95(taken_ms)}


def _deflate() -> Callable[[bytes], bytes]:
    """RFC 7692's permessage-deflate: a flush after each message, its last four bytes left away."""
    stream = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return lambda message: (stream.compress(message) + stream.flush(zlib.Z_SYNC_FLUSH))[:-4]


def _p95(values: Sequence[float]) -> float:
    return float(np.percentile(values, 95))


def _links() -> list[tuple[str, Figures]]:
    found = []
    for kbit_s in LINKS_KBIT_S:
        outcome = talk(partial(_steady, 1000.0 * kbit_s), TEN_MINUTES_S, Ladder())
        rungs = {rung.name.lower(): seconds for rung, seconds in outcome.seconds.items()}
        found.append((f"link_{kbit_s}", {"changes": len(outcome.changes), "late_s": outcome.late_s, **rungs}))
    return found


def _steady(bits_s: float, _now_s: float) -> float:
    return bits_s


if __name__ == "__main__":
    main()
