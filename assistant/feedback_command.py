"""`liushui feedback`: how answers were rated, one by one or as shares per domain, voice and pace."""

from __future__ import annotations

import math
import sqlite3
from argparse import Namespace
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table
from rich.text import Text

from assistant.recorded import moment, open_record, short, verdict

Z = 1.96  # of a 95 % interval
USUAL_PACE = (0.95, 1.05)  # a rate within is not heard as slower or faster


@dataclass(frozen=True, slots=True)
class Share:
    """How many of those who said something said yes."""

    yes: int
    said: int

    @classmethod
    def of(cls, answers: Iterable[int | None]) -> Share:
        """Count answers; None: nothing was said."""
        said = [answer for answer in answers if answer is not None]
        return cls(sum(said), len(said))

    def interval(self) -> tuple[float, float]:
        """Where the true share lies, 19 times of 20 (Wilson 1927: right for few ones too)."""
        if not self.said:
            return 0.0, 1.0
        share, n = self.yes / self.said, self.said
        middle = share + Z**2 / (2 * n)
        spread = Z * math.sqrt(share * (1 - share) / n + Z**2 / (4 * n**2))
        return max(0.0, (middle - spread) / (1 + Z**2 / n)), min(1.0, (middle + spread) / (1 + Z**2 / n))

    def __str__(self) -> str:
        if not self.said:
            return "-"
        low, high = self.interval()
        return f"{self.yes / self.said:4.0%}  {self.yes}/{self.said}  ({low:.0%} to {high:.0%})"


def run(args: Namespace) -> None:
    """Do what `args.action` says."""
    console = Console(soft_wrap=True, highlight=False, markup=False)
    with open_record() as store:
        ratings = store.ratings()
    console.print(_list(ratings) if args.action == "list" else _summary(ratings))


def _list(ratings: list[sqlite3.Row]) -> Table:
    table = Table(
        "given",
        "fluent",
        "right",
        "by",
        "domain",
        "voice",
        "pace",
        "V2V",
        "session",
        "comment",
        box=None,
        pad_edge=False,
    )
    for row in ratings:
        table.add_row(
            moment(row["at_s"]),
            verdict(row["was_fluent"]),
            verdict(row["was_right"]),
            row["rated_by"],
            Text(row["domain"]),
            Text(row["voice"] or "(text)"),
            f"{row['pace']:.2f}",
            "" if row["v2v_ms"] is None else f"{row['v2v_ms']:.0f} ms",
            "" if row["session_id"] is None else f"{short(row['session_id'])} {row['number']}",
            Text(row["comment"] or ""),
        )
    for column in table.columns[:-1]:
        column.no_wrap = True
    return table


def _summary(ratings: list[sqlite3.Row]) -> Table:
    table = Table("", "", "fluent", "right", box=None, pad_edge=False)
    table.add_row("all", "", *_shares(ratings))
    for title, group_of in GROUPS.items():
        for group in sorted({group_of(row) for row in ratings}):
            table.add_row(title, Text(group), *_shares(row for row in ratings if group_of(row) == group))
    return table


GROUPS: dict[str, Callable[[sqlite3.Row], str]] = {
    "domain": lambda row: str(row["domain"]),
    "voice": lambda row: str(row["voice"] or "(text)"),
    "pace": lambda row: pace_group(row["pace"]),
}


def pace_group(rate: float) -> str:
    """What a speaking rate is counted as."""
    low, high = USUAL_PACE
    return "slower" if rate < low else "faster" if rate > high else "usual"


def _shares(ratings: Iterable[sqlite3.Row]) -> tuple[str, str]:
    rows = list(ratings)
    fluent, right = (Share.of(row[name] for row in rows) for name in ("was_fluent", "was_right"))
    return str(fluent), str(right)
