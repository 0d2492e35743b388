"""Rules that put what is shown into words, in groups: a group is passed over where nothing calls for it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from tts.aligned import AlignedText, Replacement


@dataclass(frozen=True, slots=True)
class Group:
    """Rules on one subject, applied one after the other, each to what the ones before it left."""

    sign: re.Pattern[str]  # found in every text that one of the rules changes; quick to look for
    rules: tuple[tuple[re.Pattern[str], Replacement], ...]


def group(sign: str, *rules: tuple[str, Replacement]) -> Group:
    """Return a group of rules given as patterns; a rule replaces only the group `said` where it has one."""
    return Group(re.compile(sign), tuple((re.compile(pattern), said) for pattern, said in rules))


def applied(text: AlignedText, groups: Iterable[Group]) -> AlignedText:
    """Return the text after all rules that it calls for."""
    for each in groups:
        if each.sign.search(text.text):
            for pattern, replacement in each.rules:
                text = text.sub(pattern, replacement)
    return text
