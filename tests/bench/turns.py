"""Whose turn it is: when a silence ends the user's, and what a sound does to the assistant's.

    python -m tests.bench.turns [--audio DIR] [--sounds DIR] [--json]

First the recordings break into answers of a service of our own, over its WebSocket at real-time speed, and
the sounds, which are noises and backchannels, are made during answers (`interruptions.py`). Then five minutes
of noises and silence are heard (`noise.py`). Last, three ways to tell the end of a turn are compared at every
end and every pause of the recordings (`endings.py`). The last line printed is one JSON object:

barge_in_quiet_ms_p50, _p95     from the user's first voiced sample until the client's loudspeaker is silent
barge_in_stop_ms_p50, _p95      until it is silent for good: the last sample of the answer that is ever heard
barge_in_decided_ms_p50, _p95   until the answer is given up; between the two, it could still go on
missed_interruptions            share of interruptions after which the answer went on
false_interruption_resume_rate  share of noises and backchannels after which it did
hallucinated_words              in five minutes without a word
best, as_set, curves            each way's quickest setting with few false cut-offs, by mean latency; the
                                session's policy as it is; all settings
ours_over_smart_turn            of those two latencies
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np

from assistant.persona import SAMPLES
from assistant.turn_policy import words_of
from assistant.weights import Store
from tests.bench.arguments import audio_parser
from tests.bench.endings import WAYS, Observer, by_policy, curve, quickest
from tests.bench.interruptions import interrupt
from tests.bench.machine import this_machine
from tests.bench.noise import made_up, noise_and_silence
from tests.bench.recordings import read_folder, read_sounds

SEED = 1  # of the room tone after each recording, of the noise, and of when sounds are made
Say = Callable[[str], None]


def main(argv: Sequence[str] | None = None) -> None:
    """Measure and print."""
    args = _parser().parse_args(argv)
    say: Say = (lambda line: None) if args.json else print
    machine = this_machine()
    recordings = read_folder(args.audio, np.random.default_rng(SEED))
    say(f"machine: {machine}; {len(recordings)} recordings in {args.audio}, seed {SEED}")
    sounds = read_sounds(args.sounds)
    interruptions = interrupt(recordings, sounds, SEED, say)
    observer = Observer(Store())
    nothing = noise_and_silence(sounds, np.random.default_rng(SEED))
    hallucinated = made_up(nothing, observer.ear())
    places = [place for recording in recordings for place in observer.places(recording)]
    curves = {name: curve(places, *way) for name, way in WAYS.items()}
    best = {name: quickest(points) for name, points in curves.items()}
    usual = curve(places, by_policy, np.array([1.0]))[0]
    for name, point in [*best.items(), ("ours as set", usual)]:
        say(
            f"{name:12} at {point.setting:5.2f}: {point.false_cutoffs:6.1%} cut off, "
            f"{point.latency_ms:6.0f} ms in the mean, {point.latency_ms_p50:6.0f} p50"
        )
    report = {
        "best": {name: asdict(point) for name, point in best.items()},
        "as_set": asdict(usual),
        "ours_over_smart_turn": round(best["ours"].latency_ms / best["smart_turn"].latency_ms, 3),
        "turns": sum(place.silence_s == float("inf") for place in places),
        "pauses": sum(place.silence_s < float("inf") for place in places),
        **interruptions,
        "hallucinated_words": sum(len(words_of(text)) for text in hallucinated),
        "curves": {name: [asdict(point) for point in points] for name, points in curves.items()},
    }
    print(json.dumps({**report, "seed": SEED, "machine": asdict(machine)}))


def _parser() -> argparse.ArgumentParser:
    parser = audio_parser("turns", __doc__)
    parser.add_argument(
        "--sounds", type=Path, default=SAMPLES / "sounds", metavar="DIR", help="noises and backchannels"
    )
    return parser


if __name__ == "__main__":
    main()
