"""The connections that have a session, and how all of them end when the service is about to."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections.abc import Iterator

from transport.connection import Connection
from transport.framed import FramedConnection


class OpenConnections:
    """Count them with `len`."""

    def __init__(self) -> None:
        self.draining = False  # nobody may come any more
        self._open: set[Connection] = set()

    def __len__(self) -> int:
        return len(self._open)

    @contextlib.contextmanager
    def holding(self, connection: Connection) -> Iterator[None]:
        """Count a connection as open until the block ends."""
        self._open.add(connection)
        try:
            yield
        finally:
            self._open.remove(connection)

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
