"""What supports an answer: are its numbers and words in the passages, or in the user's question?

Nothing here understands a clause. A number counts with its unit, a word by its stem, a negation by what
stands before it; what cannot be found is taken for made up.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from assistant.ordinary_words import ADVISING_WORDS, CHINESE_ADVISING_WORDS
from assistant.quantities import Quantity, quantities, without_quantities
from assistant.wording import Word, is_content, words
from llm.words_zh import HAN

CLAUSE_END = re.compile(r"[,;:](?=\s|$)|[.!?]+(?=\s|$)|[。！？；，：、\n]+|\s[-–—]+(?=\s)|—")
SENTENCE_MARKS = frozenset(".!?。！？\n")
_NEGATIONS = {"no", "not", "never", "without", "neither", "nor", "none", "avoid", "unless", "stop"}
_NEGATION_ZH = re.compile("[不勿没未无别禁]|避免|切忌|停止")
# What begins a part of a sentence that a negation before it does not reach.
_TURNS = {"but", "because", "instead", "so", "then", "however"}


@dataclass(frozen=True, slots=True)
class _Clause:
    stems: frozenset[str]  # of content words
    negated: bool  # by itself, or by what stands before it in its sentence


class Evidence:
    """The passages of one answer, and the question."""

    def __init__(self, passages: Sequence[str], question: str) -> None:
        self._text = "\n".join(passages)
        self._question = question
        self._numbers = quantities(self._text)
        self._asked = quantities(question)
        self._stems = {word.stem for word in words(self._text)}
        self._known = self._stems | {word.stem for word in words(question)}
        self._clauses = [clause for passage in passages for clause in _clauses(passage)]

    def supports(self, clause: str, before: str = "") -> bool:
        """Whether a clause may be said; `before`: of its sentence, what was said already."""
        return (
            not self.unsupported_numbers(clause)
            and not self.unsupported_words(clause)
            and not self._turns_around(clause, before)
        )

    def unsupported_numbers(self, clause: str) -> list[Quantity]:
        """Return the numbers that neither the passages nor the question have.

        One that only the question has is none of its own where the passages say another of its unit: "can I
        take 3000 mg" is no reason to say "you can take 3000 mg".
        """
        units = {each.unit for each in self._numbers if each.unit}
        asked = [each for each in self._asked if each.unit not in units]
        return [each for each in quantities(clause) if not any(map(each.is_like, (*self._numbers, *asked)))]

    def unsupported_words(self, clause: str) -> list[str]:
        """Return the words that say something, and that neither the passages nor the question have."""
        said = words(without_quantities(clause))
        return [word.text for word in said if is_content(word) and not self._has(word)]

    def _has(self, word: Word) -> bool:
        if HAN.match(word.text):
            said = word.text in self._text or word.text in self._question
            return (
                said or word.text in CHINESE_ADVISING_WORDS or all(each in self._text for each in word.text)
            )
        return word.stem in self._known or word.text in ADVISING_WORDS

    def _turns_around(self, clause: str, before: str) -> bool:
        """Whether a clause says of the same words what no passage says of them: that it is so, or is not."""
        said = list(_clauses(before + clause))
        if not said or not (stems := said[-1].stems & self._stems):
            return False
        shared = [len(stems & each.stems) for each in self._clauses]
        nearest = max(shared, default=0)
        if nearest == 0:
            return False
        alike = [each for each, count in zip(self._clauses, shared, strict=True) if count == nearest]
        return all(each.negated != said[-1].negated for each in alike)


def _clauses(text: str) -> list[_Clause]:
    """Cut a text into clauses; a negation reaches to the end of its sentence, or to a word that turns it."""
    found: list[_Clause] = []
    negated, at = False, 0
    for end in (*CLAUSE_END.finditer(text), None):
        part = text[at : end.start() if end else len(text)]
        said = words(part)
        if said and said[0].text in _TURNS:
            negated = False
        negated = negated or any(word.text in _NEGATIONS for word in said) or bool(_NEGATION_ZH.search(part))
        if said:
            found.append(_Clause(frozenset(word.stem for word in said if is_content(word)), negated))
        if end is None:
            break
        negated = negated and not SENTENCE_MARKS & set(end[0])
        at = end.end()
    return found
