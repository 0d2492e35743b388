"""The meaning of texts as unit vectors, by whatever network: of one text, kept, or of many together."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import groupby

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from llm.threads import computing_with

MOST_TOKENS = 256  # a question has twenty, and MiniLM was trained on no more; what follows is not read
BATCH = 64  # sentences of ten tokens: as many as a core's products are quickest with
KEPT = 512  # vectors of the last texts: what is compared with is compared with again


class TextEncoder(ABC):
    """Texts to vectors of length 1. Thread-safe; computes in the caller's thread."""

    dim: int

    def __init__(self) -> None:
        self._kept = lru_cache(KEPT)(self._encode)

    def encode(self, text: str) -> NDArray[np.float32]:
        """Return what the text means as a vector of length 1: float32 [dim], not to be written to."""
        return self._kept(text)

    def encode_all(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return what many texts mean: [texts, dim]; those of a length go through the network together."""
        ids = [self._ids(text) for text in texts]
        vectors = np.empty((len(texts), self.dim), np.float32)
        by_length = sorted(range(len(texts)), key=lambda at: len(ids[at]))
        with torch.inference_mode():
            for _, group in groupby(by_length, key=lambda at: len(ids[at])):
                for places in _batches(list(group)):
                    vectors[places] = self._meaning(torch.tensor([ids[at] for at in places])).numpy()
        return vectors

    def _encode(self, text: str) -> NDArray[np.float32]:
        with torch.inference_mode(), computing_with(1):  # in so small products, others would only spin
            vector: NDArray[np.float32] = self._meaning(torch.tensor([self._ids(text)]))[0].numpy()
        return vector

    @abstractmethod
    def _ids(self, text: str) -> list[int]:
        """Return the tokens of a text, at most MOST_TOKENS."""

    @abstractmethod
    def _meaning(self, ids: Tensor) -> Tensor:
        """Run the network over texts of one length: [B, T] -> [B, dim], each of length 1."""


def _batches(places: list[int]) -> Iterator[list[int]]:
    for start in range(0, len(places), BATCH):
        yield places[start : start + BATCH]
