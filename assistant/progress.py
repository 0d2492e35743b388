"""Progress on stderr: a bar in a terminal, one line per step elsewhere (a log, a pipe)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TypeVar

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TaskID, TextColumn, TimeRemainingColumn, track

from assistant.weights import Progress as Report

T = TypeVar("T")

CONSOLE = Console(stderr=True, highlight=False, soft_wrap=True)  # one for all: a bar may run inside a step
WORTH_A_LINE_BYTES = 5_000_000  # smaller files are there before a line about them is read


@contextmanager
def shown_progress() -> Iterator[Report]:
    """Yield a callable (what, done_bytes, total_bytes) that shows it; a total of 0 means not known.

    Nothing is shown before the first call.
    """
    with _bar() if CONSOLE.is_terminal else _lines() as report:
        yield report


@contextmanager
def shown_step(what: str) -> Iterator[None]:
    """Show `what` with a spinner while the block runs: for a step that cannot tell how far it is."""
    with CONSOLE.status(what):
        yield


def shown_count(items: Sequence[T], what: str) -> Iterator[T]:
    """Yield the items, with a bar of how many are done."""
    yield from track(items, what, console=CONSOLE, transient=True, disable=not CONSOLE.is_terminal)


@contextmanager
def _bar() -> Iterator[Report]:
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    with Progress(*columns, console=CONSOLE, transient=True) as progress:
        tasks: dict[str, TaskID] = {}

        def report(what: str, done_bytes: int, total_bytes: int) -> None:
            if what not in tasks:
                for task in tasks.values():
                    progress.remove_task(task)
                tasks.clear()
                tasks[what] = progress.add_task(what, total=None)
            progress.update(tasks[what], completed=done_bytes, total=total_bytes or None)

        yield report


@contextmanager
def _lines() -> Iterator[Report]:
    said: set[str] = set()

    def report(what: str, done_bytes: int, total_bytes: int) -> None:
        if what not in said and (total_bytes >= WORTH_A_LINE_BYTES or not total_bytes):
            said.add(what)
            CONSOLE.print(f"{what} ({total_bytes / 1e6:,.0f} MB)" if total_bytes else what, markup=False)

    yield report
