"""How every command of `liushui` is declared."""

from __future__ import annotations

from argparse import SUPPRESS, ArgumentParser, RawDescriptionHelpFormatter
from collections.abc import Callable

AddParser = Callable[..., ArgumentParser]


def add_command(add_parser: AddParser, name: str, summary: str, examples: str) -> ArgumentParser:
    """Declare a command."""
    command = add_parser(
        name,
        help=summary,
        description=f"{summary[0].upper()}{summary[1:]}.",
        epilog=f"examples:{examples}",
        formatter_class=RawDescriptionHelpFormatter,
    )
    # SUPPRESS: without it this default would undo a --debug given before the command.
    command.add_argument(
        "--debug", action="store_true", default=SUPPRESS, help="show the traceback of an error"
    )
    return command
