"""The dialogues that `tests.bench.consult` asks: a JSON object a line, as in samples/*/dialogues.jsonl."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Turn:
    """What the user says, and what the assistant should do about it."""

    user: str
    passages: tuple[str, ...] | None = None  # any of these supports the answer; none: nothing does
    red_flag: str | None = None
    smalltalk: bool = False


@dataclass(frozen=True, slots=True)
class Talk:
    """One conversation."""

    id: str
    turns: tuple[Turn, ...]

    def questions(self) -> Iterator[tuple[Turn, str]]:
        """Yield each turn with the question before it."""
        before = ""
        for turn in self.turns:
            yield turn, before
            if not turn.smalltalk:
                before = turn.user


def read_talks(path: Path) -> list[Talk]:
    """Read a file of dialogues. Raises ValueError with the line that cannot be read."""
    talks = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        if not line.strip():
            continue
        try:
            talk = json.loads(line)
            talks.append(Talk(talk["id"], tuple(map(_turn, talk["turns"]))))
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(f"{path}, line {number} is no dialogue: {error!r}") from error
    return talks


def _turn(turn: dict[str, object]) -> Turn:
    passages = turn.get("passages")
    return Turn(
        str(turn["user"]),
        None if passages is None else tuple(map(str, passages)) if isinstance(passages, list) else (),
        str(turn["red_flag"]) if turn.get("red_flag") else None,
        bool(turn.get("smalltalk")),
    )
