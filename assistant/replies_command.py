"""`liushui replies`: look at the replies to common questions that were kept, and remove some."""

from __future__ import annotations

import shutil
from argparse import Namespace
from datetime import datetime
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from assistant.errors import ConfigError
from assistant.weights import default_home
from llm.kept_files import remove
from llm.reply_files import Stored, read_all

ID_CHARS = 8  # of a file's name, as shown; more tell two apart that begin alike


def folder_of(domain: str) -> Path:
    """Return where a domain's replies lie: `$LIUSHUI_HOME/replies/<domain>`."""
    return default_home() / "replies" / domain


def run(args: Namespace) -> None:
    """Do what `args.action` says. Raises ConfigError for a domain or an id that is not there."""
    console = Console(soft_wrap=True, highlight=False, markup=False)
    match args.action:
        case "list":
            console.print(_table(_folders(args.domain)))
        case "show":
            for stored in _chosen(args.ids):
                _show(console, stored)
        case "remove":
            chosen = _chosen(args.ids)
            remove(stored.path for stored in chosen)
            console.print(f"removed {len(chosen)}")
        case "clear":
            for folder in _folders(args.domain):
                shutil.rmtree(folder)
                console.print(f"removed {folder}")


def _folders(domain: str | None = None) -> list[Path]:
    root = folder_of("")
    folders = sorted(path for path in root.iterdir() if path.is_dir()) if root.is_dir() else []
    chosen = [path for path in folders if domain in (None, path.name)]
    if domain is not None and not chosen:  # compared by name: no path leads out of the folder
        known = ", ".join(path.name for path in folders) or "none yet"
        raise ConfigError(f"no replies are kept for the domain {domain!r} (there are: {known})")
    return chosen


def _chosen(ids: list[str]) -> list[Stored]:
    every = [stored for folder in _folders() for stored in read_all(folder)]
    return [_one(every, id) for id in ids]


def _one(every: list[Stored], id: str) -> Stored:
    found = [stored for stored in every if stored.path.stem.startswith(id)]
    if len(found) != 1:
        raise ConfigError(
            f"{len(found)} replies have an id that begins with {id!r}: see `liushui replies list`"
        )
    return found[0]


def _table(folders: list[Path]) -> Table:
    table = Table("id", "domain", "last used", "size", "question", box=None, pad_edge=False)
    for folder in folders:
        for stored in reversed(read_all(folder)):
            reply = stored.reply
            table.add_row(
                stored.path.stem[:ID_CHARS],
                Text(folder.name),
                _date(stored.used_s),
                f"{reply.size_bytes / 1e6:,.1f} MB",
                Text(reply.question + (" (in a dialogue)" if reply.context else "")),
            )
    return table


def _show(console: Console, stored: Stored) -> None:
    reply = stored.reply
    kv = "no keys and values"
    if reply.part is not None:
        kv = f"keys and values {tuple(reply.part.key_values.shape)}"
    console.print(f"question   {reply.question}")
    console.print(f"reply      {reply.text}")
    console.print(f"context    {reply.context or 'the beginning of a dialogue'}")
    console.print(f"model      {stored.origin.model}, prompt {stored.origin.prompt}")
    console.print(f"kept       {len(reply.ids)} tokens, {kv}, last used {_date(stored.used_s)}")
    console.print(f"file       {stored.path}")


def _date(seconds: float) -> str:
    return datetime.fromtimestamp(seconds).strftime("%Y-%m-%d %H:%M")
