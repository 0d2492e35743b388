"""What the benches over a folder of recordings are asked with."""

from __future__ import annotations

import argparse
from pathlib import Path

from assistant.persona import SAMPLES


def audio_parser(name: str, doc: str | None) -> argparse.ArgumentParser:
    """Make the parser of the bench `name`; `doc`: what its help says."""
    parser = argparse.ArgumentParser(
        f"tests.bench.{name}", description=doc, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--audio", type=Path, default=SAMPLES / "wav", metavar="DIR", help="*.wav, *.flac and transcripts.tsv"
    )
    parser.add_argument("--json", action="store_true", help="print nothing but the JSON line")
    return parser
