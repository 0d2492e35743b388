"""What a domain's wordings teach: to which of some classes what people say belongs, in either language."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Sequence
from itertools import pairwise

from assistant.retrieval import Encoder, Floats
from assistant.wording import is_chinese, words
from llm.classifier import Classifier, Example, fit

FEWEST = 50  # examples of class 0, and of all others: from fewer, little can be learned
_HAN = re.compile(r"[\u3400-\u9fff]+")

Keep = Callable[[str, Callable[[], Classifier]], Classifier]  # by a key: what was made for it, or is made now


def made_anew(key: str, make: Callable[[], Classifier]) -> Classifier:
    """Keep nothing."""
    return make()


class Learned:
    """Tells classes apart, 0 being none of them. Thread-safe."""

    def __init__(
        self,
        said: Sequence[tuple[str, int]],
        classes: int,
        encoder: Encoder,
        *,
        penalty: float,
        weight: float,
        keep: Keep = made_anew,
    ) -> None:
        """Learn from texts and their classes, which takes seconds. `encoder`: what texts mean.

        `penalty`, `weight`: see `fit`, the latter of the words; `keep`: where it was learned before.
        """
        self._encoder = encoder
        self._classes, self._fit = classes, {"penalty": penalty, "words": weight}
        self._by_language = {
            chinese: self._kept([each for each in said if is_chinese(each[0]) == chinese], keep)
            for chinese in (False, True)
        }

    def _kept(self, said: Sequence[tuple[str, int]], keep: Keep) -> Classifier | None:
        others = sum(label > 0 for _, label in said)
        if min(others, len(said) - others) < FEWEST:
            return None
        told = json.dumps([said, self._classes, self._fit]).encode()
        return keep(hashlib.sha256(told).hexdigest()[:32], lambda: self._fitted(said))

    def _fitted(self, said: Sequence[tuple[str, int]]) -> Classifier:
        vectors = self._encoder.encode_all([text for text, _ in said])
        examples = [
            Example(vector, grams(text), label) for (text, label), vector in zip(said, vectors, strict=True)
        ]
        return fit(examples, self._classes, **self._fit)

    def probabilities(self, text: str) -> Floats | None:
        """Return how probable each class is: [classes]; None where the language had too few examples."""
        classifier = self._by_language[is_chinese(text)]
        if classifier is None:
            return None
        return classifier.probabilities(self._encoder.encode(text), grams(text))


def grams(text: str) -> list[str]:
    """Return the words of a text by stem, their pairs, and runs of up to three Chinese characters."""
    stems = [word.stem for word in words(text)]
    found = [*stems, *(f"{one} {other}" for one, other in pairwise(stems))]
    for run in _HAN.findall(text):
        found += [run[at : at + size] for size in (1, 2, 3) for at in range(len(run) - size + 1)]
    return found
