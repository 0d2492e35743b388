"""`liushui say`: text to a WAV file or stream, phrased and paused as an answer would be."""

from __future__ import annotations

import codecs
import os
import sys
from argparse import Namespace
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from time import monotonic
from typing import BinaryIO

import numpy as np

from assistant.engines import config_from, load_synthesizer
from assistant.errors import ConfigError
from assistant.progress import CONSOLE, shown_count
from assistant.said import Said
from assistant.wav import WavStream, write_wav
from assistant.weights import Store
from llm.pacing import Chunk, Pacer
from tts.engine import Speech, Synthesizer, parts

UNHURRIED_S = 60.0  # audio in hand, as pacing sees it: nobody waits, so it cuts at strong boundaries only
READ_BYTES = 4096  # of standard input at most; what is there comes at once


def run(args: Namespace) -> None:
    """Speak `args.text` (None: standard input) into `args.out` (None: standard output)."""
    _check(args)
    text = None if args.text is None and args.stream else _whole_text(args.text)
    synthesizer = load_synthesizer(config_from(args), Store())
    if args.stream:
        said = _stream(synthesizer, _arriving() if text is None else [text], args)
    else:
        said = speak(synthesizer, text or "", args.rate)
        _write(said, synthesizer.sample_rate_hz, args)
    if not said:
        raise ConfigError("nothing to say: the text is empty")
    if args.plot is not None:
        from assistant.say_plot import draw  # an extra's library

        draw(said, args.plot)
        CONSOLE.print(f"{args.plot}: the waveform, its words and boundaries", markup=False)


def _check(args: Namespace) -> None:
    """Refuse what cannot work before the voice is loaded."""
    if args.out is None and sys.stdout.isatty():
        raise ConfigError("a terminal cannot play a WAV file: name one with --out, or pipe it to a player")
    for path in (args.out, args.plot):
        if path is not None and not path.parent.is_dir():
            raise ConfigError(f"no folder {path.parent} to write {path.name} into")
    if args.plot is not None:
        from assistant.say_plot import check_library

        check_library()


def _whole_text(text: str | None) -> str:
    text = sys.stdin.read() if text is None else text
    if not text.strip():
        raise ConfigError("nothing to say: the text is empty")
    return text


def _write(said: list[Said], sample_rate_hz: int, args: Namespace) -> None:
    audio = np.concatenate([each.audio for each in said])
    with _opened(args.out) as file:
        write_wav(file, audio, sample_rate_hz)
    if args.out is not None:
        CONSOLE.print(f"{args.out}: {len(audio) / sample_rate_hz:.1f} s of speech", markup=False)


@contextmanager
def _opened(path: Path | None) -> Iterator[BinaryIO]:
    if path is None:
        yield sys.stdout.buffer
    else:
        with path.open("wb") as file:
            yield file


def speak(synthesizer: Synthesizer, text: str, rate: float = 1.0) -> list[Said]:
    """Speak all of a text, unhurried: cut at strong boundaries only."""
    pacer = Pacer()
    chunks = [*pacer.feed(text, 0.0, UNHURRIED_S), *pacer.finish()]
    return [
        Said(chunk, synthesizer.synthesize(chunk.text, rate=rate))
        for chunk in shown_count(chunks, "speaking")
    ]


def stream(
    synthesizer: Synthesizer, pieces: Iterable[str], rate: float, clock: Callable[[], float] = monotonic
) -> Iterator[Said]:
    """Speak a text while it arrives, as an answer is: yield each part as soon as it is made.

    `clock` [s] says how much of what was made has been played: a listener hears it as it comes.
    """
    pacer, played_s = Pacer(), clock()  # until when what was made so far sounds
    for piece in chain(pieces, (None,)):
        chunks = pacer.finish() if piece is None else pacer.feed(piece, 0.0, max(0.0, played_s - clock()))
        for chunk in chunks:
            for said in _spoken(synthesizer, chunk, rate):
                played_s = max(played_s, clock()) + len(said.audio) / said.speech.sample_rate_hz
                yield said


def _spoken(synthesizer: Synthesizer, chunk: Chunk, rate: float) -> Iterator[Said]:
    """Yield the parts of a chunk; its pause comes after the last."""
    before: Speech | None = None
    for speech in parts(synthesizer, chunk.text, rate):
        if before is not None:
            yield Said(chunk, before, ends_chunk=False)
        before = speech
    if before is not None:
        yield Said(chunk, before)


def _stream(synthesizer: Synthesizer, pieces: Iterable[str], args: Namespace) -> list[Said]:
    """Write a text's sound while it is made; what was said is kept for the picture alone."""
    said: list[Said] = []
    started_s = monotonic()
    with _opened(args.out) as file:
        wav = WavStream(file, synthesizer.sample_rate_hz)
        for each in stream(synthesizer, pieces, args.rate):
            if not said:
                CONSOLE.print(f"first sound after {(monotonic() - started_s) * 1000:.0f} ms")
            said.append(each)
            wav.write(each.audio)
        wav.finish()
    return said


def _arriving() -> Iterator[str]:
    """Yield what comes through standard input, as it comes."""
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    while data := os.read(sys.stdin.fileno(), READ_BYTES):
        yield decoder.decode(data)
    yield decoder.decode(b"", final=True)
