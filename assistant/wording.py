"""Text as words that can be compared: English by stem, Chinese by word and by pair of characters."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache, lru_cache

import Stemmer

from assistant.irregular import BASE
from assistant.ordinary_words import CHINESE_FUNCTION_WORDS, FUNCTION_WORDS, NUMBER_WORDS
from llm.words_zh import HAN, load

_CONTRACTIONS = (
    (re.compile(r"\b(?:can['’]?t|cannot)\b"), "can not"),
    (re.compile(r"\bwon['’]t\b"), "will not"),
    (
        re.compile(r"\b(do|does|did|is|are|was|were|has|have|had|could|would|should|must|need)n['’]t\b"),
        r"\1 not",
    ),
    (re.compile(r"\b(dont|doesnt|didnt|isnt|arent|wasnt)\b"), lambda found: f"{found[0][:-2]} not"),
    (re.compile(r"\b(i)['’]?m\b"), r"\1 am"),
    (re.compile(r"['’]re\b"), " are"),
    (re.compile(r"['’]ve\b"), " have"),
    (re.compile(r"['’]ll\b"), " will"),
    (re.compile(r"['’]d\b"), " would"),
    (re.compile(r"\b(it|that|there|here|what|he|she|who|where|how)['’]s\b"), r"\1 is"),
    (re.compile(r"['’]s\b"), ""),
)
_HAN_NUMBER = re.compile("[零〇一二两三四五六七八九十百千万亿半几]+[个天次年月日周片点]?")
_NUMBER = r"\d+(?:[.,]\d+)*"
_TOKEN = re.compile(rf"{_NUMBER}|[^\W\d_㐀-鿿]+|[㐀-鿿]+")
# A mark ends a sentence; what follows "but" or "and now" is told of the present, whatever came before it.
_SENTENCE_END = re.compile(
    r"(?<=[.!?;])\s+|(?<=[。！？；])|\n+|,?\s+\b(?=but\b)|,\s*(?=and now\b|now\b)|，(?=现在|但|可是|不过)",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Word:
    """A word as it is compared, and where it stands in the text that it was read from."""

    stem: str
    text: str  # lower case


def is_chinese(text: str) -> bool:
    """Whether a text is to be answered in Chinese: one character of it is worth a word."""
    return len(HAN.findall(text)) > len(re.findall(r"[A-Za-z]+", text))


def sentences(text: str) -> list[str]:
    """Return the sentences of a text, each with its mark."""
    return [part.strip() for part in _SENTENCE_END.split(text) if part and part.strip(" ,.")]


def statements(text: str) -> list[str]:
    """Return the sentences of a passage, whole."""
    return [part.strip() for part in re.split(r"(?<=[.!?])\s+|(?<=[。！？])", text) if part.strip()]


@lru_cache(maxsize=4096)
def words(text: str) -> tuple[Word, ...]:
    """Return the words of a text in order, function words too; Chinese as its dictionary cuts it."""
    found: list[Word] = []
    for token in _TOKEN.findall(_expanded(text.casefold())):
        if HAN.match(token):
            found += [Word(word, word) for word, _ in load()(token, False)]
        else:
            found.append(Word(stem(token), token))
    return tuple(found)


def _expanded(text: str) -> str:
    for pattern, replacement in _CONTRACTIONS:
        text = pattern.sub(replacement, text)
    return text


@lru_cache(maxsize=16384)
def stem(word: str) -> str:
    """Return the stem of a word in lower case (Porter's second algorithm, snowballstem.org)."""
    return str(_stemmer().stemWord(BASE.get(word, word)))


@cache
def _stemmer() -> Stemmer.Stemmer:
    return Stemmer.Stemmer("english")


def is_content(word: Word) -> bool:
    """Whether a word says what a text is about: neither a function word nor a number."""
    if word.text[0].isdigit():
        return False
    if HAN.match(word.text):
        return word.text not in CHINESE_FUNCTION_WORDS and not _HAN_NUMBER.fullmatch(word.text)
    if word.text in NUMBER_WORDS:
        return False
    return len(word.text) > 1 and word.text not in FUNCTION_WORDS


def terms(text: str) -> list[str]:
    """Return what a text is found by: stems of content words, Chinese words and pairs of characters."""
    found = []
    for word in words(text):
        if is_content(word):
            found.append(word.stem)
    for run in re.findall(r"[㐀-鿿]{2,}", text):
        pairs = (run[at : at + 2] for at in range(len(run) - 1))
        found += [pair for pair in pairs if not CHINESE_FUNCTION_WORDS & {pair, *pair}]
    return list(dict.fromkeys(found)) if HAN.search(text) else found
