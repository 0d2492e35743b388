"""Reads pictures in a process of its own, behind everything that speaks.

A thread of low priority would hold Python's lock while it waits for a core, and the conversations with it: on
two busy cores that was 374 ms at worst. And what a decoder dies of, no conversation does.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import signal
import threading
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from functools import cache
from typing import Protocol

from assistant.errors import PictureUnread
from assistant.image_reading import RapidOcr, TextFinder, read_picture
from assistant.pictures import ReadPicture
from transport.image_header import ImageHeader
from transport.pictures import Picture

NICENESS = 10  # a tenth of what speech gets of a core that both want, and all of one that nobody wants


class Reader(Protocol):
    """Reads pictures, one at a time."""

    async def read(self, picture: Picture) -> ReadPicture:
        """Read one. Raises PictureUnread. Cancelled before its start it is never read."""

    def close(self) -> None:
        """Let the running one end, and drop the rest."""


class ProcessReader:
    """The process begins, and loads what finds the text, with the first picture."""

    def __init__(self) -> None:
        self._process: ProcessPoolExecutor | None = None

    async def read(self, picture: Picture) -> ReadPicture:
        """See `Reader`."""
        if self._process is None:
            fresh = multiprocessing.get_context("spawn")  # a fork would have the engines' threads' locks
            self._process = ProcessPoolExecutor(1, fresh, _begin)
        loop = asyncio.get_running_loop()
        try:
            return await loop.run_in_executor(self._process, _read, picture.data, picture.header)
        except BrokenProcessPool as error:
            self.close()
            raise PictureUnread("what reads pictures broke down: send it again, or another one") from error

    def close(self) -> None:
        """See `Reader`."""
        if self._process is not None:
            self._process.shutdown(wait=True, cancel_futures=True)
            self._process = None


def not_installed(error: ModuleNotFoundError) -> PictureUnread:
    """Return what to say where the library is missing."""
    return PictureUnread(f"pictures cannot be read: {error.name} is missing, pip install 'liushui[images]'")


def _begin() -> None:
    """The process begins: it goes when the service does, by whatever that went."""
    os.nice(NICENESS)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the service, which closes this
    threading.Thread(target=_follow_parent, daemon=True).start()


def _follow_parent() -> None:
    if (parent := multiprocessing.parent_process()) is not None:
        parent.join()
        os._exit(1)


def _read(data: bytes, header: ImageHeader) -> ReadPicture:
    return read_picture(data, header, _finder())


@cache
def _finder() -> TextFinder:
    try:
        return RapidOcr()
    except ModuleNotFoundError as error:
        raise not_installed(error) from error
