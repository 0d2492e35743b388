"""Which of some classes a short text belongs to, learned from examples: multinomial logistic regression.

It weighs what the text means (a sentence vector) and the words that it has (stems, pairs of them, Chinese
characters: Joachims 1998, doi:10.1007/BFb0026683), each part of length 1. Fitting is convex: the same
examples give the same classifier.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

Floats = NDArray[np.float32]

MOST_GRAMS = 12_000  # the most frequent; rarer ones tell little that the vector does not
LEAST_SEEN = 2  # in examples
ITERATIONS = 40  # of L-BFGS; more change no decision


@dataclass(frozen=True, slots=True)
class Classifier:
    """A fitted one. Thread-safe."""

    grams: dict[str, int]  # the row of each in `of_grams`
    idf: Floats  # [grams]
    of_vector: Floats  # weights, [dim, classes]
    of_grams: Floats  # weights, [grams, classes]
    bias: Floats  # [classes]

    def probabilities(self, vector: Floats, grams: Sequence[str]) -> Floats:
        """Return how probable each class is: [classes]. `vector`: [dim]."""
        rows = _rows(grams, self.grams)
        scores = self.bias + vector @ self.of_vector + _shares(self.idf[rows]) @ self.of_grams[rows]
        likely = np.exp(scores - scores.max())
        return np.asarray(likely / likely.sum(), np.float32)


@dataclass(frozen=True, slots=True)
class Example:
    """A text to learn from: its vector [dim], its grams, and its class."""

    vector: Floats
    grams: Sequence[str]
    label: int


def fit(examples: Sequence[Example], classes: int, penalty: float, words: float) -> Classifier:
    """Learn from examples, of at least one.

    `penalty`: of the squared weights, beside the summed loss; `words`: what they count beside the meaning.
    """
    seen = Counter(gram for each in examples for gram in set(each.grams))
    kept = [gram for gram, count in seen.most_common(MOST_GRAMS) if count >= LEAST_SEEN]
    grams = {gram: row for row, gram in enumerate(kept)}
    idf = np.array([np.log((1 + len(examples)) / (1 + seen[gram])) + 1 for gram in kept], np.float32)
    rows = [_rows(each.grams, grams) for each in examples]
    vectors = torch.from_numpy(np.stack([each.vector for each in examples]))
    flat = torch.tensor([row for each in rows for row in each], dtype=torch.long)
    shares = torch.from_numpy(np.concatenate([words * _shares(idf[each]) for each in rows]))
    starts = torch.tensor(np.cumsum([0, *map(len, rows[:-1])]))
    labels = torch.tensor([each.label for each in examples])

    of_vector, of_grams, bias = weights = [
        torch.zeros(size, classes, requires_grad=True) for size in (vectors.shape[1], len(kept), 1)
    ]
    steps = torch.optim.LBFGS(weights, max_iter=ITERATIONS, line_search_fn="strong_wolfe")

    def loss() -> Tensor:
        steps.zero_grad()
        by_words = F.embedding_bag(flat, of_grams, starts, mode="sum", per_sample_weights=shares)
        summed = F.cross_entropy(vectors @ of_vector + by_words + bias, labels, reduction="sum")
        now = summed + penalty * (of_vector.square().sum() + of_grams.square().sum()) / 2
        now.backward()  # type: ignore[no-untyped-call]
        return now

    steps.step(loss)  # type: ignore[no-untyped-call]
    fitted = (each.detach().numpy() for each in (of_vector, words * of_grams, bias[0]))
    return Classifier(grams, idf, *fitted)


def _rows(grams: Sequence[str], known: dict[str, int]) -> list[int]:
    return sorted({known[gram] for gram in grams if gram in known})


def _shares(idf: Floats) -> Floats:
    """What each gram of a text weighs: together a vector of length 1."""
    return np.asarray(idf / max(1e-6, float(np.linalg.norm(idf))), np.float32)
