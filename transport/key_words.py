"""The words of a text by how much is lost when they come late: key words, words, function words.

Key are numbers with their units, doses, amounts, dates, names, negations with what they deny, and what a
warning asks to do. English and Chinese, by lists and shapes: a slow link carries the key words first, so one
too many costs a few bytes and nothing else. `llm.boundaries` has lists that look alike for another question,
where to pause, and neither should change with the other.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import IntEnum
from functools import cache

from transport import word_lists as words

_HAN = "\u3400-\u9fff"


class WordClass(IntEnum):
    """What a word does for its sentence; lower goes first."""

    KEY = 0
    WORD = 1
    FUNCTION = 2


@dataclass(frozen=True, slots=True)
class TaggedWord:
    """A word, or several that belong together, with the marks and spaces that follow."""

    offset: int  # in the text
    text: str
    word_class: WordClass


_DIGITS = r"\d+(?:[.,:/–-]\d+)*(?:st|nd|rd|th|k|bn|m)?(?![a-z0-9])"
_NUMBER = rf"(?:[$€£¥₹]\s?|-)?{_DIGITS}|\b(?:{words.NUMBERS})(?:[\s-](?:and\s)?(?:{words.NUMBERS}))*\b"
_UNIT = rf"(?:{words.UNITS})(?![a-z0-9])"
_HAN_UNIT = rf"(?:{words.CHINESE_UNITS})"
_UNITS = rf"[\s-]?{_UNIT}(?:(?:/|\s(?:of|per)\s){_UNIT})*|\s?{_HAN_UNIT}(?:/{_HAN_UNIT})?"
_PERIOD = rf"\s(?:a|an|per|each|every|one)\s(?:{words.PERIODS})\b"
_RANGE = rf"(?:{_NUMBER})(?:(?:\s(?:to|or|and)\s|\s?[–~至到-]\s?)(?:{_NUMBER}))?"
_ONE = rf"\b(?:one|an?)\s(?:{_UNIT}|(?:{words.PARTS})\b)"
_AMOUNT = rf"(?:\b(?:{words.COMPARISONS})\s)?(?:{_RANGE}(?:{_UNITS})*|{_ONE})(?:{_PERIOD})?"
_DAY = r"\d{1,2}(?:st|nd|rd|th)?"
_DATE = rf"(?:\b(?:{words.MONTHS})\.?\s{_DAY}|{_DAY}\s(?:of\s)?(?:{words.MONTHS}))\b(?:,?\s\d{{4}}\b)?"
_PHONE_NUMBER = r"\+?\d[\d ()-]{6,}\d\b"
_WARNING = (
    rf"\b(?:{words.WARNINGS})\s(?:(?:an?|your|the)\s)?(?:{words.HELP}|\d[\d-]*)\b"
    r"|\b(?:at\sonce|right\saway)\b"
)
_NEGATION = (
    rf"\b(?:(?:{words.AUXILIARIES})\snot|(?:{words.CONTRACTED})['’]t|{words.NEGATIONS})\b"
    rf"(?:\s(?:{words.BETWEEN})\b)?(?:\s[^\W\d{_HAN}]+)?"
)
_WORD = rf"[^\W_{_HAN}]+(?:['’.@&+/-][^\W_{_HAN}]+)*"
_LATIN = re.compile(_WORD)
_CHINESE_UNIT = re.compile(words.CHINESE_UNITS)
_KEY = f"{_DATE}|{_PHONE_NUMBER}|{_WARNING}|{_AMOUNT}|{_NEGATION}"
_TOKEN = re.compile(rf"(?P<key>{_KEY})|(?P<word>{_WORD})|(?P<han>[{_HAN}]+)", re.IGNORECASE)
_HAN_NAME_TAGS = ("nr", "ns", "nt", "nz")  # people, places, organisations, others
_PRONOUN = re.compile("[你您我他她]")  # the dictionary has some names such as 建议您
_NUMERAL = re.compile("[一二两三四五六七八九十百千万亿半零〇]|第[一二三四五六七八九十]")


class KeyWords:
    """Tags texts; `names` are key wherever they stand, such as the drugs or funds a service speaks of."""

    def __init__(self, names: Iterable[str] = ()) -> None:
        listed = sorted(names, key=len, reverse=True)
        latin = {word.casefold() for name in listed for word in _LATIN.findall(name)}
        self._names = latin - words.FUNCTION_WORDS
        han = [re.escape(name) for name in listed if re.search(f"[{_HAN}]", name)]
        self._han_names = re.compile("|".join(han), re.IGNORECASE) if han else None

    def tag(self, text: str) -> tuple[TaggedWord, ...]:
        """Return the words of a text in order; together they are the text.

        The first Chinese text reads the segmenter's dictionary, if nothing else has: 0.2 s.
        """
        found = list(self._words(text))
        starts = [0, *(start for start, _ in found[1:]), len(text)]  # the first takes what stands before it
        classes = [word_class for _, word_class in found] or [WordClass.WORD] * bool(text)
        return tuple(
            TaggedWord(start, text[start:end], word_class)
            for start, end, word_class in zip(starts, starts[1:], classes, strict=False)
        )

    def _words(self, text: str) -> Iterator[tuple[int, WordClass]]:
        """Yield where every word starts, and its class."""
        start = 0
        for name in self._han_names.finditer(text) if self._han_names else ():
            yield from self._between(text, start, name.start())
            yield name.start(), WordClass.KEY
            start = name.end()
        yield from self._between(text, start, len(text))

    def _between(self, text: str, start: int, end: int) -> Iterator[tuple[int, WordClass]]:
        for match in _TOKEN.finditer(text, start, end):
            if match["key"]:
                yield match.start(), WordClass.KEY
            elif match["word"]:
                yield match.start(), self._of_word(match[0], text, match.start(), match.end())
            else:
                yield from ((match.start() + at, word_class) for at, word_class in self._of_han(match[0]))

    def _of_word(self, word: str, text: str, start: int, end: int) -> WordClass:
        plain = word.casefold().replace("’", "'")
        if plain in self._names or plain in words.ALWAYS_KEY or "@" in word or re.search(r"\d", word):
            return WordClass.KEY
        if plain in words.FUNCTION_WORDS:
            return WordClass.FUNCTION
        if word[0].isupper() and (_named(word, text[end : end + 3]) or not _begins(text, start)):
            return WordClass.KEY
        return WordClass.WORD

    def _of_han(self, run: str) -> Iterator[tuple[int, WordClass]]:
        """Yield the words of Chinese text without marks; a number takes its unit, a negation the denied."""
        start, taking = 0, ""
        for word, tag in _segmenter()(run, False):  # no guesses of unknown words
            begin, start = start, start + len(word)
            kind = _han_kind(word, tag)
            if taking == "negation":
                taking = taking if kind in ("negation", "function") or tag == "d" else ""
            elif taking == "number" and (kind == "number" or tag[0] == "q" or _CHINESE_UNIT.fullmatch(word)):
                continue
            else:
                taking = "" if kind == "negation" and word not in words.CHINESE_DENYING else kind
                yield begin, _HAN_CLASSES.get(kind, WordClass.KEY)


_HAN_CLASSES = {"word": WordClass.WORD, "function": WordClass.FUNCTION}  # every other kind is key


def _han_kind(word: str, tag: str) -> str:
    if word in words.CHINESE_ALWAYS_KEY:
        return "always key"
    if word.startswith(words.CHINESE_NEGATIONS) and word not in words.NO_NEGATIONS:
        return "negation"
    if tag[0] in "mt" and _NUMERAL.match(word) and word not in words.NO_NUMBERS:
        return "number"
    if word in words.CHINESE_FUNCTION_WORDS or tag[0] in words.CHINESE_FUNCTION_TAGS:
        return "function"
    return "name" if tag[:2] in _HAN_NAME_TAGS and len(word) > 1 and not _PRONOUN.search(word) else "word"


def _begins(text: str, start: int) -> bool:
    """Whether a sentence, or an item of a list, begins here."""
    before = text[max(0, start - 8) : start].rstrip(" \t\"“‘'(*_")
    return not before or (before[-1] in ".!?:。！？：\n-•" and not before.endswith(words.TITLES))


def _named(word: str, after: str) -> bool:
    """Whether a capital means a name even at the start of a sentence: ETF, iPhone's like, "Mary S..."."""
    return any(letter.isupper() for letter in word[1:]) or bool(re.match(r" [A-Z][a-z]", after))


@cache
def _segmenter() -> Callable[[str, bool], list[tuple[str, str]]]:
    from rjieba import tag

    return tag
