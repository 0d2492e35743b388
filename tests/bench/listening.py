"""Listening alone: how right the words are, and how soon they are there.

    python -m tests.bench.listening [--audio DIR] [--language CODE] [--json]

Each recording is heard as a session hears it, by the session's own ear, at the speed of speech: a reading
takes as long as it takes here, and the audio goes on meanwhile. That time is reckoned, not waited for.
Against it stands faster-whisper's own `transcribe` of the whole recording, with the same weights and threads.
The last line printed is one JSON object:

wer, wer_30s_window     errors over words (over characters in Chinese)
final_ms_p50, _p95      from the last voiced sample, found by energy, to the text that stays
transcribe_ms_p50       what `transcribe` takes
transcribe_over_final   of both medians
partial_lag_ms_p50      from a moment of speech to the first partial transcript that heard it
commit_retractions      transcripts that do not begin with what was committed before
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from statistics import median
from typing import TypeVar

import numpy as np
from faster_whisper import WhisperModel

from asr.engine import SAMPLE_RATE_HZ as HEARD_HZ
from asr.engine import Recognizer
from asr.resample import resampled
from assistant.ear import Ear
from assistant.engines import EngineConfig, load_recognizer, load_voice_detector
from assistant.microphone import SAMPLE_RATE_HZ
from assistant.partials import PARTIAL_S, PARTIAL_SHARE
from assistant.turn_policy import TurnPolicy
from assistant.turns import State
from assistant.weights import Store
from tests.bench.arguments import audio_parser
from tests.bench.figures import percentile
from tests.bench.machine import this_machine
from tests.bench.recordings import Audio, Recording, read_folder
from tests.bench.words import plain_words, word_errors

T = TypeVar("T")

SEED = 1  # of the room tone after each recording
MESSAGE = SAMPLE_RATE_HZ // 50  # 20 ms, as clients send them
AFTER_S = 1.5  # of the room tone, longer than any wait for the last text
LAG_STEP_S = 0.1  # between moments of speech whose partials are looked for
WEIGHTS = "whisper-base"
Say = Callable[[str], None]


@dataclass(slots=True)
class Heard:
    """What came of one recording."""

    text: str = ""
    final_ms: float = float("inf")
    partials: list[tuple[float, float]] = field(default_factory=list)  # heard until, there at, in s
    retractions: int = 0
    committed: str = ""

    def take(self, text: str, committed: str) -> None:
        """Note a transcript, and what of it stays."""
        self.retractions += not text.startswith(self.committed)
        self.committed = committed

    def lags_ms(self) -> list[float]:
        """From each moment of speech to the first partial that heard it."""
        moments = np.arange(LAG_STEP_S, self.partials[-1][0] if self.partials else 0.0, LAG_STEP_S)
        there = [next(at for until, at in self.partials if until >= moment) for moment in moments]
        return list((np.array(there) - moments) * 1000)


class Listener:
    """A session's way of listening, in reckoned time."""

    def __init__(self, recognizer: Recognizer, store: Store) -> None:
        self._ear = Ear(recognizer, load_voice_detector(store))
        self._policy = TurnPolicy()
        self._heard = Heard()
        self._free_s = 0.0  # when the recognizer is through
        self._reading_s = 0.0  # what its last reading took
        self._paused = False

    def listen(self, audio: Audio, voiced_s: float) -> Heard:
        """Hear a recording whose last voiced sample is at `voiced_s`."""
        for start in range(0, len(audio), MESSAGE):
            for piece in self._ear.resample(audio[start : start + MESSAGE], SAMPLE_RATE_HZ):
                for voice in self._ear.hear(piece):
                    if voice.speaking:
                        self._ear.open()
                    paused = voice.silence_samples >= self._policy.eager_s * HEARD_HZ
                    if paused and not self._paused:
                        self._close(voiced_s)
                    self._paused = paused
                self._read_if_due()
        return self._heard

    def _close(self, voiced_s: float) -> None:
        """A pause: the whole text so far is wanted."""
        if (utterance := self._ear.utterance) is None:
            return
        until = self._ear.voiced_until()
        self._reading_s, text = _timed(lambda: utterance.final(until))
        self._free_s = max(self._free_s, self._now_s()) + self._reading_s
        self._heard.take(text, self._heard.committed)
        self._heard.text = text
        self._heard.final_ms = (self._free_s - voiced_s) * 1000

    def _read_if_due(self) -> None:
        every_s = max(PARTIAL_S[State.SPEAKING], PARTIAL_SHARE[State.SPEAKING] * self._reading_s)
        utterance = self._ear.utterance
        if utterance is None or self._free_s > self._now_s() or not self._ear.partial_due(every_s):
            return
        self._reading_s, read = _timed(utterance.partial)
        self._heard.partials.append((self._now_s(), self._now_s() + self._reading_s))
        self._free_s = self._now_s() + self._reading_s
        self._heard.take(read.committed + read.tentative, read.committed)

    def _now_s(self) -> float:
        return self._ear.received / HEARD_HZ


