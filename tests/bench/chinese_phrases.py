"""How well cuts in Chinese agree with the breaks of a good reader, and what they cost a token.

    python -m tests.bench.chinese_phrases

On the test half of the labelled sentences; the fixed length is the best on the development half. The last
line printed is one JSON object.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable
from dataclasses import asdict

from llm.boundaries import Strength, cuts
from tests.bench.machine import this_machine
from tests.chinese_phrases import DEVELOPMENT, SENTENCES, TEST, Sentence, agreement

LENGTHS = range(4, 21)  # characters
LONGEST = 240  # characters that the pacer ever holds

Cutter = Callable[[Sentence], Iterable[int]]


def main() -> None:
    """Measure and print."""
    machine = this_machine()
    length = max(LENGTHS, key=lambda n: agreement(DEVELOPMENT, every(n)).f1)
    ways: dict[str, Cutter] = {
        "sentences only": sentences_only,
        f"every {length} characters": every(length),
        "marks only": lambda sentence: sentence.marks,
        "ours": ours,
    }
    print(f"machine: {machine}")
    print(f"{len(TEST)} sentences, {sum(len(sentence.breaks) for sentence in TEST)} breaks")
    print(f"{'':24}{'precision':>10}{'recall':>8}{'F1':>8}{'F1 without a mark':>20}")
    report: dict[str, object] = {}
    for name, cutter in ways.items():
        found, unmarked = agreement(TEST, cutter), agreement(TEST, cutter, unmarked=True)
        print(f"{name:24}{found.precision:10.3f}{found.recall:8.3f}{found.f1:8.3f}{unmarked.f1:20.3f}")
        report[name] = {**asdict(found), "unmarked": asdict(unmarked)}
    development = agreement(DEVELOPMENT, ours)
    cost_us = us_per_token()
    print(f"ours on the development half: F1 {development.f1:.3f}")
    print(f"all cuts of a growing text of up to {LONGEST} characters: {cost_us:.0f} us a token")
    report |= {
        "development": asdict(development),
        "us_per_token": round(cost_us, 1),
        "machine": asdict(machine),
    }
    print(json.dumps(report, ensure_ascii=False))


def ours(sentence: Sentence) -> set[int]:
    """The cuts at which the voice rests."""
    strong = {cut.offset for cut in cuts(sentence.text, {}) if cut.strength >= Strength.PHRASE}
    return strong - {len(sentence.text)}


def every(length: int) -> Cutter:
    """A cut every `length` characters, whatever is there."""
    return lambda sentence: range(length, len(sentence.text), length)


def sentences_only(sentence: Sentence) -> set[int]:
    """The cuts after a full stop or a question mark."""
    return {offset for offset in sentence.marks if sentence.text[offset - 1] in "。？！"}


def us_per_token() -> float:
    """Microseconds that one more token costs, over texts that grow by two characters."""
    whole = "".join(sentence.text for sentence in SENTENCES)
    texts = [whole[start : start + LONGEST] for start in range(0, len(whole) - LONGEST, LONGEST)]
    cuts(texts[0], {})  # warm-up: reads the dictionary
    began = time.perf_counter()
    for text in texts:
        for end in range(2, len(text), 2):
            cuts(text[:end], {})
    return (time.perf_counter() - began) / (len(texts) * LONGEST / 2) * 1e6


if __name__ == "__main__":
    main()
