"""Pictures: what is read in them, and whether answers name what stands there.

Six made-up papers (`tests.rendered`), each as it was drawn, turned by 3 degrees, and as hurried photos of it,
from near and from afar, spoilt by the seed. Characters are compared without spaces: Chinese has none to lose.
A row counts as right when all of it is, in one line; `sure_and_wrong` are the lines taken as facts that stand
so on no paper.

The answers are the default model's, in text, to the paper as it was read on its photo and a question about
it, under the domain's own instructions; right means that the value is named.
"""

from __future__ import annotations

import argparse
import json
import resource
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass

import numpy as np
from PIL import Image
from rapidfuzz.distance import Levenshtein

from assistant.engines import EngineConfig, load_language_model
from assistant.image_reading import RapidOcr, read_picture
from assistant.persona import load_persona
from assistant.pictures import ReadPicture
from assistant.weights import Store
from llm.engine import Sampling
from tests.bench.machine import this_machine
from tests.rendered import (
    BILL,
    BILL_ZH,
    LAB,
    LAB_ZH,
    PAPERS,
    PRESCRIPTION,
    Paper,
    askew,
    drawn,
    encoded,
    photographed,
)
from transport.image_header import read_header

SEED = 5
PHOTOS = 4  # of each paper, near and far
WAYS = ("drawn", "askew", "photo", "far")
QUESTIONS = (
    (LAB, "medical", "What is my haemoglobin?", "10.2"),
    (LAB, "medical", "How many platelets do I have?", "243"),
    (LAB, "medical", "What does it say about my fasting glucose?", "5.4"),
    (PRESCRIPTION, "medical", "How many milligrams of amoxicillin are in a capsule?", "500"),
    (PRESCRIPTION, "medical", "For how many days do I take the amoxicillin?", "7 days"),
    (BILL, "finance", "How much do I have to pay in all?", "152.94"),
    (BILL, "finance", "What did the electricity cost?", "61.80"),
    (BILL, "finance", "How much is the standing charge?", "12.50"),
    (LAB_ZH, "medical", "我的血红蛋白是多少？", "102"),
    (BILL_ZH, "finance", "物业管理费是多少钱？", "180"),
)


@dataclass(frozen=True, slots=True)
class Reading:
    """One picture's."""

    paper: str
    way: str
    characters_right: float
    rows_right: int
    rows: int
    sure_wrong: int  # of the lines that are taken as facts, what stands so on no row
    sure: int
    unsure: int
    unsure_wrong: int
    ms: float


def pictures(rng: np.random.Generator) -> Iterator[tuple[Paper, str, Image.Image]]:
    """Every paper in every way."""
    for paper in PAPERS:
        image = drawn(paper)
        yield paper, "drawn", image
        yield paper, "askew", askew(image, 3.0)
        for _ in range(PHOTOS):
            yield paper, "photo", photographed(image, rng)
        small = drawn(paper, 520, 13)  # a page from afar: letters 9 pixels tall
        for _ in range(PHOTOS):
            yield paper, "far", photographed(small, rng)


def read(image: Image.Image, finder: RapidOcr) -> tuple[ReadPicture, float]:
    """Return what is read in the picture's file, and the seconds it took."""
    data = encoded(image, "JPEG", quality=85)
    header = read_header(data)
    assert header is not None
    started_s = time.perf_counter()
    found = read_picture(data, header, finder)
    return found, time.perf_counter() - started_s


def judged(paper: Paper, way: str, found: ReadPicture, took_s: float) -> Reading:
    """Hold what was read against the paper."""
    wanted = [_bare(line) for line in paper.lines]
    lines = [_bare(line.text) for line in found.lines]
    facts = [_bare(line.text) for line in found.facts]
    distance = Levenshtein.distance("".join(wanted), "".join(lines))
    return Reading(
        paper.name,
        way,
        round(1 - distance / len("".join(wanted)), 4),
        sum(line in lines for line in wanted),
        len(wanted),
        sum(line not in wanted for line in facts),
        len(facts),
        len(lines) - len(facts),
        sum(_bare(line.text) not in wanted for line in found.lines if line.uncertain),
        round(took_s * 1000),
    )


def _bare(text: str) -> str:
    return "".join(text.split())


def answers(finder: RapidOcr) -> list[dict[str, object]]:
    """Ask the default model about each paper's photo."""
    model = load_language_model(EngineConfig(), Store())
    told, rng = dict[str, str](), np.random.default_rng(SEED)
    results = list[dict[str, object]]()
    for paper, domain, question, value in QUESTIONS:
        if paper.name not in told:
            told[paper.name] = read(photographed(drawn(paper), rng), finder)[0].told()
        chat = model.chat(load_persona(domain).prompt)
        sampling = Sampling(max_tokens=120, temperature=0.0)
        asked = f"{told[paper.name]}\n{question}"
        said = "".join(token.text for token in chat.reply(asked, sampling))
        chat.close()
        results.append({"question": question, "value": value, "right": value in said, "said": said})
    return results


def summary(readings: Sequence[Reading]) -> dict[str, object]:
    """What the readings of one way come to."""
    return {
        "pictures": len(readings),
        "characters_right": round(float(np.mean([each.characters_right for each in readings])), 4),
        "rows_right": f"{sum(each.rows_right for each in readings)}/{sum(each.rows for each in readings)}",
        "sure_and_wrong": f"{sum(each.sure_wrong for each in readings)}"
        f"/{sum(each.sure for each in readings)}",
        "unsure_and_wrong": f"{sum(each.unsure_wrong for each in readings)}"
        f"/{sum(each.unsure for each in readings)}",
        "ms_median": float(np.median([each.ms for each in readings])),
        "ms_worst": max(each.ms for each in readings),
    }


def main() -> None:
    """Print what was read and answered, then a JSON line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--no-answers", action="store_true", help="only read")
    args = parser.parse_args()
    machine = this_machine()
    print(f"{machine}; seed {SEED}; one thread")
    started_s = time.perf_counter()
    finder = RapidOcr()
    print(f"loaded in {time.perf_counter() - started_s:.1f} s")
    read(drawn(LAB), finder)  # the first run of a graph is slower
    readings = list[Reading]()
    for paper, way, image in pictures(np.random.default_rng(SEED)):
        readings.append(judged(paper, way, *read(image, finder)))
    ways = {way: summary([each for each in readings if each.way == way]) for way in WAYS}
    for way, figures in ways.items():
        print(f"{way:6}", figures)
    print(f"at most {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB of memory so far")
    asked = [] if args.no_answers else answers(finder)
    for each in asked:
        print(
            "right" if each["right"] else "WRONG", f"{each['value']!r}", each["question"], "->", each["said"]
        )
    if asked:
        print(f"answers that name the value: {sum(bool(each['right']) for each in asked)}/{len(asked)}")
    print(
        json.dumps(
            {"machine": asdict(machine), "seed": SEED, "ways": ways, "answers": asked}, ensure_ascii=False
        )
    )


if __name__ == "__main__":
    main()
