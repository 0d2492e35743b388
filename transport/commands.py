"""What every command of a client has."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """What a client asked for; `event_id` is its own name for the event, given back in errors about it."""

    event_id: str | None = None
