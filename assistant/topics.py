"""Which entry a question is about, or that none answers it: learned from how people ask.

The examples are the entries' own lines and, from a domain's `wordings.jsonl`, questions with the entries that
answer them; those that none answers teach what is not known.
"""

from __future__ import annotations

from collections.abc import Sequence

from assistant.knowledge import Entry
from assistant.learned import Keep, Learned, made_anew
from assistant.retrieval import Encoder, Floats, sayings
from assistant.wordings import Wording

PENALTY = 1 / 30  # an entry has a score or two of examples, a flag hundreds
WEIGHT = 1.5  # of the words


class Topics:
    """The entries of a domain, as they are asked for. Thread-safe."""

    def __init__(
        self, entries: Sequence[Entry], wordings: Sequence[Wording], encoder: Encoder, keep: Keep = made_anew
    ) -> None:
        """Learn from the entries and from those wordings of which it is told what answers them."""
        said = [(line, at) for at, entry in enumerate(entries, start=1) for line in sayings(entry)]
        places = {entry.id: at for at, entry in enumerate(entries, start=1)}
        for each in wordings:
            if each.entries is not None:
                said.append((each.text, places[each.entries[0]] if each.entries else 0))
        self._learned = Learned(said, 1 + len(entries), encoder, penalty=PENALTY, weight=WEIGHT, keep=keep)

    def probabilities(self, question: str) -> Floats | None:
        """Return how probable it is that nothing is known of it, and that each entry answers: [1 + entries].

        None where too few wordings are of its language.
        """
        return self._learned.probabilities(question)
