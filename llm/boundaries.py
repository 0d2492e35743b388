"""Where a text may be cut so that both parts sound whole, and how strong the break is. English and Chinese.

A cut needs to see what follows: "2." may become "2.5", "Dr." is followed by a name.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import IntEnum

from llm.boundaries_zh import phrase_breaks, word_gaps
from llm.words_zh import HAN


class Strength(IntEnum):
    """How much of a break a cut is."""

    WORD = 0  # between two words; for want of anything better
    PHRASE = 1  # before a clause starter, a preposition or a verb, or where the decoder nearly put a mark
    CLAUSE = 2  # , ; : and dashes
    SENTENCE = 3  # . ! ? and line ends


@dataclass(frozen=True, slots=True)
class Cut:
    """A place to cut."""

    offset: int  # the next part starts here
    strength: Strength


LIKELY = 0.25  # the decoder gave a mark this probability and wrote none: speakers often break there

_STARTERS = """
and but or nor so yet because although though while whereas unless until if when whenever where whether
which who whom whose since then however therefore
"""
_PREPOSITIONS = """
in on at for with from by about during after before without through over under between into across around
within against toward towards along behind beyond near as like than of to per via up down off out
"""
_AUXILIARIES = """
is are was were am be been being will would can could shall should may might must have has had do does did
isn't aren't wasn't weren't won't wouldn't can't cannot couldn't shouldn't don't doesn't didn't
"""
_DETERMINERS = """
a an the this that these those my your his her its our their some any no every each many much more most few
several all both another other such what either neither less least first next last same own
"""
_LEANING = """
i you he she it we they there here not very too quite really just also even only always never often
sometimes usually let's i'm you're we're they're he's she's it's that's there's i've you've we've they've
i'll you'll we'll they'll it'll i'd you'd we'd they'd mr mrs ms dr prof st zero one two three four five six
seven eight nine ten eleven twelve fifteen twenty thirty forty fifty sixty seventy eighty ninety hundred
thousand million billion
"""
# These lean on the word before them.
TRAILING = frozenset(("of", "to", "than", "up", "down", "off", "out"))
# A phrase may end before these.
OPENERS = frozenset(f"{_STARTERS} {_PREPOSITIONS} {_AUXILIARIES}".split()) - TRAILING
# After these a listener waits for more.
LEANING = frozenset(f"{_STARTERS} {_PREPOSITIONS} {_AUXILIARIES} {_DETERMINERS} {_LEANING}".split())
# A full stop after these ends no sentence; after the second lot, not when a number follows.
ABBREVIATIONS = frozenset(("mr", "mrs", "ms", "dr", "prof", "st", "mt", "vs", "e.g", "i.e", "cf"))
MONTHS = ("jan", "feb", "mar", "apr", "jun", "jul", "aug", "sep", "sept", "oct", "nov", "dec")
BEFORE_NUMBER = frozenset(("no", "nos", "fig", "p", "pp", "vol", "ch", "approx", *MONTHS))

CJK = "\u3400-\u9fff\u3040-\u30ff\uac00-\ud7af"

_CLOSERS = "\"”’')\\]}】」』）》*_"
MARK = re.compile(rf"([.!?…。！？]+|[,;:，；：、]|—+|–(?=\s)|--+)[{_CLOSERS}]*")
GAP = re.compile(r"(?<=[^\s,;:.!?…—–])[ \t]+(?=\S)")
LINE_END = re.compile(r"\s*\n\s*")
WORD_BEFORE = re.compile(r"[^\s(\[{\"“‘（「『*_]+$")
WORD_AFTER = re.compile(r"[\"“‘*_]*([\w'’.%-]*)")
FULL_WIDTH = frozenset("。！？，；：、")
BRACKETS = dict(zip("([{（【「『“《", ")]}）】」』”》", strict=True))
FENCE = "```"


def cuts(text: str, odds: Mapping[int, float]) -> list[Cut]:
    """Return the cuts of `text` that are certain whatever follows, in order.

    `odds`: offset between two tokens -> the probability the decoder gave to a mark there.
    """
    shut = _enclosed(text)
    found = [*_lines(text), *_marks(text), *_gaps(text, odds), *_chinese(text, odds)]
    return sorted((cut for cut in found if not shut[cut.offset]), key=lambda cut: (cut.offset, -cut.strength))


def edges(text: str) -> list[int]:
    """Return every place between two words, in order, whatever it sounds like."""
    spaces = {match.end() for match in re.finditer(r"\s+(?=\S)", text)}
    return sorted(spaces.union(word_gaps(text, complete=False)))


def n_words(text: str) -> float:
    """Return how many words are said; a Chinese character takes 0.6 of a word's time."""
    chinese = len(re.findall(f"[{CJK}]", text))
    return len(re.findall(rf"[^\W{CJK}]+(?:['’.,:/-][^\W{CJK}]+)*", text)) + 0.6 * chinese


