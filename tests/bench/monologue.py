"""A long monologue: whether words, readings and memory are after ten minutes what they were after one.

    python -m tests.bench.monologue [--audio DIR] [--minutes N] [--language CODE] [--json]

The recordings follow each other with short pauses, over and over, as one utterance that never ends, heard
as in `tests.bench.listening`. The last line printed is one JSON object:

wer, wer_30s_window            errors over words; faster-whisper's `transcribe` of the same audio
reading_ms_first, _last        what a partial transcript takes in the first and in the last minute, median
reading_last_over_first        of both
peak_mb_first, _last           the process's largest memory after the first and after the last minute
commit_retractions             transcripts that do not begin with what was committed before
"""

from __future__ import annotations

import json
import resource
from collections.abc import Sequence
from dataclasses import asdict
from itertools import cycle

import numpy as np
from faster_whisper import WhisperModel

from assistant.engines import EngineConfig, load_recognizer
from assistant.microphone import SAMPLE_RATE_HZ
from assistant.weights import Store
from tests.bench.figures import percentile
from tests.bench.listening import SEED, WEIGHTS, Listener, listening_parser, transcribe
from tests.bench.machine import this_machine
from tests.bench.recordings import Audio, Recording, read_folder
from tests.bench.words import plain_words, word_errors

PAUSE_S = 0.4  # between two recordings
MINUTE = 60 * SAMPLE_RATE_HZ


def main(argv: Sequence[str] | None = None) -> None:
    """Measure and print."""
    parser = listening_parser("monologue", __doc__)
    parser.add_argument("--minutes", type=int, default=10, help="of talk (default: %(default)s)")
    args = parser.parse_args(argv)
    machine, store, config = this_machine(), Store(), EngineConfig(language=args.language)
    text, audio = monologue(read_folder(args.audio, np.random.default_rng(SEED)), args.minutes)
    listener = Listener(load_recognizer(config, store), store)
    readings_ms, peaks_mb, known = [], [], 0
    for start in range(0, len(audio), MINUTE):
        heard = listener.listen(audio[start : start + MINUTE], np.nan)
        took_ms = [(at - until) * 1000 for until, at in heard.partials[known:]]
        known = len(heard.partials)
        readings_ms.append(percentile(took_ms, 50))
        peaks_mb.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
        if not args.json:
            print(f"minute {len(peaks_mb):3}: a reading takes {readings_ms[-1]:4.0f} ms, {peaks_mb[-1]} MB")
    model = WhisperModel(
        str(store.path(WEIGHTS)), device="cpu", compute_type="int8", cpu_threads=config.threads
    )
    said = plain_words(text)
    figures = {
        "wer": round(word_errors(said, plain_words(heard.text)) / len(said), 4),
        "wer_30s_window": round(
            word_errors(said, plain_words(transcribe(model, audio, args.language))) / len(said), 4
        ),
        "reading_ms_first": readings_ms[0],
        "reading_ms_last": readings_ms[-1],
        "reading_last_over_first": round(readings_ms[-1] / readings_ms[0], 2),
        "peak_mb_first": peaks_mb[0],
        "peak_mb_last": peaks_mb[-1],
        "commit_retractions": heard.retractions,
        "minutes": len(peaks_mb),
    }
    print(json.dumps({**figures, "seed": SEED, "machine": asdict(machine)}))


def monologue(recordings: Sequence[Recording], minutes: int) -> tuple[str, Audio]:
    """What is said, and the audio: whole minutes of the recordings, the last one cut where a minute ends."""
    texts, pieces, length = [], [], 0
    for recording in cycle(recordings):
        end = round((recording.question.speech_end_s + PAUSE_S) * SAMPLE_RATE_HZ)
        if length + end > minutes * MINUTE:
            break
        texts.append(recording.text)
        pieces.append(recording.question.audio[:end])
        length += end
    quiet = recordings[0].question.audio[-(minutes * MINUTE - length) :]
    return " ".join(texts), np.concatenate([*pieces, quiet])


if __name__ == "__main__":
    main()
