"""Red flags by meaning: a sentence that is like one of those by which people raise them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from assistant.red_flags import RedFlag
from assistant.retrieval import Encoder
from assistant.wording import is_chinese, terms

# Cosines, chosen on the dialogues.jsonl in samples/, where nothing harmless is as near: near enough by itself
# or nearer than to all that the domain's entries are asked by, which people say of lesser troubles.
ALIKE = 0.66
LEAST_ALIKE = 0.45
NEARER = 0.05
FEWEST_TERMS = 2  # of less, too much is alike: "It hurts."


class Alarms:
    """The sentences of a domain's red flags. Thread-safe."""

    def __init__(self, flags: Sequence[RedFlag], encoder: Encoder, ordinary: Callable[[str], float]) -> None:
        """`ordinary`: the cosine of a sentence with the nearest line of the domain's entries."""
        self._ordinary = ordinary
        self._encoder = encoder
        lines = [(line, flag) for flag in flags for line in flag.like]
        self._flags = [flag for _, flag in lines]
        self._vectors = encoder.encode_all([line for line, _ in lines]) if lines else None

    def nearest(self, said: str) -> RedFlag | None:
        """Return the red flag that a sentence is like; a question wants to know, it tells of nothing."""
        if said.rstrip().endswith("?"):
            return None
        if self._vectors is None or is_chinese(said) or len(set(terms(said))) < FEWEST_TERMS:
            return None
        at, likeness = self.likeness(said)
        if likeness < LEAST_ALIKE or (likeness < ALIKE and likeness < self._ordinary(said) + NEARER):
            return None
        return self._flags[at]

    def likeness(self, said: str) -> tuple[int, float]:
        """Return the nearest of the sentences, and its cosine."""
        assert self._vectors is not None
        near = self._vectors @ self._encoder.encode(said)
        at = int(np.argmax(near))
        return at, float(near[at])
