"""Red flags in words that no pattern has: learned from a domain's `wordings.jsonl`."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from assistant.learned import Keep, Learned, made_anew
from assistant.red_flags import RedFlag
from assistant.retrieval import Encoder, Floats
from assistant.wordings import Wording

SURE = 0.5  # the least probability that a text raises any red flag at all
PENALTY = 1 / 3


class Alarms:
    """What raises a domain's red flags. Thread-safe."""

    def __init__(
        self, flags: Sequence[RedFlag], wordings: Sequence[Wording], encoder: Encoder, keep: Keep = made_anew
    ) -> None:
        """Learn from those wordings of which it is told what they raise."""
        self._flags = tuple(flags)
        classes: dict[str | None, int] = {None: 0} | {flag.id: at for at, flag in enumerate(flags, start=1)}
        said = [(each.text, classes[each.flag]) for each in wordings if each.judged]
        self._learned = Learned(said, len(classes), encoder, penalty=PENALTY, keep=keep)

    def nearest(self, said: str) -> RedFlag | None:
        """Return the red flag that a text most probably raises."""
        probable = self.probabilities(said)
        if probable is None or 1 - probable[0] < SURE:
            return None
        return self._flags[int(np.argmax(probable[1:]))]

    def probabilities(self, said: str) -> Floats | None:
        """Return how probable it is that a text raises none, and each of the flags: [1 + flags].

        None where too few wordings are of its language.
        """
        return self._learned.probabilities(said)
