"""`liushui voices`: what `--voice` takes, and what is here."""

from __future__ import annotations

from argparse import Namespace

from rich.console import Console
from rich.table import Table

from assistant.voices import VOICES, VoiceEntry, is_installed, missing_bytes
from assistant.weights import Store


def run(args: Namespace) -> None:
    """List the voices."""
    store = Store()
    table = Table("name", "engine", "language", "rate", "licence", "state", box=None, pad_edge=False)
    for entry in VOICES:
        languages = ", ".join(entry.languages)
        if entry.accent:
            languages = f"{entry.accent} accent: {languages}"
        rate = f"{entry.sample_rate_hz / 1000:g} kHz"
        table.add_row(entry.name, entry.engine, languages, rate, entry.licence, _state(entry, store))
    console = Console(soft_wrap=True, highlight=False)
    console.print(table)
    console.print("also: the .onnx file of any Piper voice; coqui:FOLDER of a Coqui model", markup=False)


def _state(entry: VoiceEntry, store: Store) -> str:
    size = missing_bytes(entry, store)
    steps = [f"{size / 1e6:,.0f} MB to fetch"] if size else []
    if not is_installed(entry):
        steps.append(f"pip install 'liushui[{entry.extra}]'")
    return ", ".join(steps) or "here"
