"""Chinese text as clauses and words, with their parts of speech, while it is still being written."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache, lru_cache

_HAN = "\u3400-\u9fff"
HAN = re.compile(f"[{_HAN}]")
MARK = re.compile(r"[。！？；：，…—\n]|[,.!?;:](?=\s)")
# A number with its point, or a word with its hyphen, is one; the segmenter would make three of 2.5.
_OTHER = rf"[^\W{_HAN}]+(?:[.,:/'’&@+-][^\W{_HAN}]+)*[%‰℃°]*"
TOKEN = re.compile(rf"(?P<han>[{_HAN}]+)|(?P<other>{_OTHER})|(?P<sign>.)")
OPEN = 3  # characters that may begin a longer word; few have more than four
OPENING = frozenset("“‘（「『《【([{\"'")


@dataclass(frozen=True, slots=True)
class Word:
    """One word of a clause."""

    start: int  # where a part that begins with it starts: at its opening bracket or quotation mark
    text: str
    # The first letter of its part of speech in the segmenter's dictionary: n noun, t time, f and s place,
    # r pronoun, v verb, a and z adjective, p preposition, d adverb, m number, q measure, c connective,
    # u particle; here e is Latin.
    tag: str
    syllables: int
    listed: bool  # 、 comes before it


@cache
def load() -> Callable[[str, bool], list[tuple[str, str]]]:
    """Return the segmenter, (text, hmm) -> (word, tag). The first call reads its dictionary: 0.2 s, 35 MB."""
    from rjieba import tag

    return tag


def clauses(text: str) -> Iterator[tuple[int, str, bool]]:
    """Yield what is between two marks: where it starts, its text, and whether a mark ended it."""
    start = 0
    for mark in MARK.finditer(text):
        yield start, text[start : mark.start()], True
        start = mark.end()
    yield start, text[start:], False


def whole_words(clause: str, ended: bool) -> tuple[Word, ...]:
    """Return the words of a clause; one that no mark ended yet keeps those to itself that may grow.

    That is the last, and what the next character may make one word with: 半, 小 become 半小时.
    """
    words = _words(clause)
    return words if ended else tuple(word for word in words[:-1] if word.start < len(clause) - OPEN)


@lru_cache(maxsize=64)  # with every token the same clauses come again, but for the last
def _words(clause: str) -> tuple[Word, ...]:
    words: list[Word] = []
    opening, listed = None, False
    for match in TOKEN.finditer(clause):
        if match.lastgroup == "sign":
            opening = (match.start() if opening is None else opening) if match[0] in OPENING else None
            listed = listed or match[0] == "、"
            continue
        for start, word, tag in _segmented(match):
            words.append(Word(start if opening is None else opening, word, tag, _syllables(word), listed))
            opening, listed = None, False
    return tuple(words)


def _segmented(match: re.Match[str]) -> Iterator[tuple[int, str, str]]:
    """Yield start, text and tag of the words of one token."""
    if match.lastgroup == "other":
        yield match.start(), match[0], "m" if match[0][0].isdigit() else "e"
        return
    start = match.start()
    for word, tag in load()(match[0], False):  # no guesses of unknown words: they change with what follows
        yield start, word, "t" if tag[0] == "m" and word[-1] in "点分号日月年" else tag[0]
        start += len(word)


def _syllables(word: str) -> int:
    """Return roughly how many syllables a word has: 38.5 is 三十八点五, ETF is spelt."""
    if HAN.match(word):
        return len(word)
    if word[0].isdigit():
        return len(re.findall(r"\d", word)) + ("." in word) + 3 * word.endswith("%")
    return len(word) if word.isupper() else (len(word) + 2) // 3
