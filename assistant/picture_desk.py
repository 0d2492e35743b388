"""Where pictures are read: one at a time in the whole process, behind everything that speaks."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable

from assistant.errors import PictureUnread
from assistant.image_reading import RapidOcr, TextFinder, read_picture
from assistant.pictures import ReadPicture
from assistant.workers import Worker
from transport.pictures import Picture

log = logging.getLogger(__name__)

MAX_WAITING = 8  # a picture for each conversation; at two seconds each, more would wait longer than they may
NICENESS = 10  # its thread gets a tenth of a core that speech wants, and all of one that nobody wants


class PictureDesk:
    """Reads pictures for all conversations. What finds the text is loaded with the first one."""

    def __init__(
        self,
        load: Callable[[], TextFinder] = RapidOcr,
        worker: Worker | None = None,
        cutter: Worker | None = None,
    ) -> None:
        """`cutter`: cuts out what is shown, some 20 ms each; it must not wait for a picture that is read."""
        self.cutter = cutter or Worker("cutter")
        self._load = load
        self._worker = worker or Worker("pictures")
        self._finder: TextFinder | None = None  # only the worker's thread touches it
        self._waiting = 0

    async def read(self, picture: Picture) -> ReadPicture:
        """Read one. Raises PictureUnread, which says why."""
        if self._waiting >= MAX_WAITING:
            raise PictureUnread(f"{self._waiting} pictures wait to be read already: send it again later")
        self._waiting += 1
        try:
            return await self._worker.run(self._read, picture)
        finally:
            self._waiting -= 1

    def close(self) -> None:
        """Let the running one end, and drop the rest."""
        self._worker.close()
        self.cutter.close()

    def _read(self, picture: Picture) -> ReadPicture:
        if self._finder is None:
            _be_nice()
            try:
                self._finder = self._load()
            except ModuleNotFoundError as error:
                raise not_installed(error) from error
        return read_picture(picture.data, picture.header, self._finder)


def not_installed(error: ModuleNotFoundError) -> PictureUnread:
    """Return what to say where the library is missing."""
    return PictureUnread(f"pictures cannot be read: {error.name} is missing, pip install 'liushui[images]'")


def _be_nice() -> None:
    """Lower this thread's priority; only Linux has one for each thread."""
    if hasattr(os, "setpriority") and os.uname().sysname == "Linux":
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICENESS)
