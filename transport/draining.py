"""The connections that have a session, and how all of them end when the service is about to."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections.abc import Iterator

from transport.connection import CLOSE_RESTART, Connection
from transport.framed import FramedConnection


class OpenConnections:
    """Count them with `len`."""

    def __init__(self) -> None:
        self.draining = False  # nobody may come any more
        self._open: dict[Connection, str] = {}  # and whose

    def __len__(self) -> int:
        return len(self._open)

    @contextlib.contextmanager
    def holding(self, connection: Connection, owner: str = "") -> Iterator[None]:
        """Count a connection, of an owner, as open until the block ends."""
        self._open[connection] = owner
        try:
            yield
        finally:
            del self._open[connection]

    def of(self, owner: str) -> int:
        """Return how many are open of an owner."""
        return sum(each == owner for each in self._open.values())

    async def end(self) -> None:
        """End every connection now."""
        await asyncio.gather(*(each.close(CLOSE_RESTART, "the service restarts") for each in self._open))

    def resumable(self, token: str) -> FramedConnection | None:
        """Return the connection of that token, whose client may have come back."""
        for connection in self._open:
            if isinstance(connection, FramedConnection) and secrets.compare_digest(connection.token, token):
                return connection
        return None

    async def drain(self) -> None:
        """Let nobody in any more, and end every connection, in the middle of an answer after it."""
        self.draining = True
        async with asyncio.TaskGroup() as ending:
            for connection in self._open:
                ending.create_task(connection.drain())
