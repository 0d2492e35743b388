"""`liushui say`: text to a WAV file, phrased and paused as an answer would be."""

from __future__ import annotations

import sys
import wave
from argparse import Namespace
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from assistant.engines import config_from, load_synthesizer
from assistant.errors import ConfigError
from assistant.progress import CONSOLE, shown_count
from assistant.weights import Store
from llm.pacing import Pacer
from tts.engine import Synthesizer

PCM16_PEAK = 32_767
UNHURRIED_S = 60.0  # audio in hand, as pacing sees it: nobody waits, so it cuts at strong boundaries only


def run(args: Namespace) -> None:
    """Speak `args.text` (None: standard input) into `args.out` (None: standard output)."""
    text = sys.stdin.read() if args.text is None else args.text
    if not text.strip():
        raise ConfigError("nothing to say: the text is empty")
    if args.out is None and sys.stdout.isatty():
        raise ConfigError("a terminal cannot play a WAV file: name one with --out, or pipe it to a player")
    if args.out is not None and not args.out.parent.is_dir():
        raise ConfigError(f"no folder {args.out.parent} to write {args.out.name} into")
    synthesizer = load_synthesizer(config_from(args), Store())
    audio = speak(synthesizer, text, args.rate)
    if args.out is None:
        write_wav(sys.stdout.buffer, audio, synthesizer.sample_rate_hz)
    else:
        save_wav(args.out, audio, synthesizer.sample_rate_hz)
        seconds = len(audio) / synthesizer.sample_rate_hz
        CONSOLE.print(f"{args.out}: {seconds:.1f} s of speech", markup=False)


def speak(synthesizer: Synthesizer, text: str, rate: float = 1.0) -> NDArray[np.float32]:
    """Synthesise `text` phrase by phrase, with the pauses between; mono, at the voice's own rate."""
    pacer = Pacer()
    chunks = [*pacer.feed(text, 0.0, UNHURRIED_S), *pacer.finish()]
    pieces = [np.zeros(0, np.float32)]
    for chunk in shown_count(chunks, "speaking"):
        pieces.append(synthesizer.synthesize(chunk.text, rate=rate).audio)
        pieces.append(np.zeros(int(chunk.pause_s * synthesizer.sample_rate_hz), np.float32))
    return np.concatenate(pieces)


def save_wav(path: Path, audio: NDArray[np.float32], sample_rate_hz: int) -> None:
    """Write 16-bit mono PCM to the file `path`."""
    with path.open("wb") as file:
        write_wav(file, audio, sample_rate_hz)


def write_wav(file: BinaryIO, audio: NDArray[np.float32], sample_rate_hz: int) -> None:
    """Write 16-bit mono PCM to an open file, which may be a pipe."""
    with wave.open(file, "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(sample_rate_hz)
        out.setnframes(len(audio))  # known before, so that the header needs no seek
        out.writeframesraw((np.clip(audio, -1, 1) * PCM16_PEAK).astype("<i2").tobytes())