def _enclosed(text: str) -> list[bool]:
    """Return for every offset whether it is inside brackets, quotation marks or code.  [len(text) + 1]"""
    shut, waiting, fenced = [False], list[str](), False
    for i, character in enumerate(text):
        if text.startswith(FENCE, i) and not text.startswith(FENCE, i - 1):
            fenced = not fenced
        elif waiting and character == waiting[-1]:
            waiting.pop()
        elif character in BRACKETS or (character == '"' and not text[i - 1 : i].isdigit()):
            waiting.append(BRACKETS.get(character, '"'))
        elif character == "\n":  # what is open at a line's end was never closed
            waiting.clear()
        shut.append(bool(waiting) or fenced)
    return shut


def _lines(text: str) -> Iterator[Cut]:
    for match in LINE_END.finditer(text):
        yield Cut(match.end(), Strength.SENTENCE)


def _marks(text: str) -> Iterator[Cut]:
    for match in MARK.finditer(text):
        mark, end = match[1], match.end()
        following = end + len(text[end:]) - len(text[end:].lstrip(" \t"))
        strength = _strength(text, match.start(), mark, end, following)
        if strength is not None:
            yield Cut(following, strength)


def _strength(text: str, start: int, mark: str, end: int, following: int) -> Strength | None:
    """Return how strong a break the mark is; None for none, or when what follows must be seen first."""
    if mark[0] in FULL_WIDTH:
        return _of_full_width(mark)
    spaced, after = following > end, text[following : following + 1]
    if mark[0] in ".…":
        sentence = spaced and after and not after.islower() and not _abbreviated(text[:start], after)
        return Strength.SENTENCE if sentence else None
    letter_before = text[start - 1 : start].isalpha()
    if mark[0] in "!?":
        return Strength.SENTENCE if spaced or (letter_before and not after) else None
    if mark[0] in "—–-":
        return Strength.CLAUSE if after and start else None
    if mark[0] in ",;" and letter_before and end == len(text):
        return Strength.CLAUSE  # "pain," cannot become anything else
    inside_a_number = text[start - 1 : start].isdigit() and after.isdigit()  # "May 5, 2024"
    return Strength.CLAUSE if spaced and after and not inside_a_number else None


def _of_full_width(mark: str) -> Strength:
    if mark[0] in "。！？":
        return Strength.SENTENCE
    return Strength.WORD if mark[0] == "、" else Strength.CLAUSE  # short items are said in one breath


def _abbreviated(before: str, after: str) -> bool:
    """Whether a full stop between these belongs to its word: "Dr.", "J.", "p. 5", "1." at a line's start."""
    word = WORD_BEFORE.search(before)
    if word is None:
        return True
    if re.fullmatch(r"\d{1,2}", word.group()) and not before[: word.start()].rpartition("\n")[2].strip():
        return True
    name = word.group().lower()
    if after.isdigit():
        return name in BEFORE_NUMBER
    return name in ABBREVIATIONS or (len(name) == 1 and word.group().isupper())


def _gaps(text: str, odds: Mapping[int, float]) -> Iterator[Cut]:
    """Yield the cuts between two words without a mark."""
    for match in GAP.finditer(text):
        before, after = WORD_BEFORE.search(text[: match.start()]), WORD_AFTER.match(text, match.end())
        if before is None or after is None or not _complete(before.group(), after[1]):
            continue
        likely = odds.get(match.start(), 0.0) >= LIKELY
        opens = after[1].lower().replace("’", "'") in OPENERS
        yield Cut(match.end(), Strength.PHRASE if likely or opens else Strength.WORD)


def _complete(word: str, after: str) -> bool:
    """Whether a part may end in `word` when `after` comes next."""
    bare = word.strip(_CLOSERS).lower().replace("’", "'")
    named = word[:1].isupper() and after[:1].isupper()  # "New York", "John Smith"
    counted = bool(re.search(r"\d[\d.,/]*[%°]?$", bare)) or after[:1].isdigit()  # "5 mg", "type 2"
    return bool(bare and after) and not (bare in LEANING or after.lower() in TRAILING or named or counted)


def _chinese(text: str, odds: Mapping[int, float]) -> Iterator[Cut]:
    """Yield the cuts between Chinese words without a mark, and between the long items of a list."""
    if not HAN.search(text):
        return
    likely = {offset for offset, probability in odds.items() if probability >= LIKELY}
    for offset in likely.intersection(word_gaps(text) if likely else ()).union(phrase_breaks(text)):
        yield Cut(offset, Strength.PHRASE)
