"""A thread for blocking calls: they run one at a time, in the order they were asked for.

Each audio engine has one, and each conversation, whose language model computes in a thread of its own.

The order is the contract behind cancellation: a step in a thread cannot be interrupted, so whoever cancels a
task lets the running step end, and what it submits next runs after it.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncGenerator, Callable, Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar, TypeVarTuple

T = TypeVar("T")
Ts = TypeVarTuple("Ts")
log = logging.getLogger(__name__)


class Worker:
    """One such thread."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.busy_s = 0.0  # that calls have taken so far
        self._threads = ThreadPoolExecutor(1, thread_name_prefix=name)

    async def run(self, call: Callable[[*Ts], T], *args: *Ts) -> T:
        """Run `call` in the thread. Cancelled before its start it never runs; later, its result is lost."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, self._timed, call, *args)

    def submit(self, call: Callable[[*Ts], object], *args: *Ts) -> None:
        """Queue `call` without waiting; an error in it is logged."""
        self._threads.submit(call, *args).add_done_callback(self._report)

    async def stream(self, items: Iterator[T]) -> AsyncGenerator[T]:
        """Iterate over `items`, each step in the thread; closes a generator when the reader leaves early."""
        try:
            while (item := await self.run(_next, items)) is not _END:
                yield item  # type: ignore[misc]  # _END has been ruled out
        finally:
            if isinstance(items, Generator):
                self.submit(items.close)

    def close(self) -> None:
        """Let the running call end; drop the rest."""
        self._threads.shutdown(wait=True, cancel_futures=True)

    def leave(self) -> None:
        """Let what was asked for run, without waiting; nothing more may be."""
        self._threads.shutdown(wait=False)

    def _timed(self, call: Callable[[*Ts], T], *args: *Ts) -> T:
        began_s = time.perf_counter()
        try:
            return call(*args)
        finally:
            self.busy_s += time.perf_counter() - began_s

    def _report(self, done: Future[object]) -> None:
        if not done.cancelled() and (error := done.exception()) is not None:
            log.error("%s: a background call failed", self.name, exc_info=error)


_END = object()


def _next(items: Iterator[T]) -> T | object:
    return next(items, _END)
