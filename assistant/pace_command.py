"""`liushui pace`: forget the speaking paces kept of users."""

from __future__ import annotations

from argparse import Namespace

from assistant.pace_store import FOLDER, PaceStore
from assistant.weights import default_home


def run(args: Namespace) -> None:
    """Forget every user named. A session of theirs that is open keeps nothing when it ends."""
    store = PaceStore(default_home() / FOLDER)
    for user in args.users:
        print(f"{user}: {'forgotten' if store.forget(user) else 'nothing was kept'}")
