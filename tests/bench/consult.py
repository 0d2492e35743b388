"""Consultations: is what is said in the passages, are red flags caught, is it said when nothing is known.

    python -m tests.bench.consult [PATH ...] [--domain NAME] [--sample N] [--no-model] [--json]

PATH: a domain's folder (its dialogues.jsonl), or a file of that form; by default both domains of samples/.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path

from assistant.consultation import Consultation
from assistant.engines import load_consultation
from assistant.own_service import own_service
from assistant.persona import SAMPLES, load_persona
from assistant.weights import Store
from tests.bench.consult_answers import Judged, ask_all, plain_domain
from tests.bench.consult_dialogues import Talk, Turn, read_talks
from tests.bench.consult_lookup import hits_by_method, look_up
from tests.bench.machine import this_machine

Say = Callable[[str], None]
DIALOGUES = "dialogues.jsonl"
WARM_UP = Talk("warm-up", (Turn("Hello!", smalltalk=True),))
SEED = 1  # of the sample


def main(argv: Sequence[str] | None = None) -> None:
    """Measure and print."""
    args = _parser().parse_args(argv)
    say: Say = (lambda line: None) if args.json else print
    machine = this_machine()
    say(f"machine: {machine}")
    reports = {}
    for path in args.paths or [SAMPLES / "medical", SAMPLES / "finance"]:
        file = path / DIALOGUES if path.is_dir() else path
        domain = args.domain or file.parent
        reports[str(file)] = _measured(file, domain, args, say)
    print(json.dumps({"files": reports, "machine": asdict(machine)}, ensure_ascii=False))


def _measured(file: Path, domain: str | Path, args: argparse.Namespace, say: Say) -> dict[str, object]:
    persona, talks = load_persona(domain), read_talks(file)
    consultation = Consultation(persona) if args.words_alone else load_consultation(persona, Store())
    say(f"\n{file}: {len(talks)} dialogues, {len(persona.entries)} entries of {persona.name}")
    report = look_up(consultation, talks, say).report()
    if consultation.retriever is not None:
        report["hit_at_3_by_method"] = hits_by_method(consultation.retriever, talks)
    if not args.no_model:
        report |= asyncio.run(_answers(consultation, args, talks, say))
    for name, value in report.items():
        say(f"{name}: {value}")
    return report


async def _answers(
    consultation: Consultation, args: argparse.Namespace, talks: list[Talk], say: Say
) -> dict[str, object]:
    """Ask a service of its own, over its socket."""
    asked = talks if args.sample is None else random.Random(SEED).sample(talks, min(args.sample, len(talks)))
    folder = consultation.persona.folder

    def ask(url: str) -> dict[str, object]:
        judged = Judged()
        for line in ask_all(url, consultation, asked, judged):
            say(line)
        return {**judged.report(), "dialogues_asked": len(asked)}

    with plain_domain(folder) as plain:
        async with own_service(["--text-only", "--domain", str(folder), "--domain", str(plain)]) as url:
            await asyncio.to_thread(lambda: list(ask_all(url, consultation, [WARM_UP], Judged())))
            return await asyncio.to_thread(ask, url)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "tests.bench.consult", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "paths", nargs="*", type=Path, metavar="PATH", help="a domain's folder or a .jsonl file"
    )
    parser.add_argument("--domain", help="whose dialogues they are (default: the folder that holds the file)")
    parser.add_argument(
        "--sample", type=int, metavar="N", help="ask the model so many dialogues, drawn with a fixed seed"
    )
    parser.add_argument(
        "--no-model", action="store_true", help="only what is decided before the model is asked"
    )
    parser.add_argument(
        "--words-alone", action="store_true", help="find passages without the sentence encoder"
    )
    parser.add_argument("--json", action="store_true", help="print nothing but the JSON line")
    return parser


if __name__ == "__main__":
    main()
