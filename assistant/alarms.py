"""Red flags in what a user says: by a domain's patterns, and by what its `wordings.jsonl` teaches.

A pattern finds a word wherever it stands ("knock me out", of a pill); what was learned weighs the whole. It
decides where a flag has wordings, and needs to be far less sure where there is a pattern as well.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np

from assistant.learned import Keep, Learned, made_anew
from assistant.red_flags import RedFlag
from assistant.retrieval import Encoder, Floats
from assistant.safety import Safety
from assistant.wording import is_chinese
from assistant.wordings import Wording

SURE = 0.25  # the least probability that a text raises any red flag: a miss costs more than a false alarm
SURE_WITH_PATTERN = 0.1  # where a flag's pattern is in it
TAUGHT = 20  # wordings of a flag in a language: with fewer, its patterns need no second opinion
PENALTY = 1 / 3
WEIGHT = 3.5  # of the words


class Alarms:
    """What raises a domain's red flags. Thread-safe."""

    def __init__(
        self, safety: Safety, wordings: Sequence[Wording], encoder: Encoder, keep: Keep = made_anew
    ) -> None:
        """Learn from those wordings of which it is told what they raise."""
        self._safety = safety
        classes: dict[str | None, int] = {None: 0}
        classes |= {flag.id: at for at, flag in enumerate(safety.flags, start=1)}
        said = [(each.text, classes[each.flag]) for each in wordings if each.judged]
        self._taught = Counter((each.flag, is_chinese(each.text)) for each in wordings if each.flag)
        self._learned = Learned(said, len(classes), encoder, penalty=PENALTY, weight=WEIGHT, keep=keep)

    def raised(self, said: str) -> RedFlag | None:
        """Return the red flag that a text raises."""
        by_pattern, probable = self._safety.red_flag(said), self.probabilities(said)
        if probable is None or (by_pattern and self._taught[by_pattern.id, is_chinese(said)] < TAUGHT):
            return by_pattern
        least = SURE if by_pattern is None else SURE_WITH_PATTERN
        return self._safety.flags[int(np.argmax(probable[1:]))] if 1 - probable[0] >= least else None

    def probabilities(self, said: str) -> Floats | None:
        """Return how probable it is that a text raises none, and each of the flags: [1 + flags].

        None where too few wordings are of its language.
        """
        return self._learned.probabilities(said)
