"""How well chunks end where a good reader breaks: English and Chinese, ours beside simpler ways."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from assistant.reply import AHEAD_S
from llm.boundaries import n_words
from llm.engine import Token
from llm.local import LocalModel
from llm.pacing import WORD_S, Pacer
from tests.chinese_phrases import TEST

ENGLISH = Path(__file__).parent.parent / "data" / "english_prosody.txt"
TOKENS_PER_S = 20
LENGTHS = range(3, 13)  # words, or Chinese characters twice as many
MARKS = re.compile(r"[,;:.!?—，。！？；：]+[”’\"')]*\s*")
SENTENCE_ENDS = re.compile(r"[.!?。！？]+[”’\"')]*\s*")


@dataclass(frozen=True, slots=True)
class Reading:
    """A text, and the offsets in it after which a reader breaks, the end among them."""

    text: str
    breaks: frozenset[int]


def english(path: Path) -> list[Reading]:
    """Read a file of the Helsinki Prosody Corpus (arXiv:1908.02262), ten sentences to a reading.

    A break is its boundary 2, or a sentence's end.
    """
    sentences: list[tuple[str, set[int]]] = []
    for line in path.read_text(encoding="utf-8").splitlines():
        word, _, rest = line.partition("\t")
        if word == "<file>":
            sentences.append(("", set()))
            continue
        text, breaks = sentences[-1]
        if (boundary := rest.split("\t")[1]) == "NA":
            moved = {at + len(word) if at == len(text) else at for at in breaks}
            sentences[-1] = text + word, moved
            continue
        text += f" {word}" if text else word
        sentences[-1] = text, breaks | ({len(text)} if boundary == "2" else set())
    return _joined([(text, breaks | {len(text)}) for text, breaks in sentences if text], " ")


def chinese() -> list[Reading]:
    """The test half of the labelled Chinese sentences."""
    return _joined([(each.text, {*each.breaks, len(each.text)}) for each in TEST], "")


def _joined(sentences: Sequence[tuple[str, set[int]]], between: str) -> list[Reading]:
    readings = []
    for first in range(0, len(sentences), 10):
        text, breaks = "", set[int]()
        for sentence, ends in sentences[first : first + 10]:
            text += between if text else ""
            breaks |= {len(text) + end for end in ends}
            text += sentence
        readings.append(Reading(text, frozenset(breaks)))
    return readings


def f1(readings: Sequence[Reading], ends: Callable[[str], Iterable[int]]) -> float:
    """F1 of the offsets that `ends` gives for each text; spaces after a chunk do not count."""
    found = common = labelled = 0
    for reading in readings:
        offsets = {len(reading.text[:end].rstrip()) for end in ends(reading.text)} | {len(reading.text)}
        found += len(offsets)
        common += len(offsets & reading.breaks)
        labelled += len(reading.breaks)
    return round(2 * common / (found + labelled), 3)


def at_marks(text: str) -> set[int]:
    """Ends at every mark of punctuation."""
    return {match.end() for match in MARKS.finditer(text)}


def at_sentences(text: str) -> set[int]:
    """Ends at sentences, as LiveKit's agents split by default."""
    return {match.end() for match in SENTENCE_ENDS.finditer(text)}


def every(words: int) -> Callable[[str], set[int]]:
    """Ends every so many words, or twice as many Chinese characters."""

    def ends(text: str) -> set[int]:
        units = [match.end() for match in re.finditer(r"[A-Za-z0-9'’.-]+\s*|[\u3400-\u9fff]", text)]
        size = words if " " in text else 2 * words
        return set(units[size - 1 :: size])

    return ends


def paced(model: LocalModel) -> Callable[[str], set[int]]:
    """Ends where the pacer releases a chunk, with the decoder's own odds, at 20 tokens a second."""

    def ends(text: str) -> set[int]:
        pacer, queued_s, at, found = Pacer(), 0.0, 0, set[int]()
        for token in scored(model, text):
            chunks = pacer.feed(token.text, token.boundary, queued_s)
            for chunk in chunks:
                at += len(chunk.text)
                found.add(at)
                queued_s += n_words(chunk.text) * WORD_S
            queued_s = min(AHEAD_S, max(0.0, queued_s - 1 / TOKENS_PER_S))
        return found

    return ends


def scored(model: LocalModel, text: str) -> list[Token]:
    """The tokens of a text as if the decoder had written it, with the odds of a boundary in their place."""
    ids = model.tokenizer.encode(text)
    decoder = model.decoder()

    def odds() -> list[float]:
        decoder.prefill(ids, scored=len(ids))
        before = range(len(ids) - 1, 0, -1)  # what follows each but the last
        return [0.0, *(model.vocabulary.boundary(row) for row in decoder.logits(*before))]

    ends = [len(model.tokenizer.decode(ids[: i + 1]).rstrip("\ufffd")) for i in range(len(ids))]
    texts = [text[start:end] for start, end in zip([0, *ends], ends, strict=False)]
    return [
        Token(id, part, probability)
        for id, part, probability in zip(ids, texts, model.scheduler.run(odds), strict=True)
    ]


def figures(model: LocalModel, path: Path) -> dict[str, dict[str, float]]:
    """F1 of each way in each language."""
    ours = paced(model)
    return {
        name: {
            "punctuation": f1(readings, at_marks),
            "fixed_length": max(f1(readings, every(words)) for words in LENGTHS),
            "sentences": f1(readings, at_sentences),
            "ours": f1(readings, ours),
        }
        for name, readings in (("english", english(path)), ("chinese", chinese()))
    }
