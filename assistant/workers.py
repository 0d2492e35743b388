"""One thread per engine: its calls run one at a time, in the order they were asked for.

What computes with torch on several cores, loading included, does it in one thread. OpenMP keeps a team for
every thread that ever did, and once they outnumber the cores none of their threads spins any more between one
product and the next: a decode step of the 0.5B model then takes 45 ms instead of 27.

The order is the contract behind cancellation: a step in a thread cannot be interrupted, so whoever cancels a
task lets the running step end, and what it submits next runs after it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable, Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar, TypeVarTuple

T = TypeVar("T")
Ts = TypeVarTuple("Ts")
log = logging.getLogger(__name__)


class Worker:
    """The thread of one engine."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._threads = ThreadPoolExecutor(1, thread_name_prefix=name)

    async def run(self, call: Callable[[*Ts], T], *args: *Ts) -> T:
        """Run `call` in the thread. Cancelled before its start it never runs; later, its result is lost."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, call, *args)

    def call(self, call: Callable[[*Ts], T], *args: *Ts) -> T:
        """Run `call` in the thread and wait for it here, outside any event loop: at start-up."""
        return self._threads.submit(call, *args).result()

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

    def _report(self, done: Future[object]) -> None:
        if not done.cancelled() and (error := done.exception()) is not None:
            log.error("%s: a background call failed", self.name, exc_info=error)


_END = object()


def _next(items: Iterator[T]) -> T | object:
    return next(items, _END)
