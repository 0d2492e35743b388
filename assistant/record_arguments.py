"""What can be typed about what is kept of conversations. Standard library only."""

from __future__ import annotations

from argparse import ArgumentParser, ArgumentTypeError
from datetime import datetime
from pathlib import Path

from assistant.command_parser import AddParser, add_command

SESSIONS_EXAMPLES = """
  liushui sessions list
  liushui sessions show sess_3f9a
  liushui sessions export sess_3f9a -o conversation.json
  liushui sessions delete sess_3f9a
  liushui sessions delete --all-before 2026-01-31
They are there where the service was started with --record. What is deleted is overwritten.
"""
FEEDBACK_EXAMPLES = """
  liushui feedback list
  liushui feedback summary
Ratings are there where the service was started with --feedback or --record.
"""
TRACE_EXAMPLES = """
  liushui trace sess_3f9a
  liushui trace sess_3f9a -o conversation.png
It needs the extra `plot`, and a service that was started with --record.
"""


def add_records(add_parser: AddParser) -> None:
    """Declare `sessions`, `feedback` and `trace`."""
    _add_sessions(add_parser)
    command = add_command(
        add_parser,
        "feedback",
        "show how answers were rated: were they fluent, were they right",
        FEEDBACK_EXAMPLES,
    )
    actions = command.add_subparsers(dest="action", required=True, metavar="ACTION")
    actions.add_parser("list", help="every rating, the newest first")
    actions.add_parser("summary", help="shares per domain, voice and pace, with 95 %% intervals")
    trace = add_command(add_parser, "trace", "draw where the time of a recorded session went", TRACE_EXAMPLES)
    trace.add_argument("id", metavar="SESSION", help="as `liushui sessions list` shows it, or its beginning")
    trace.add_argument(
        "-o", "--out", type=Path, metavar="PNG", help="file to write (default: SESSION.png, here)"
    )


def add_reporting(command: ArgumentParser) -> None:
    """Declare what `serve` keeps and tells."""
    command.add_argument(
        "--record",
        action="store_true",
        help="keep what is said and what is heard, with what names a person taken out, on disk (see "
        "`liushui sessions`); clients are told",
    )
    command.add_argument(
        "--record-days",
        type=int,
        default=30,
        metavar="N",
        help="delete what was kept after so many days (default: %(default)s)",
    )
    command.add_argument(
        "--feedback",
        action="store_true",
        help="keep users' ratings of answers, without words (see `liushui feedback`); --record does too",
    )
    command.add_argument(
        "--metrics",
        action="store_true",
        help="show metrics for Prometheus at /metrics: to who has an API key, without keys to this machine",
    )
    command.add_argument(
        "--otlp",
        metavar="URL",
        help="send a trace of each turn to this OpenTelemetry collector, such as http://localhost:4318 "
        "(default: where OTEL_EXPORTER_OTLP_ENDPOINT says; needs the extra `otel`)",
    )
    command.add_argument(
        "--log-json",
        action="store_true",
        help="log to standard error as JSON lines, one for each turn (or: LIUSHUI_LOG=json)",
    )
    command.add_argument("--log-content", action="store_true", help="with what was said")


def _add_sessions(add_parser: AddParser) -> None:
    command = add_command(
        add_parser, "sessions", "show, export and delete recorded conversations", SESSIONS_EXAMPLES
    )
    actions = command.add_subparsers(dest="action", required=True, metavar="ACTION")
    actions.add_parser("list", help="what is kept, the newest first")
    show = actions.add_parser("show", help="what was said and heard")
    export = actions.add_parser("export", help="all that is kept of a session, as JSON")
    export.add_argument(
        "-o", "--out", type=Path, metavar="JSON", help="file to write (default: standard output)"
    )
    delete = actions.add_parser("delete", help="delete sessions, with their ratings")
    show.add_argument("ids", nargs="+", metavar="ID", help="as `list` shows it, or its beginning")
    export.add_argument("id", metavar="ID", help="as `list` shows it, or its beginning")
    delete.add_argument("ids", nargs="*", metavar="ID", help="as `list` shows it, or its beginning")
    delete.add_argument(
        "--all-before",
        type=_day,
        metavar="DATE",
        help="all that began before this day, such as 2026-01-31, and ratings given before it",
    )


def _day(text: str) -> float:
    """The Unix time at which a day begins, here."""
    try:
        return datetime.strptime(text, "%Y-%m-%d").timestamp()
    except ValueError as error:
        raise ArgumentTypeError(f"{text} is no day: write it as 2026-01-31") from error
