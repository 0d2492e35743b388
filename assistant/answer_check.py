"""An answer on its way out: each clause is held until it ends, and leaves if its passages support it.

After a clause that is not supported the rest of its sentence is held back too: what is left of a sentence may
say the opposite of the whole.
"""

from __future__ import annotations

import re

from assistant.evidence import CLAUSE_END, SENTENCE_MARKS, Evidence
from assistant.wording import is_chinese

_VERDICT = re.compile(r"\s*(?:yes|no|correct|right|是的|不是|对|对的|不|可以|不可以)\s*", re.IGNORECASE)
_LIST_MARK = re.compile(r"^\s*(?:\d+[.)]|[-*•])\s+|\*\*")  # markdown, of which nothing is said


class AnswerCheck:
    """The text of one answer."""

    def __init__(self, evidence: Evidence, lead: str = "") -> None:
        """`lead`: what the answer began with, known to be supported."""
        self.withheld: list[str] = []  # clauses
        self._evidence = evidence
        self._pending = ""  # the open clause
        self._sentence = ""  # what of the open sentence has left
        self._owed = ""  # the mark behind what has left: it waits for what follows
        self._skipping = False  # the rest of the open sentence
        self._left = bool(lead)  # anything has left

    def push(self, text: str) -> str:
        """Take what comes next; return what may leave now."""
        self._pending += text
        out = ""
        while (end := CLAUSE_END.search(self._pending)) is not None and end.end() < len(self._pending):
            clause, mark = self._pending[: end.start()], end[0]
            self._pending = self._pending[end.end() :]
            out += self._clause(clause, mark)
        return out

    def finish(self) -> str:
        """Return what may leave of the rest."""
        rest = self._pending.rstrip()
        end = CLAUSE_END.search(rest, max(0, len(rest) - 1))
        clause, mark = (rest[: end.start()], end[0]) if end else (rest, "")
        out = self._clause(clause, mark) if clause.strip() else ""
        return out + self._mark()

    def _clause(self, clause: str, mark: str) -> str:
        ends = bool(SENTENCE_MARKS & set(mark))
        said = _LIST_MARK.sub("", clause)
        out = ""
        if not self._skipping and _VERDICT.fullmatch(said) and not self._sentence:
            self._skipping = ends and self._skipping
            return ""  # a bare yes or no: the rest says it, or nothing does
        if not self._skipping and self._evidence.supports(said, self._sentence):
            out = self._mark() + self._spaced(said)
            self._sentence += said + mark
            self._owed = mark
        else:
            if said.strip():
                self.withheld.append(said.strip())
            if self._owed and not SENTENCE_MARKS & set(self._owed):
                self._owed = "。" if is_chinese(self._sentence) else "."
            self._skipping = True
        if ends:
            self._skipping, self._sentence = False, ""
        return out

    def _spaced(self, clause: str) -> str:
        text = clause if self._left else clause.lstrip()
        if not self._sentence and text.lstrip():  # a sentence whose beginning was dropped begins here
            blank = text[: len(text) - len(text.lstrip())]
            text = blank + text.lstrip()[0].upper() + text.lstrip()[1:]
        self._left = True
        return text

    def _mark(self) -> str:
        owed, self._owed = self._owed, ""
        return owed
