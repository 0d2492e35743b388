"""Word error rate, blind to matters of style: case, punctuation, hesitations, digits for small numbers."""

from __future__ import annotations

import re
from collections.abc import Sequence

from tts.english_numbers import cardinal

# A Chinese character counts as a word.
WORD = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff]|(?:(?![\u3400-\u4dbf\u4e00-\u9fff])[^\W_])+(?:'[^\W_]+)*")
# Whisper leaves them out, and so does its own scoring (whisper/normalizers/english.py).
HESITATIONS = frozenset(["um", "uh", "uhm", "er", "erm", "hmm", "mm"])
SPELLINGS = {str(number): cardinal(number) for number in range(13)} | {"mr": "mister", "dr": "doctor"}


def plain_words(text: str) -> list[str]:
    """The words that are compared."""
    words = WORD.findall(text.lower().replace("’", "'"))
    return [SPELLINGS.get(word, word) for word in words if word not in HESITATIONS]


def word_errors(expected: Sequence[str], heard: Sequence[str]) -> int:
    """Fewest insertions, deletions and substitutions from one to the other (Levenshtein)."""
    row = list(range(len(heard) + 1))
    for row_number, word in enumerate(expected, start=1):
        above, row = row, [row_number]
        for column, other in enumerate(heard, start=1):
            row.append(min(above[column] + 1, row[-1] + 1, above[column - 1] + (word != other)))
    return row[-1]
