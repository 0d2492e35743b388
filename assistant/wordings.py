"""What people say to a domain, as examples to learn from: `wordings.jsonl`."""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path


class WordingsError(ValueError):
    """A `wordings.jsonl` that cannot be read; the message names the line."""


@dataclass(frozen=True, slots=True)
class Wording:
    """What somebody says, and the id of the red flag that it raises; None: none."""

    text: str
    flag: str | None


def read_wordings(path: Path, flags: Collection[str]) -> tuple[Wording, ...]:
    """Read the file; none if there is none. `flags`: the ids that there are. Raises WordingsError."""
    if not path.is_file():
        return ()
    lines = path.read_text(encoding="utf-8").splitlines()
    return tuple(
        _wording(line, f"{path.name}, line {number}", flags)
        for number, line in enumerate(lines, start=1)
        if line.strip()
    )


def _wording(line: str, place: str, flags: Collection[str]) -> Wording:
    try:
        read = json.loads(line)
        text, flag = read["text"], read["flag"]
    except (ValueError, TypeError, KeyError) as error:
        raise WordingsError(f'{place}: {line!r} is no {{"text": ..., "flag": ...}} ({error})') from error
    if not isinstance(text, str) or not text.strip():
        raise WordingsError(f"{place}: the text is {text!r}; write what somebody says")
    if flag is not None and flag not in flags:
        raise WordingsError(f"{place}: {flag!r} is no red flag of safety.md; use null or one of its ids")
    return Wording(text, flag)
