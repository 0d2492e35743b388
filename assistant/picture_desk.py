"""Where pictures are read: one at a time for all conversations."""

from __future__ import annotations

from assistant.errors import PictureUnread
from assistant.picture_reader import ProcessReader, Reader
from assistant.pictures import ReadPicture
from assistant.workers import Worker
from transport.pictures import Picture

MAX_WAITING = 8  # a picture for each conversation; at two seconds each, more would wait longer than they may


class PictureDesk:
    """Has pictures read, and cuts out what is shown of them."""

    def __init__(self, reader: Reader | None = None, cutter: Worker | None = None) -> None:
        """`cutter`: some 20 ms for each place; it must not wait for a picture that is read."""
        self.cutter = cutter or Worker("cutter")
        self._reader = reader or ProcessReader()
        self._waiting = 0

    async def read(self, picture: Picture) -> ReadPicture:
        """Read one. Raises PictureUnread, which says why."""
        if self._waiting >= MAX_WAITING:
            raise PictureUnread(f"{self._waiting} pictures wait to be read already: send it again later")
        self._waiting += 1
        try:
            return await self._reader.read(picture)
        finally:
            self._waiting -= 1

    def close(self) -> None:
        """Let the running one end, and drop the rest."""
        self._reader.close()
        self.cutter.close()
