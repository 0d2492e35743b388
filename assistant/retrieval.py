"""Which entries of the knowledge a question is about, and whether any supports an answer at all.

Three scores are put together. By words: BM25 (bm25s, arXiv:2407.03618) over all that an entry says and is
asked by, as a share of the best that it could be: a word that no entry has counts against all of them.
By the wording that is nearest to the question, as words. By meaning, where there is an encoder for it: the
nearest of the entry's lines. To these comes what was learned from wordings, where a domain has them: how
probable each entry is, of the question by itself and of it behind the one before, and that any answers at
all; else the best score must reach a floor.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol

import bm25s
import numpy as np
from numpy.typing import NDArray
from rapidfuzz import fuzz, process

from assistant.knowledge import Entry
from assistant.wording import is_chinese, statements, terms, words
from llm.words_zh import HAN

Floats = NDArray[np.float32]
_LEANS = re.compile(
    r"(?:it|they|this|that|these|those|he|she|then|also|but|so|and|or|if not|otherwise|both|each|neither)\b"
    r"|(?:它|这|那|他|她|但|而|如果不|否则|也|还)",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Blend:
    """How scores become one, and the least that supports an answer.

    Chosen on the dialogues and examinations in samples/; `python -m tests.bench.consult` shows what they do
    elsewhere.
    """

    by_words: float
    by_wording: float
    by_meaning: float
    floor: float  # below it nothing is supported, where nothing was learned
    leaning: float  # what the question before adds to one that leans on it
    following: float = 0.1  # and to any other


ENGLISH = Blend(0.33, 0.17, 0.5, floor=0.35, leaning=0.0)
CHINESE = Blend(0.25, 0.25, 0.5, floor=0.35, leaning=0.3)
ENGLISH_ALONE = Blend(0.5, 0.5, 0.0, floor=0.33, leaning=0.3)  # without an encoder
CHINESE_ALONE = Blend(0.5, 0.5, 0.0, floor=0.13, leaning=0.3)
MISSPELT = 84  # of 100: how alike a word that no entry has is to one that it is read as ("paracetemol")
LEAST_MISSPELT = 5  # characters; of shorter words, too many are alike
FEW_TERMS = 2  # a question of so few says what it is about together with the one before
FIRST = 0.15  # by how much another sentence must be nearer to a question than the first, which answers most
LEARNED = 1.0  # what a probability of 1 adds to the score of an entry, of one question or of two
RARE = 1e-3  # a probability that adds nothing; between the two it goes by the logarithm
KNOWN = 0.6  # the least probability that any entry answers
FOREIGN = 0.15  # what is less probably known, by itself, has left the subject of the question before
LEAST = 0.2  # the least score of which anything is supported, whatever was learned
KEPT_QUESTIONS = 64  # a growing transcript is asked again and again


class Encoder(Protocol):
    """Texts to vectors of length 1."""

    def encode(self, text: str) -> Floats:
        """Return what the text means: [dim]."""
        ...

    def encode_all(self, texts: Sequence[str]) -> Floats:
        """Return what each of many texts means: [texts, dim]."""
        ...


class Likely(Protocol):
    """What was learned of the entries."""

    def probabilities(self, question: str) -> Floats | None:
        """Return how probable it is that nothing is known, and that each entry answers: [1 + entries].

        None: nothing was learned in the language of the question.
        """
        ...


@dataclass(frozen=True, slots=True)
class Hit:
    """An entry and how much it has to do with the question."""

    entry: Entry
    score: float


@dataclass(frozen=True, slots=True)
class Found:
    """The entries nearest to a question, the nearest first."""

    hits: tuple[Hit, ...]
    supported: bool  # the knowledge has an answer


class Retriever:
    """The entries of one domain. Thread-safe."""

    def __init__(
        self, entries: Sequence[Entry], encoder: Encoder | None = None, topics: Likely | None = None
    ) -> None:
        """`encoder`: compares by meaning, None: words alone decide; `topics`: what was learned of them."""
        self._topics = topics
        self.entries = tuple(entries)
        self._encoder = encoder
        texts = [[term for line in lines(entry) for term in terms(line)] for entry in self.entries]
        self._frequency = Counter(term for text in texts for term in set(text))
        self._bm25 = bm25s.BM25(method="lucene")
        self._bm25.index(texts, show_progress=False)
        self._wordings = [[set(terms(line)) for line in wordings(entry)] for entry in self.entries]
        self._spelling = [
            term for term in self._frequency if len(term) >= LEAST_MISSPELT and not HAN.match(term)
        ]
        self._rows: dict[str, int] = {}  # of the vectors, by what they are of
        self._vectors, self._owners = self._encoded()
        self.search = lru_cache(KEPT_QUESTIONS)(self._search)

    def _encoded(self) -> tuple[Floats, NDArray[np.int64]]:
        if self._encoder is None:
            return np.zeros((0, 0), np.float32), np.zeros(0, np.int64)
        all_lines = [(line, at) for at, entry in enumerate(self.entries) for line in sayings(entry)]
        vectors = self._encoder.encode_all([line for line, _ in all_lines])
        self._rows = {line: row for row, (line, _) in enumerate(all_lines)}
        return vectors, np.array([at for _, at in all_lines])

    def _search(self, question: str, before: str = "", most: int = 3) -> Found:
        """Return the entries nearest to a question that may go on from the one `before`."""
        scores, supported = self._judged(question, before)
        nearest = np.argsort(-scores, kind="stable")[:most]
        return Found(tuple(Hit(self.entries[at], float(scores[at])) for at in nearest), supported)

    def _judged(self, question: str, before: str) -> tuple[Floats, bool]:
        """Return the score of every entry, all told, and whether any supports an answer."""
        scores, likely = self.leaning(question, before), self._likely(question, before)
        best = scores.max(initial=0.0)
        if not likely:
            return scores, bool(best >= self._blend(question).floor)
        readings = [1 - float(each[0]) for each in likely]
        leans = readings[0] >= FOREIGN and goes_on(question)
        known = max(readings) if leans else readings[0]
        return _with_learned(scores, likely), known >= KNOWN and bool(best >= LEAST)

    def _likely(self, question: str, before: str) -> list[Floats]:
        """Return what was learned of a question, then of it behind the one before; nothing if nothing was."""
        if self._topics is None:
            return []
        asked = (question, f"{before} {question}") if before else (question,)
        likely = [self._topics.probabilities(each) for each in asked]
        return [] if likely[0] is None else [each for each in likely if each is not None]

    def scores(self, question: str) -> Floats:
        """Score every entry, without what was learned: [entries], 0 to 1."""
        blend, asked = self._blend(question), self._read(question)
        total = blend.by_words * self.by_words(asked) + blend.by_wording * self.by_wording(asked)
        if blend.by_meaning:
            total = total + blend.by_meaning * self.by_meaning(question)
        return np.asarray(total, np.float32)

    def _blend(self, question: str) -> Blend:
        if self._encoder is None:
            return CHINESE_ALONE if is_chinese(question) else ENGLISH_ALONE
        return CHINESE if is_chinese(question) else ENGLISH

    def nearest_statement(self, question: str, text: str) -> str:
        """Return the sentence of a passage that answers a question best; the first, unless another does more.

        None that leans on the one before it.
        """
        said = statements(text)
        alone = [each for each in said[1:] if not _LEANS.match(each)]
        asked = set(terms(question))
        meant = None if self._encoder is None else self._encoder.encode(question)

        def likeness(statement: str) -> float:
            own = set(terms(statement))
            shared = sum(self._weight(term) for term in own & asked)
            near = shared / (1 + sum(map(self._weight, asked)))
            if meant is not None and self._encoder is not None:
                row = self._rows.get(statement)
                near += float(
                    meant @ (self._encoder.encode(statement) if row is None else self._vectors[row])
                )
            return near + (FIRST if statement == said[0] else 0.0)

        return max((said[0], *alone), key=likeness)

    def by_method(self, question: str, before: str) -> dict[str, Floats]:
        """Each score by itself: [entries]; for who measures what they are worth."""
        asked = self._read(f"{before} {question}" if before and goes_on(question) else question)
        found = {"bm25": self.by_words(asked), "wording": self.by_wording(asked)}
        if self._encoder is not None:
            found["meaning"] = self.by_meaning(question)
        if likely := self._likely(question, before):
            found["learned"] = _with_learned(np.zeros(len(self.entries), np.float32), likely)
        return {**found, "fused": self._judged(question, before)[0]}

    def leaning(self, question: str, before: str) -> Floats:
        """Score every entry for a question that may go on from the one before: [entries], 0 to 1."""
        scores, blend = self.scores(question), self._blend(question)
        if not before:
            return scores
        if not goes_on(question):
            return np.asarray(scores + blend.following * self.scores(before), np.float32)
        both = np.maximum(scores, self.scores(f"{before} {question}"))
        return np.asarray(both + blend.leaning * self.scores(before), np.float32)

    def by_words(self, asked: Sequence[str]) -> Floats:
        """BM25 as a share of what an entry with nothing but the asked words would have: [entries]."""
        known = [term for term in asked if term in self._frequency]
        if not known:
            return np.zeros(len(self.entries), np.float32)
        scores = self._bm25.get_scores(known)
        best = sum(self._weight(term) for term in asked)
        return np.asarray(np.minimum(1, scores / best), np.float32)

    def by_wording(self, asked: Sequence[str]) -> Floats:
        """How much of the question and of the nearest wording is the same (Dice, by weight): [entries]."""
        wanted = set(asked)
        weight = {term: self._weight(term) for term in wanted}
        total = sum(weight.values())

        def likeness(wording: set[str]) -> float:
            shared = sum(weight[term] for term in wanted & wording)
            return 2 * shared / (total + sum(map(self._weight, wording))) if shared else 0.0

        best = (max(map(likeness, wordings_), default=0.0) for wordings_ in self._wordings)
        return np.fromiter(best, np.float32, len(self.entries))

    def by_meaning(self, question: str) -> Floats:
        """Cosine with the nearest line, of the question or of its last sentence: [entries]."""
        assert self._encoder is not None
        asked = {question, *statements(question)[-1:]}  # what comes before it is often its story
        likeness = np.max([self._vectors @ self._encoder.encode(each) for each in asked], axis=0)
        best = np.zeros(len(self.entries), np.float32)
        np.maximum.at(best, self._owners, likeness)
        return best

    def _weight(self, term: str) -> float:
        """Return what a term tells (Lucene's idf); one that no entry has tells the most."""
        count, total = self._frequency.get(term, 0), len(self.entries)
        return float(np.log(1 + (total - count + 0.5) / (count + 0.5)))

    def _read(self, question: str) -> list[str]:
        """Return the terms of a question, misspelt ones as the entries spell them."""
        return [self._spelt(term) for term in terms(question)]

    def _spelt(self, term: str) -> str:
        if term in self._frequency or len(term) < LEAST_MISSPELT or HAN.match(term):
            return term
        nearest = process.extractOne(term, self._spelling, scorer=fuzz.ratio, score_cutoff=MISSPELT)
        return term if nearest is None else str(nearest[0])


def _with_learned(scores: Floats, likely: Sequence[Floats]) -> Floats:
    """Add what was learned of each reading of a question: what one of them rules out gains little."""
    for each in likely:
        among = each[1:] / max(RARE, 1 - float(each[0]))  # the entries, if any answers
        scores = scores + LEARNED * (1 - np.log(among + RARE) / np.log(RARE))
    return np.asarray(scores, np.float32)


def wordings(entry: Entry) -> tuple[str, ...]:
    """Return the ways in which an entry is asked for."""
    return (entry.title, *entry.asks, *entry.zh_asks)


def lines(entry: Entry) -> tuple[str, ...]:
    """Return all that an entry is found by."""
    return (*wordings(entry), entry.text, entry.zh)


def sayings(entry: Entry) -> tuple[str, ...]:
    """Return the lines that are compared by meaning: all, and each sentence of its texts."""
    return (*filter(None, lines(entry)), *statements(entry.text), *statements(entry.zh))


def goes_on(question: str) -> bool:
    """Whether a question leans on the one before: it names too little, or points back."""
    said = words(question)
    points = {"it", "that", "this", "them", "they", "those", "these", "one", "ones", "same", "too", "either"}
    begins = {"and", "what", "how", "or", "but", "also", "那", "那么", "还有"}
    short = len(set(terms(question))) <= FEW_TERMS
    return bool(said) and (
        short
        or any(word.text in points or word.text in ("它", "这", "那", "这个", "那个") for word in said)
        or (said[0].text in begins - {"what", "how"} and len(said) <= 8)
    )