def _timed(call: Callable[[], T]) -> tuple[float, T]:
    started_s = time.perf_counter()
    result = call()
    return time.perf_counter() - started_s, result


def main(argv: Sequence[str] | None = None) -> None:
    """Measure and print."""
    args = listening_parser("listening", __doc__).parse_args(argv)
    say: Say = (lambda line: None) if args.json else print
    machine, store, config = this_machine(), Store(), EngineConfig(language=args.language)
    recordings = read_folder(args.audio, np.random.default_rng(SEED))
    say(f"machine: {machine}; {len(recordings)} recordings in {args.audio}, seed {SEED}")
    recognizer = load_recognizer(config, store)
    whole = WhisperModel(
        str(store.path(WEIGHTS)), device="cpu", compute_type="int8", cpu_threads=config.threads
    )
    heard, transcribed = [], []
    for recording in recordings:  # both hear each before the next: the machine's speed changes
        audio, voiced_s = _audio(recording), recording.question.speech_end_s
        heard.append(Listener(recognizer, store).listen(audio, voiced_s))
        transcribed.append(_timed(partial(transcribe, whole, audio, args.language)))
        say(f"{recording.file:28} {heard[-1].final_ms:5.0f} ms  {heard[-1].text}")
    print(json.dumps({**figures(recordings, heard, transcribed), "seed": SEED, "machine": asdict(machine)}))


def figures(
    recordings: Sequence[Recording], heard: Sequence[Heard], transcribed: Sequence[tuple[float, str]]
) -> dict[str, float]:
    """The figures; `transcribed`: the baseline's seconds and texts."""
    final_ms = [each.final_ms for each in heard]
    transcribe_ms = median(taken_s for taken_s, _ in transcribed) * 1000
    return {
        "wer": _error_rate(recordings, [each.text for each in heard]),
        "wer_30s_window": _error_rate(recordings, [text for _, text in transcribed]),
        "final_ms_p50": percentile(final_ms, 50),
        "final_ms_p95": percentile(final_ms, 95),
        "transcribe_ms_p50": round(transcribe_ms, 1),
        "transcribe_over_final": round(transcribe_ms / percentile(final_ms, 50), 2),
        "partial_lag_ms_p50": percentile([lag for each in heard for lag in each.lags_ms()], 50),
        "commit_retractions": sum(each.retractions for each in heard),
        "n": len(recordings),
    }


def _error_rate(recordings: Sequence[Recording], texts: Sequence[str]) -> float:
    said = [plain_words(recording.text) for recording in recordings]
    errors = sum(word_errors(words, plain_words(text)) for words, text in zip(said, texts, strict=True))
    return round(errors / sum(map(len, said)), 4)


def _audio(recording: Recording) -> Audio:
    return recording.question.audio[: round((recording.question.speech_end_s + AFTER_S) * SAMPLE_RATE_HZ)]


def transcribe(model: WhisperModel, audio: Audio, language: str) -> str:
    """What faster-whisper's own `transcribe` makes of `audio` (24 kHz)."""
    segments, _ = model.transcribe(resampled(audio, SAMPLE_RATE_HZ, HEARD_HZ), language=language)
    return " ".join(segment.text for segment in segments)


def listening_parser(name: str, doc: str | None) -> argparse.ArgumentParser:
    """Make the parser of a bench that hears recordings of one language."""
    parser = audio_parser(name, doc)
    parser.add_argument("--language", default="en", help="ISO 639-1 (default: %(default)s)")
    return parser


if __name__ == "__main__":
    main()
