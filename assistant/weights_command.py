"""`liushui weights`: list, fetch and verify what the store knows."""

from __future__ import annotations

from argparse import Namespace

from rich.console import Console
from rich.table import Table

from assistant.progress import CONSOLE, shown_progress
from assistant.weights import Store


def run(args: Namespace) -> None:
    """Do what `args.action` says for `args.names` (none given: see the command's help)."""
    store = Store()
    match args.action:
        case "list":
            _show(store)
        case "fetch":
            for name in args.names or _wanted(store, optional=args.all):
                with shown_progress() as progress:
                    folder = store.fetch(name, progress)
                CONSOLE.print(f"{name}: ready, in {folder}", markup=False)
        case "verify":
            for name in args.names or _present(store):
                with shown_progress() as progress:
                    folder = store.verify(name, progress)
                CONSOLE.print(f"{name}: verified, in {folder}", markup=False)


def _wanted(store: Store, *, optional: bool) -> list[str]:
    return [entry.weights.name for entry in store.entries() if entry.weights.default or optional]


def _present(store: Store) -> list[str]:
    return [entry.weights.name for entry in store.entries() if entry.state != "missing"]


def _show(store: Store) -> None:
    table = Table("name", "state", "size", "licence", "what", box=None, pad_edge=False)
    for entry in store.entries():
        weights = entry.weights
        size = f"{weights.size_bytes / 1e6:,.0f} MB"
        table.add_row(
            weights.name,
            entry.state,
            size,
            weights.licence,
            weights.what + ("" if weights.default else ", optional"),
        )
    console = Console(soft_wrap=True, highlight=False)
    console.print(table)
    console.print(f"in {store.home}", markup=False)
