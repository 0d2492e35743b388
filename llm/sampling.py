"""Choosing the next token."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from llm.engine import Sampling

CANDIDATES = 256  # sampled from; sorting a vocabulary of 151,936 takes 12 ms, finding these 0.3 ms


class Sampler:
    """Chooses the tokens of one answer; the same seed and logits give the same tokens."""

    def __init__(self, sampling: Sampling) -> None:
        self._sampling = sampling
        self._random = torch.Generator().manual_seed(sampling.seed)

    def choose(self, logits: Tensor, said: Sequence[int]) -> int:
        """Choose from `logits` [V], float32, given the ids of the answer so far."""
        logits = penalized(logits, said, self._sampling.repetition_penalty)
        if self._sampling.temperature == 0:
            return int(logits.argmax())
        scores, ids = logits.topk(min(CANDIDATES, len(logits)))
        probabilities = (scores / self._sampling.temperature).softmax(dim=0)
        kept = nucleus(probabilities, self._sampling.top_p)
        return int(ids[torch.multinomial(kept, 1, generator=self._random)])


def penalized(logits: Tensor, said: Sequence[int], penalty: float) -> Tensor:
    """Make every token already said less likely (arXiv:1909.05858, section 4.1): [V] -> [V], a copy."""
    if penalty == 1 or not said:
        return logits
    ids = torch.tensor(said)
    scores = logits[ids]
    return logits.index_put((ids,), torch.where(scores > 0, scores / penalty, scores * penalty))


def nucleus(probabilities: Tensor, top_p: float) -> Tensor:
    """Keep the smallest head of falling `probabilities` [N] with a mass of `top_p`; the rest becomes 0."""
    before = probabilities.cumsum(dim=0) - probabilities  # the token that crosses the mass is kept
    return probabilities.where(before < top_p, 0)
