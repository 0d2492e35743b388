"""Which scripts a text is written in."""

from __future__ import annotations

import unicodedata

LATIN = ("LATIN", "FULLWIDTH", "SUPERSCRIPT")  # what the names of Latin letters begin with


def share_in(text: str, *scripts: str) -> float:
    """Return the share of the letters that belong to the scripts, named as in Unicode (LATIN, CJK, CYRILLIC).

    1 without letters.
    """
    letters = [character for character in text if character.isalpha()]
    inside = sum(is_in(letter, *scripts) for letter in letters)
    return inside / len(letters) if letters else 1.0


def foreign_share(text: str) -> float:
    """Return the share of the letters that are not Latin; 0 without letters."""
    return 1.0 - share_in(text, *LATIN)


def is_in(letter: str, *scripts: str) -> bool:
    """Say whether a letter belongs to one of the scripts."""
    return unicodedata.name(letter, "").split(" ")[0] in scripts
