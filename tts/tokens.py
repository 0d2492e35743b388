"""Words as phonemes, and the ids a model reads for them, in the alphabet that Kokoro and hibari share."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from hibari.g2p import PUNCTS
from numpy.typing import NDArray

from tts.timing import WordSpan

SILENT = PUNCTS | set(" ()")
CLAUSE_MARKS = (",", ";", ":", "—")


@dataclass(frozen=True, slots=True)
class Token:
    """A word or a punctuation mark as the model reads it, and the shown text it stands for."""

    phonemes: str  # with a space where the text had one; "" when it cannot be said
    text_start: int
    text_end: int


@dataclass(frozen=True, slots=True)
class ModelInput:
    """A phrase as ids, framed by the pad 0, and where in them each word lies."""

    ids: NDArray[np.int64]  # [ids]
    space: int  # the id of a space
    words: list[tuple[Token, int, int]]  # with the positions `[first, last)` of its phonemes

    @classmethod
    def of(cls, tokens: list[Token], vocabulary: Mapping[str, int]) -> ModelInput:
        """Look the tokens' phonemes up; those that the model has no id for are left out."""
        ids, words = [0], []
        for token in tokens:
            phonemes = [phoneme for phoneme in token.phonemes if phoneme in vocabulary]
            voiced = [len(ids) + i for i, phoneme in enumerate(phonemes) if phoneme not in SILENT]
            if voiced:
                words.append((token, voiced[0], voiced[-1] + 1))
            ids += [vocabulary[phoneme] for phoneme in phonemes]
        return cls(np.asarray([*ids, 0], np.int64), vocabulary[" "], words)

    def spans(self, durations: NDArray[np.int64]) -> list[WordSpan]:
        """Return the words' times, given how many samples each id lasts.  [ids]"""
        edges = np.concatenate(([0], np.cumsum(durations)))  # [ids + 1]
        # Where a word after each id starts: amid a space, else at the id's end.  [ids]
        starts = np.where(self.ids == self.space, (edges[:-1] + edges[1:]) // 2, edges[1:])
        return [
            WordSpan(token.text_start, token.text_end, int(starts[first - 1]), int(edges[last]))
            for token, first, last in self.words
        ]


def model_inputs(
    tokens: list[Token], vocabulary: Mapping[str, int], most_phonemes: int
) -> Iterator[ModelInput]:
    """Yield a sentence as what the model takes at once, those left out in which nothing can be said."""
    for part in _fitting(tokens, most_phonemes):
        if (phrase := ModelInput.of(part, vocabulary)).words:
            yield phrase


def _fitting(tokens: list[Token], most_phonemes: int) -> Iterator[list[Token]]:
    """Split where a model's limit asks for it: after the last punctuation that fits, else after a word."""
    while tokens:
        sizes = np.cumsum([len(token.phonemes) for token in tokens])
        end = max(1, int(np.searchsorted(sizes, most_phonemes, side="right")))
        if end < len(tokens):
            marks = [i + 1 for i in range(end) if tokens[i].phonemes.rstrip().endswith(CLAUSE_MARKS)]
            end = marks[-1] if marks else end
        yield tokens[:end]
        tokens = tokens[end:]
