"""Words of a transcript: how it splits, and whether it repeats itself."""

from __future__ import annotations

import re
import zlib
from collections.abc import Sequence
from itertools import takewhile

COMPRESSION_LIMIT = 2.4  # Whisper's own: text that zlib shrinks further goes round in circles
PHRASE_WORDS = 4  # said twice in one utterance, a phrase as long is a loop more often than a person
LONGEST_LOOP_WORDS = 12  # what Whisper repeats is a sentence at most
LOOP_ROUNDS, SHORT_LOOP_ROUNDS = 3, 4  # in a row, these are no person's; of phrases, and of less than phrases

_IDEOGRAPH = r"[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]"
_LEADING_IDEOGRAPH = re.compile(_IDEOGRAPH)
_TERM = re.compile(rf"\s*(?:{_IDEOGRAPH}[^\w\s]*|(?:(?!{_IDEOGRAPH})\S)+)|\s+$")


def words_of(text: str) -> list[str]:
    """Split into words that join to `text` again: each keeps the space before and the punctuation after it.

    Chinese and Japanese are split by character.
    """
    return _TERM.findall(text)


def plain(word: str) -> str:
    """The word without case, space and punctuation: what two hypotheses must agree on."""
    return "".join(letter for letter in word.casefold() if letter.isalnum())


def is_repetitive(text: str) -> bool:
    """True when the text may come from a decoder that goes round in circles: worth a second reading."""
    encoded = text.encode()
    if len(encoded) > COMPRESSION_LIMIT * len(zlib.compress(encoded)):
        return True
    words = [plain(word) for word in words_of(text)]
    phrases = [tuple(words[start : start + PHRASE_WORDS]) for start in range(len(words) - PHRASE_WORDS + 1)]
    again = any(_rounds(words, end, PHRASE_WORDS - 1) > 1 for end in range(len(words) + 1))
    return again or len(set(phrases)) < len(phrases) or _loop_end(words) < len(words)


def without_repetition(text: str) -> str:
    """The text up to where it goes round in circles for certain: the first round stays."""
    words = words_of(text)
    return "".join(words[: _loop_end([plain(word) for word in words])])


def _loop_end(words: Sequence[str]) -> int:
    """Index after the first round of the first loop; the number of words when there is none."""
    for end in range(1, len(words) + 1):
        for length in range(1, LONGEST_LOOP_WORDS + 1):
            needed = SHORT_LOOP_ROUNDS if length < PHRASE_WORDS else LOOP_ROUNDS
            if _rounds(words, end, length) >= needed:
                return end - (needed - 1) * length
    return len(words)


def _rounds(words: Sequence[str], end: int, length: int) -> int:
    """How many times in a row the `length` words before `end` were said."""
    last = words[max(0, end - length) : end]
    starts = range(end - length, -1, -length)
    return sum(1 for _ in takewhile(lambda start: words[start : start + length] == last, starts))


def ends_sentence(word: str) -> bool:
    """True for a word that closes a sentence."""
    return word.rstrip("\"'”’)").endswith((".", "?", "!", "。", "？", "！"))


def spaced(before: str, after: str) -> str:
    """`after` as it goes on from `before`: with a space in front where the language has one."""
    if not before or not after or after[0].isspace() or _LEADING_IDEOGRAPH.match(after):
        return after
    return f" {after}"
