"""Red flags: what a user says that must be answered at once, in words fixed beforehand.

A pattern is `a / b / c + d / e`: alternatives between slashes, of which one of each group must be in the
sentence, in any order. An alternative of several words has these in their order, with at most two others in
between; words are compared by stem. Of Chinese, an alternative is a part of the text, … in it up to six
characters. `[8 or more] tablets` is a number, with what it counts.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from assistant.quantities import Quantity, quantities
from assistant.wording import Word, sentences, words

GAP_WORDS = 2  # between the words of a phrase: "short of (my) breath"
GAP_CHARACTERS = 6  # where a Chinese alternative has …
PAIR_WORDS = 16  # two sentences of no more words are one, cut by a recognizer: "My chest. It hurts."
_NUMBER = re.compile(
    r"\[(?:(?P<least>[\d.]+) or more|(?P<most>[\d.]+) or less|more than (?P<over>[\d.]+)"
    r"|less than (?P<under>[\d.]+)|(?P<low>[\d.]+) to (?P<high>[\d.]+))\]\s*(?P<counted>.*)"
)
_CHINESE = re.compile(r"[\u3400-\u9fff]")
# A negation, and what may stand between it and what it negates. "Can't" and "won't" negate nothing here: they
# are what is wrong ("can't stop the bleeding").
_NEGATIONS = {"no", "not", "without", "never", "neither", "nor", "deny", "denies"}
_ABILITY = {"can", "will", "could", "would"}  # before "not": something fails
_BETWEEN = frozenset(
    re.findall(
        r"\w+",
        "a an any the my have has had having feel feeling felt get getting got really actually currently "
        "experiencing experienced sign signs of symptom symptoms been or in sort kind such more further "
        "suffering from",
    )
)
_NEGATED_ZH = re.compile(
    r"(?:没有?|不|无|并未|未|没有任何|从不|没什么)(?:出现|觉得|感到|感觉|发生|任何|什么|有|再|太|很|怎么)*$"
)


class PatternError(ValueError):
    """A pattern that cannot be read."""


@dataclass(frozen=True, slots=True)
class _Sentence:
    text: str  # in lower case
    words: tuple[Word, ...]
    stems: frozenset[str]
    quantities: tuple[Quantity, ...]


@dataclass(frozen=True, slots=True)
class Alternative:
    """One of a group. `begins`: a sentence without this stem or piece of Chinese has none of it; "": any."""

    begins: str
    stands_in: Callable[[_Sentence], bool]


@dataclass(frozen=True, slots=True)
class Group:
    """Alternatives, by what they begin with: most are out of the question at the first glance."""

    by_stem: Mapping[str, Sequence[Alternative]]
    others: Sequence[Alternative]

    @classmethod
    def of(cls, alternatives: Iterable[Alternative]) -> Group:
        """Sort them."""
        by_stem: dict[str, list[Alternative]] = {}
        others = []
        for each in alternatives:
            if each.begins and not _CHINESE.search(each.begins):
                by_stem.setdefault(each.begins, []).append(each)
            else:
                others.append(each)
        return cls(by_stem, others)

    def stands_in(self, sentence: _Sentence) -> bool:
        """Whether the sentence has one of them."""
        return any(
            each.stands_in(sentence)
            for stem in self.by_stem.keys() & sentence.stems
            for each in self.by_stem[stem]
        ) or any(each.begins in sentence.text and each.stands_in(sentence) for each in self.others)


@dataclass(frozen=True, slots=True)
class Pattern:
    """Groups of alternatives. `negatable`: a plain negation right before a match calls it off."""

    groups: tuple[Group, ...]

    def matches(self, sentence: _Sentence) -> bool:
        """Whether each group has an alternative that the sentence has."""
        return all(group.stands_in(sentence) for group in self.groups)


@dataclass(frozen=True, slots=True)
class RedFlag:
    """One of a domain, with what is said when it is raised."""

    id: str
    name: str
    say: str
    zh: str
    when: tuple[Pattern, ...]
    unless: tuple[Pattern, ...] = ()

    def called_off(self, sentence: _Sentence) -> bool:
        """Whether the sentence has what calls this flag off."""
        return any(pattern.matches(sentence) for pattern in self.unless)

    def told(self, *, chinese: bool) -> str:
        """Return the fixed answer in the language of the conversation, if it has it."""
        return self.zh if chinese and self.zh else self.say


def raised(flags: Sequence[RedFlag], calm: Sequence[Pattern], text: str) -> RedFlag | None:
    """Return the first red flag whose patterns are in the user's words.

    `calm`: what calls any of them off in its sentence.
    """
    parts = [_sentence(each) for each in sentences(text)]
    alarming = [each for each in parts if not _is_calm(each, calm)]
    pairs = [
        _sentence(f"{one.text} {other.text}")
        for one, other in pairwise(parts)
        if len(one.words) + len(other.words) <= PAIR_WORDS
    ]
    for sentence in (*alarming, *(each for each in pairs if not _is_calm(each, calm))):
        for flag in flags:
            if any(pattern.matches(sentence) for pattern in flag.when) and not flag.called_off(sentence):
                return flag
    return None


def _is_calm(sentence: _Sentence, calm: Sequence[Pattern]) -> bool:
    return any(pattern.matches(sentence) for pattern in calm)


def _sentence(text: str) -> _Sentence:
    said = words(text)
    return _Sentence(text.casefold(), said, frozenset(word.stem for word in said), quantities(text))


def parse_pattern(line: str, *, negatable: bool = True) -> Pattern:
    """Read one pattern. `negatable`: not where "no chest pain" is no chest pain. Raises PatternError."""
    groups = [
        [_alternative(each.strip(), negatable) for each in group.split(" / ") if each.strip()]
        for group in re.split(r"\s\+\s", line)
    ]
    if not all(groups):
        raise PatternError(f"{line!r} has an empty group; write alternatives between the +")
    return Pattern(tuple(map(Group.of, groups)))


def _alternative(written: str, negatable: bool) -> Alternative:
    if number := _NUMBER.fullmatch(written):
        return Alternative("", _counting(number))
    if "[" in written:
        raise PatternError(f"{written!r} is no number condition; write [8 or more], [3 or less] or [2 to 5]")
    if _CHINESE.search(written):
        return Alternative(re.split("…+", written.casefold())[0], _chinese(written, negatable))
    phrase = tuple(word.stem for word in words(written))
    if not phrase:
        raise PatternError(f"{written!r} has no word")

    def stands(sentence: _Sentence) -> bool:
        return any(
            not negatable or not _negated(sentence.words, at) for at in _places(sentence.words, phrase)
        )

    return Alternative(phrase[0], stands)


def _places(said: Sequence[Word], phrase: Sequence[str]) -> list[int]:
    """Return where the phrase begins."""
    return [at for at, word in enumerate(said) if word.stem == phrase[0] and _goes_on(said, at, phrase)]


def _goes_on(said: Sequence[Word], at: int, phrase: Sequence[str]) -> bool:
    for wanted in phrase[1:]:
        near = range(at + 1, min(at + 2 + GAP_WORDS, len(said)))
        at = next((place for place in near if said[place].stem == wanted), -1)
        if at < 0:
            return False
    return True


def _negated(said: Sequence[Word], at: int) -> bool:
    before = at - 1
    while before >= 0 and said[before].text in _BETWEEN:
        before -= 1
    if before < 0 or said[before].text not in _NEGATIONS:
        return False
    return not (said[before].text == "not" and before and said[before - 1].text in _ABILITY)


def _chinese(written: str, negatable: bool) -> Callable[[_Sentence], bool]:
    pattern = re.compile(f".{{0,{GAP_CHARACTERS}}}".join(map(re.escape, re.split("…+", written.casefold()))))

    def stands(sentence: _Sentence) -> bool:
        return any(
            not negatable or not _NEGATED_ZH.search(sentence.text[: found.start()])
            for found in pattern.finditer(sentence.text)
        )

    return stands


def _counting(number: re.Match[str]) -> Callable[[_Sentence], bool]:
    low = float(number["least"] or number["over"] or number["low"] or "-inf")
    high = float(number["most"] or number["under"] or number["high"] or "inf")
    strict = bool(number["over"] or number["under"])
    counted = tuple(word.stem for word in words(number["counted"]))
    chinese = number["counted"].strip() if _CHINESE.search(number["counted"]) else ""

    def counts(sentence: _Sentence) -> bool:
        return any(
            low <= each.value <= high
            and not (strict and each.value in (low, high))
            and _is_of(sentence.text[each.end :])
            for each in sentence.quantities
        )

    def _is_of(behind: str) -> bool:
        if chinese:
            return chinese in behind[: len(chinese) + 2 * GAP_WORDS]
        near = words(behind)
        return not counted or any(place <= GAP_WORDS for place in _places(near, counted))

    return counts
