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

Floats = NDArray[np.float32]

MOST_GRAMS = 6000  # the most frequent; rarer ones tell little that the vector does not
LEAST_SEEN = 2  # in examples
GRAM_WEIGHT = 1.5  # of the words, beside the meaning
PENALTY = 1 / 3  # of the squared weights, beside the summed loss
ITERATIONS = 60  # of L-BFGS; the loss no longer falls


@dataclass(frozen=True, slots=True)
class Classifier:
    """A fitted one. Thread-safe."""

    grams: dict[str, int]  # the row of each in `weights`, behind those of the vector
    idf: Floats  # [grams]
    weights: Floats  # [dim + grams, classes]
    bias: Floats  # [classes]

    def probabilities(self, vector: Floats, grams: Sequence[str]) -> Floats:
        """Return how probable each class is: [classes]. `vector`: [dim], zeros for what has no vector."""
        rows = sorted({self.grams[gram] for gram in grams if gram in self.grams})
        idf = self.idf[rows]
        scores = self.bias + vector @ self.weights[: len(vector)]
        if rows:
            scores = scores + GRAM_WEIGHT * (idf / np.linalg.norm(idf)) @ self.weights[len(vector) :][rows]
        shares = np.exp(scores - scores.max())
        return np.asarray(shares / shares.sum(), np.float32)


@dataclass(frozen=True, slots=True)
class Example:
    """A text to learn from: its vector [dim], its grams, and its class."""

    vector: Floats
    grams: Sequence[str]
    label: int


def fit(examples: Sequence[Example], classes: int) -> Classifier:
    """Learn from examples, of at least one."""
    seen = Counter(gram for each in examples for gram in set(each.grams))
    kept = [gram for gram, count in seen.most_common(MOST_GRAMS) if count >= LEAST_SEEN]
    rows = {gram: row for row, gram in enumerate(kept)}
    idf = np.array([np.log((1 + len(examples)) / (1 + seen[gram])) + 1 for gram in kept], np.float32)
    words = np.zeros((len(examples), len(kept)), np.float32)
    for weighed, each in zip(words, examples, strict=True):
        own = [rows[gram] for gram in set(each.grams) if gram in rows]
        weighed[own] = idf[own]
    lengths = np.maximum(np.linalg.norm(words, axis=1, keepdims=True), 1e-6)
    inputs = np.concatenate([np.stack([each.vector for each in examples]), GRAM_WEIGHT * words / lengths], 1)
    weights, bias = _fitted(inputs, [each.label for each in examples], classes)
    return Classifier(rows, idf, weights, bias)


def _fitted(inputs: Floats, labels: Sequence[int], classes: int) -> tuple[Floats, Floats]:
    x, y = torch.from_numpy(inputs), torch.tensor(labels)
    weights = torch.zeros(x.shape[1], classes, requires_grad=True)
    bias = torch.zeros(classes, requires_grad=True)
    steps = torch.optim.LBFGS([weights, bias], max_iter=ITERATIONS, line_search_fn="strong_wolfe")

    def loss() -> torch.Tensor:
        steps.zero_grad()
        now = F.cross_entropy(x @ weights + bias, y, reduction="sum") + PENALTY * weights.square().sum() / 2
        now.backward()  # type: ignore[no-untyped-call]
        return now

    steps.step(loss)  # type: ignore[no-untyped-call]
    return weights.detach().numpy(), bias.detach().numpy()
