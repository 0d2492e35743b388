"""Voice to voice, over the real WebSocket at real-time speed: how long a person waits, how often is cut off.

    python -m tests.bench.v2v [--audio DIR] [--runs N] [--json] [--url ws://host:port/v1/realtime]

The time runs from the last voiced sample of the question (found here, by energy) to the first audible sample
of the answer to the whole question; silence at its start counts. A response begun before the end of speech,
and heard, is a false cut-off. Ten seconds without an answer are `unanswered`, and count as ten.
The last line printed is one JSON object.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import asdict

import numpy as np

from assistant.caller import calling
from assistant.observer import TurnObserver
from assistant.own_service import own_service
from tests.bench.arguments import audio_parser
from tests.bench.figures import HEADING, Result, breakdown, by_kind, figures, percentile, row, summary_lines
from tests.bench.machine import this_machine
from tests.bench.recordings import Recording, read_folder

SEED = 1  # of the room tone after each recording; nothing else here is random
DOMAIN = "medical"
Say = Callable[[str], None]


def main(argv: Sequence[str] | None = None) -> None:
    """Measure and print."""
    args = _parser().parse_args(argv)
    say: Say = (lambda line: None) if args.json else print
    machine = this_machine()
    recordings = read_folder(args.audio, np.random.default_rng(SEED))
    say(f"machine: {machine}")
    say(f"{len(recordings)} recordings in {args.audio}, {args.runs} run(s), seed {SEED}, warm-up: 1 question")
    results = asyncio.run(_measure(recordings, args.runs, args.url, say))
    overall, kinds, steps = figures(results), by_kind(results), breakdown(results)
    say("")
    for line in summary_lines(overall, kinds):
        say(line)
    say(f"\nthe service's own marks, p50 in ms: {steps}")
    report: dict[str, object] = {**overall, "breakdown_ms_p50": steps, "by_kind": kinds}
    if args.url is None:  # else that service would share the machine with the baseline, or be elsewhere
        report |= _compared(overall["v2v_ms_p50"], recordings, machine.cores, say)
    print(json.dumps({**report, "seed": SEED, "runs": args.runs, "machine": asdict(machine)}))


async def _measure(recordings: Sequence[Recording], runs: int, url: str | None, say: Say) -> list[Result]:
    async with _service(url) as address:
        await ask(recordings[0], address)
        say(f"\n{HEADING}")
        results = []
        for recording in [each for _ in range(runs) for each in recordings]:
            results.append(await ask(recording, address))
            say(row(results[-1]))
        return results


@contextlib.asynccontextmanager
async def _service(url: str | None) -> AsyncIterator[str]:
    if url is not None:
        yield url
        return
    async with own_service(["--domain", DOMAIN]) as own_url:
        yield own_url


async def ask(recording: Recording, url: str) -> Result:
    """Ask once in a session of its own, until the first sound of the answer is known."""
    async with calling(url) as caller:
        return Result(recording, await caller.ask(recording.question, settled=measured))


def measured(observer: TurnObserver) -> bool:
    """True when nothing that comes later could change a figure: the rest of the answer need not be heard."""
    answer = observer.answer
    return (
        answer is not None and answer.audible_s is not None and observer.transcribed and bool(observer.marks)
    )


def _compared(v2v_ms: float, recordings: Sequence[Recording], threads: int, say: Say) -> dict[str, object]:
    """The same weights, one after the other, in the same run; the service has ended by now."""
    from tests.bench.baseline import load_sequential  # loads the engines: not while the service is measured

    sequential = load_sequential(DOMAIN, threads)
    sequential.v2v_ms(recordings[0].question)  # warm-up
    baseline_ms = percentile([sequential.v2v_ms(recording.question) for recording in recordings], 50)
    ratio = round(baseline_ms / v2v_ms, 2)
    say(f"one engine after the other, p50: {baseline_ms:.0f} ms, {ratio} times this service's")
    return {"sequential_baseline_ms_p50": baseline_ms, "ratio": ratio}


def _parser() -> argparse.ArgumentParser:
    parser = audio_parser("v2v", __doc__)
    parser.add_argument("--runs", type=int, default=1, help="ask everything so often (default: %(default)s)")
    parser.add_argument("--url", help="a running service (default: one is started)")
    return parser


if __name__ == "__main__":
    main()
