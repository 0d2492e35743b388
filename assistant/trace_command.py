"""`liushui trace`: a picture of where the time of a recorded session went."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path

from assistant.errors import ConfigError
from assistant.recorded import moment, open_record, session_of, turns_of
from assistant.say_plot import check_library
from assistant.trace_plot import draw


def run(args: Namespace) -> None:
    """Draw the session `args.id` into `args.out`. Raises ConfigError."""
    check_library()
    with open_record() as store:
        session = session_of(store, args.id)
        turns = [turn for turn in turns_of(store, session) if not turn.aside]  # who spoke when
    if not turns:
        raise ConfigError(f"{session['id']} has no turn of a conversation: there is nothing to draw")
    path = args.out or Path(f"{session['id']}.png")
    draw(turns, f"{session['domain']}   {moment(session['began_s'])}   {session['id']}", path)
    print(path)
