"""Red flags in words that no pattern has: learned from a domain's wordings.

A line of `wordings.jsonl` is what people say, and the red flag that it raises, null for none:

    {"text": "the left side of his mouth is sort of slipping", "flag": "stroke"}
    {"text": "my face is red after the gym", "flag": null}

What the entries are asked by raises none either, unless a pattern says so.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from itertools import pairwise

import numpy as np

from assistant.red_flags import RedFlag
from assistant.retrieval import Encoder, Floats
from assistant.wording import is_chinese, words
from assistant.wordings import Wording
from llm.classifier import Classifier, Example, fit

SURE = 0.5  # the least probability that a text raises any red flag at all
FEWEST = 50  # wordings of either kind in a language: from fewer, little can be learned
_HAN = re.compile(r"[\u3400-\u9fff]+")

Fit = Callable[[Sequence[Example], int], Classifier]  # from examples of so many classes


class Alarms:
    """What a domain's wordings teach about its red flags. Thread-safe."""

    def __init__(
        self, flags: Sequence[RedFlag], wordings: Sequence[Wording], encoder: Encoder, learn: Fit = fit
    ) -> None:
        """Learn, which takes seconds. `encoder`: the meaning of English texts."""
        self._flags = {flag.id: flag for flag in flags}
        self._ids = sorted(self._flags)
        self._encoder = encoder
        self._learned = {
            chinese: self._fitted([each for each in wordings if is_chinese(each.text) == chinese], learn)
            for chinese in (False, True)
        }

    def _fitted(self, wordings: Sequence[Wording], learn: Fit) -> Classifier | None:
        raising = sum(each.flag is not None for each in wordings)
        if min(raising, len(wordings) - raising) < FEWEST:
            return None
        classes: dict[str | None, int] = {None: 0} | {flag: 1 + at for at, flag in enumerate(self._ids)}
        vectors = self._vectors([each.text for each in wordings])
        examples = [
            Example(vector, grams(each.text), classes[each.flag])
            for each, vector in zip(wordings, vectors, strict=True)
        ]
        return learn(examples, len(classes))

    def _vectors(self, texts: Sequence[str]) -> Floats:
        """Return what texts of one language mean: [texts, dim]; of Chinese, which nothing reads, dim is 0."""
        if is_chinese(texts[0]):
            return np.zeros((len(texts), 0), np.float32)
        return self._encoder.encode_all(texts)

    def nearest(self, said: str) -> RedFlag | None:
        """Return the red flag that a text most probably raises."""
        probable = self.probabilities(said)
        if probable is None or 1 - probable[0] < SURE:
            return None
        return self._flags[self._ids[int(np.argmax(probable[1:]))]]

    def probabilities(self, said: str) -> Floats | None:
        """Return how probable it is that a text raises none, and each of the flags by id: [1 + flags].

        None where too few wordings are of its language.
        """
        chinese = is_chinese(said)
        learned = self._learned[chinese]
        if learned is None:
            return None
        vector = np.zeros(0, np.float32) if chinese else self._encoder.encode(said)
        return learned.probabilities(vector, grams(said))


def grams(text: str) -> list[str]:
    """Return the words of a text by stem, their pairs, and runs of up to three Chinese characters."""
    stems = [word.stem for word in words(text)]
    found = [*stems, *(f"{one} {other}" for one, other in pairwise(stems))]
    for run in _HAN.findall(text):
        found += [run[at : at + size] for size in (1, 2, 3) for at in range(len(run) - size + 1)]
    return found
