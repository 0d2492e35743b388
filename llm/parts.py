"""Keys and values of some tokens, out of the cache that they were computed in."""

from __future__ import annotations

import hashlib
from array import array
from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True, slots=True)
class Part:
    """What the last tokens of a sequence added to its cache. Do not write to the tensor."""

    tokens: int  # how many
    sequence: str  # `name` of all tokens up to the last of them: what keys and values depend on
    key_values: Tensor  # in the shape of the network's caches

    @property
    def size_bytes(self) -> int:
        """Size in memory."""
        return self.key_values.nbytes


def name(ids: Sequence[int]) -> str:
    """Return a name for these token ids in this order: 64 hexadecimal digits."""
    return hashlib.sha256(array("q", ids).tobytes()).hexdigest()
