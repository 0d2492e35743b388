"""What people say to a domain, as examples to learn from: the lines of its `wordings.jsonl`.

    {"text": "the left side of his mouth is sort of slipping", "flag": "stroke"}
    {"text": "my face is red after the gym", "flag": null}
    {"text": "can I have a pint with these", "flag": null, "entries": ["alcohol-and-medicine"]}
    {"text": "who invented aspirin", "entries": []}

`flag`: the red flag that it raises, null for none; `entries`: those that answer it, the best first. What is
not said of a line is not learned from it.
"""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any


class WordingsError(ValueError):
    """A `wordings.jsonl` that cannot be read; the message names the line."""


@dataclass(frozen=True, slots=True)
class Wording:
    """What somebody says."""

    text: str
    flag: str | None = None  # the id of the red flag that it raises
    judged: bool = True  # `flag` says so; else nobody has looked
    entries: tuple[str, ...] | None = None  # the ids of those that answer it; None: nobody has looked


def read_wordings(path: Path, flags: Collection[str], entries: Collection[str]) -> tuple[Wording, ...]:
    """Read the file; none if there is none. `flags`, `entries`: the ids that there are.

    Raises WordingsError.
    """
    if not path.is_file():
        return ()
    read = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        if line.strip():
            try:
                read.append(_wording(json.loads(line), flags, entries))
            except ValueError as error:
                raise WordingsError(f"{path.name}, line {number}: {line!r}: {error}") from error
    return tuple(read)


def _wording(said: Any, flags: Collection[str], entries: Collection[str]) -> Wording:
    if not isinstance(said, dict) or not {"flag", "entries"} & said.keys():
        raise ValueError('write {"text": ..., "flag": ...} or {"text": ..., "entries": [...]}')
    text, flag, answering = said.get("text"), said.get("flag"), said.get("entries")
    if not isinstance(text, str) or not text.strip():
        raise ValueError(f"the text is {text!r}; write what somebody says")
    if flag is not None and flag not in flags:
        raise ValueError(f"{flag!r} is no red flag of safety.md; use null or one of its ids")
    if answering is None:
        return Wording(text, flag)
    if not isinstance(answering, list) or (unknown := [each for each in answering if each not in entries]):
        raise ValueError(f"{unknown[0] if isinstance(answering, list) else answering!r} is no entry's id")
    return Wording(text, flag, "flag" in said, tuple(answering))
