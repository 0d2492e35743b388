"""`liushui transcribe`: an audio file to text, pause by pause, with live partials."""

from __future__ import annotations

import json
import time
from argparse import Namespace
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass

import numpy as np
from rich.console import Console
from rich.live import Live
from rich.text import Text

from asr.engine import SAMPLE_RATE_HZ, Audio
from asr.numbers import with_digits
from asr.resample import decode_audio_file
from asr.streaming import Partial
from assistant.ear import Ear
from assistant.engines import config_from, load_recognizer, load_voice_detector
from assistant.errors import ConfigError
from assistant.progress import CONSOLE, shown_step
from assistant.weights import Store

PAUSE_S = 0.7  # silence that ends a line of the transcript: about a sentence's
PARTIAL_EVERY_S = 1.0  # new audio between two partials: a file comes faster than it could be read
MESSAGE_S = 0.02  # fed as a client would: the ear's pre-roll is counted from the last message


@dataclass(frozen=True, slots=True)
class Segment:
    """What was said between two pauses."""

    start_s: float
    end_s: float
    text: str


def run(args: Namespace) -> None:
    """Print the transcript of `args.file`, a line per segment, or all of it as one JSON line."""
    config = config_from(args)
    if not args.file.is_file():
        raise ConfigError(f"there is no file {args.file}")
    audio, rate_hz = decode_audio_file(args.file)
    with shown_step("loading the recognizer"):
        store = Store()
        ear = Ear(load_recognizer(config, store), load_voice_detector(store))
    start_s = time.perf_counter()
    found = []
    out = Console(quiet=args.json, soft_wrap=True, highlight=False)
    with Live(console=out, transient=True, auto_refresh=False) as live:
        for segment in segments(
            ear, audio, rate_hz, lambda partial: live.update(_shown(partial), refresh=True)
        ):
            found.append(segment)
            live.update("", refresh=True)
            out.print(segment.text, markup=False)
    if args.json:
        compute_s = time.perf_counter() - start_s
        print(_json_line(str(args.file), len(audio) / rate_hz, compute_s, found))
    elif not found:
        CONSOLE.print(f"{args.file}: no speech found", markup=False)


def segments(ear: Ear, audio: Audio, rate_hz: int, show: Callable[[Partial], None]) -> Iterator[Segment]:
    """Yield what `ear` makes of the whole of `audio` (mono, any rate); `show` sees the open segment grow."""
    for message in _messages(audio, rate_hz):
        for piece in ear.resample(message, rate_hz):
            for voice in ear.hear(piece):
                if voice.speaking:
                    ear.open()
                elif ear.utterance and voice.silence_samples >= PAUSE_S * SAMPLE_RATE_HZ:
                    text = with_digits(ear.utterance.final(), ear.utterance.language)
                    end = voice.end_sample - voice.silence_samples
                    if text:
                        yield Segment(
                            ear.milliseconds(ear.started) / 1000, ear.milliseconds(end) / 1000, text
                        )
                    ear.close()
        if ear.utterance and ear.partial_due(PARTIAL_EVERY_S):
            show(ear.utterance.partial())


def _messages(audio: Audio, rate_hz: int) -> Iterator[Audio]:
    closing = np.zeros(
        int(2 * PAUSE_S * rate_hz), np.float32
    )  # ends the last segment, and drains the resampler
    size = int(MESSAGE_S * rate_hz)
    for samples in (audio, closing):
        for start in range(0, len(samples), size):
            yield samples[start : start + size]


def _shown(partial: Partial) -> Text:
    return Text.assemble(partial.committed, (partial.tentative, "dim"))


def _json_line(file: str, audio_s: float, compute_s: float, found: list[Segment]) -> str:
    text = " ".join(segment.text for segment in found)
    facts = {"file": file, "text": text, "audio_s": round(audio_s, 3), "compute_s": round(compute_s, 3)}
    return json.dumps(facts | {"segments": [asdict(segment) for segment in found]}, ensure_ascii=False)
