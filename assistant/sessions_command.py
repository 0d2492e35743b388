"""`liushui sessions`: list, show, export and delete what was recorded of conversations."""

from __future__ import annotations

import json
import os
import sqlite3
from argparse import Namespace
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from assistant.errors import ConfigError
from assistant.pictures import without_pictures
from assistant.record_store import RecordStore
from assistant.recorded import moment, open_record, session_of, short, verdict

FIRST_CHARS = 60  # of what the user began with, in the list


def run(args: Namespace) -> None:
    """Do what `args.action` says. Raises ConfigError for a session that is not there."""
    console = Console(soft_wrap=True, highlight=False, markup=False)
    with open_record() as store:
        match args.action:
            case "list":
                console.print(_table(store.sessions()))
            case "show":
                for id in args.ids:
                    _show(console, store, session_of(store, id))
            case "export":
                _export(store, session_of(store, args.id), args.out)
            case "delete":
                console.print(f"deleted {_delete(store, args)}")


def _delete(store: RecordStore, args: Namespace) -> int:
    if not args.ids and args.all_before is None:
        raise ConfigError("nothing was named: give a session's id, or --all-before DATE")
    sessions = [session_of(store, id) for id in args.ids]
    for session in sessions:
        store.delete(session["id"])
    older = 0 if args.all_before is None else store.delete_before(args.all_before)
    return len({session["id"] for session in sessions}) + older


def _table(sessions: list[sqlite3.Row]) -> Table:
    table = Table(
        "id", "began", "lasted", "domain", "turns", "ratings", "began with", box=None, pad_edge=False
    )
    for row in sessions:
        first = " ".join((without_pictures(row["first"] or "") or row["first"] or "").split())
        table.add_row(
            short(row["id"]),
            moment(row["began_s"]),
            "open" if row["ended_s"] is None else _length(row["ended_s"] - row["began_s"]),
            Text(row["domain"]),
            str(row["turns"]),
            str(row["ratings"]),
            Text(first if len(first) <= FIRST_CHARS else first[: FIRST_CHARS - 1] + "…"),
        )
    for column in table.columns[:-1]:
        column.no_wrap = True
    return table


def _length(seconds: float) -> str:
    return f"{int(seconds) // 60}:{int(seconds) % 60:02}"


def _show(console: Console, store: RecordStore, session: sqlite3.Row) -> None:
    ratings = {row["number"]: row for row in store.ratings(session["id"])}
    engines = ", ".join(session[name] for name in ("model", "recognizer", "voice") if session[name])
    console.print(f"{session['id']}   {moment(session['began_s'])}   {session['domain']}   {engines}")
    for turn in store.turns(session["id"]):
        details = json.loads(turn["details"])
        v2v = "" if turn["v2v_ms"] is None else f", {turn['v2v_ms']:.0f} ms voice to voice"
        reason = f" ({details['reason']})" if details["reason"] else ""
        aside = ", beside the conversation" if details.get("aside") else ""
        console.print(f"\n{turn['number']:>3}  {turn['status']}{reason}{v2v}{aside}", style="dim")
        console.print(Text.assemble(("     user   ", "bold cyan"), turn["user_text"]))
        console.print(Text.assemble(("     heard  ", "bold green"), turn["heard"].strip()))
        if unheard := turn["said"][len(turn["heard"]) :].strip():
            console.print(Text.assemble(("     not    ", "bold yellow"), (unheard, "dim")))
        if details["passages"]:
            console.print(f"     used   {', '.join(details['passages'])}")
        if (row := ratings.get(turn["number"])) is not None:
            console.print(Text.assemble(("     rated  ", "bold magenta"), _rated(row)))


def _rated(row: sqlite3.Row) -> str:
    said = [
        f"{name}: {verdict(row[f'was_{name}'])}"
        for name in ("fluent", "right")
        if row[f"was_{name}"] is not None
    ]
    return ", ".join([*said, *([repr(row["comment"])] if row["comment"] else [])])


def _export(store: RecordStore, session: sqlite3.Row, out: Path | None) -> None:
    turns = []
    for turn in store.turns(session["id"]):
        fields = {**dict(turn), **json.loads(turn["details"])}
        del fields["details"]
        turns.append(fields)
    ratings = [{**dict(row), "marks": json.loads(row["marks"])} for row in store.ratings(session["id"])]
    for rating in ratings:  # those are in the turn
        del rating["user_text"], rating["heard"]
    text = json.dumps({**dict(session), "turns": turns, "ratings": ratings}, ensure_ascii=False, indent=2)
    if out is None:
        print(text)
        return
    with os.fdopen(os.open(out, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
        file.write(text + "\n")
