"""The wire: what the network takes of the wait for an answer, and what connections that do nothing take.

    python -m tests.bench.wire [--audio DIR] [--json] [--rtt MS] [--only FIGURE]

`network_share_of_v2v`: voice to voice over a link with this round trip, minus the same over none, as a share
of the former: the median over questions, each of which is asked of the same service both ways, in turn.
`connections_held`, `memory_per_idle_connection_kib`: of 1,000 connections to one process with real sessions
and engines that take nothing, after a minute.
`key_info_time_ratio`: until all key words of a long answer are on screen at 16 kbit/s, its voice beside it;
by worth, over in order.
`bytes_ratio_brotli_vs_deflate` (`_15`: with its largest window), `compress_ms_p95`, `opus_vs_pcm_bytes`: of a
conversation.
`resume_lost_samples`: lost or doubled in either direction over `resume_cuts` cuts of the line.
The last line printed is one JSON object.
"""

from __future__ import annotations

import argparse
import asyncio
import json
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import asdict
from urllib.parse import urlsplit

import numpy as np

from assistant.own_service import own_service
from tests.bench import key_info, resuming, wire_bytes
from tests.bench.arguments import audio_parser
from tests.bench.figures import Result, percentile
from tests.bench.idle import hold
from tests.bench.machine import this_machine
from tests.bench.recordings import read_folder
from tests.bench.shaping import Link, shaped
from tests.bench.v2v import DOMAIN, SEED, Say, ask

IDLE_CONNECTIONS = 1000
IDLE_S = 60.0

Figures = dict[str, float]


def main(argv: Sequence[str] | None = None) -> None:
    """Measure and print."""
    args = _parser().parse_args(argv)
    say: Say = (lambda line: None) if args.json else print
    machine = this_machine()
    say(f"machine: {machine}")
    figures: Figures = {}
    for name in [args.only] if args.only else MEASURES:
        figures |= asyncio.run(MEASURES[name](args, say))
    print(json.dumps({**figures, "rtt_ms": args.rtt, "seed": SEED, "machine": asdict(machine)}))


async def _network_share(args: argparse.Namespace, say: Say) -> Figures:
    """Each question is asked twice, once over each way, so that a busy machine disturbs both alike."""
    recordings = read_folder(args.audio, np.random.default_rng(SEED))
    say(f"{len(recordings)} recordings in {args.audio}, seed {SEED}, warm-up: 1 question")
    near: list[Result] = []
    far: list[Result] = []
    async with own_service(["--domain", DOMAIN]) as url:
        address = urlsplit(url)
        assert address.hostname is not None and address.port is not None
        async with shaped(address.hostname, address.port, Link(rtt_ms=args.rtt, seed=SEED)) as port:
            far_url = address._replace(netloc=f"{address.hostname}:{port}").geturl()
            await ask(recordings[0], url)
            for recording in recordings:
                near.append(await ask(recording, url))
                far.append(await ask(recording, far_url))
                say(f"{recording.file:<28} {near[-1].v2v_ms:>6.0f} ms, {far[-1].v2v_ms:>6.0f} over the link")
    return network_share(near, far)


def network_share(near: Sequence[Result], far: Sequence[Result]) -> Figures:
    """The medians of both ways, and of what the link adds to a question, in ms and as a share of its wait."""
    waits = [(under.v2v_ms, over.v2v_ms) for under, over in zip(near, far, strict=True)]
    return {
        "v2v_ms_p50": percentile([under for under, _ in waits], 50),
        "v2v_over_link_ms_p50": percentile([over for _, over in waits], 50),
        "network_ms_p50": percentile([over - under for under, over in waits], 50),
        "network_share_of_v2v": round(float(np.median([(over - under) / over for under, over in waits])), 4),
    }


async def _idle(_: argparse.Namespace, say: Say) -> Figures:
    idle = await hold(IDLE_CONNECTIONS, IDLE_S)
    say(
        f"{idle.held} of {IDLE_CONNECTIONS} idle connections after {idle.seconds:g} s,"
        f" {idle.kib_each} KiB each, {idle.threads} threads"
    )
    return {"connections_held": idle.held, "memory_per_idle_connection_kib": idle.kib_each}


async def _key_info(_: argparse.Namespace, say: Say) -> Figures:
    ours, in_order = await key_info.shown()
    for one, other in zip(ours, in_order, strict=True):
        say(
            f"key words {one.key_s:.1f} s of {one.all_s:.1f}; in order {other.key_s:.1f} of {other.all_s:.1f}"
        )
    ours_s, in_order_s = (percentile([1000 * each.key_s for each in way], 50) for way in (ours, in_order))
    return {
        "key_info_ms_p50": ours_s,
        "key_info_in_order_ms_p50": in_order_s,
        "key_info_time_ratio": round(ours_s / in_order_s, 3),
    }


async def _bytes(_: argparse.Namespace, say: Say) -> Figures:
    say(f"a typed conversation, answered aloud, at {wire_bytes.RATE_KBPS} kbit/s")
    return await wire_bytes.figures()


async def _resume(_: argparse.Namespace, say: Say) -> Figures:
    lost, cuts = await resuming.lost_samples()
    say(f"{lost} samples lost or doubled over {cuts} cuts")
    return {"resume_lost_samples": lost, "resume_cuts": cuts}


# A figure of the wire joins with its line here.
MEASURES: dict[str, Callable[[argparse.Namespace, Say], Coroutine[None, None, Figures]]] = {
    "network_share": _network_share,
    "idle": _idle,
    "key_info": _key_info,
    "bytes": _bytes,
    "resume": _resume,
}


def _parser() -> argparse.ArgumentParser:
    parser = audio_parser("wire", __doc__)
    parser.add_argument(
        "--rtt", type=float, default=50.0, metavar="MS", help="of the link (default: %(default)s)"
    )
    parser.add_argument("--only", choices=MEASURES, help="measure this alone")
    return parser


if __name__ == "__main__":
    main()
