"""Who is computed for next: one thread serves all conversations of a model, a pass at a time.

A pass takes one token of every answer that takes part (continuous batching, Orca, OSDI 2022), or a window of
one answer alone. Answers join and leave between passes. One of which nothing was heard yet goes before those
whose listeners have sound in hand, and these never wait long. Prompts are computed in chunks between passes.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Generator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from threading import Lock
from typing import Any, TypeVar

from llm.decoder import extend_each
from llm.engine import Token
from llm.generation import Generation

T = TypeVar("T")

MOST_TOGETHER = 8  # answers in a pass: from there on it takes as much longer as it gets wider
# How long an answer stands back for one that is urgent: less than the sound its listener has in hand when the
# next phrase must be begun (0.7 s, see `pacing.DRY_S`).
PATIENCE_S = 0.25
# How long a pass waits for prompts whose answers could take part in it: two or three short ones.
GATHERING_S = 0.1


@dataclass(frozen=True, slots=True)
class Call:
    """Work that is no answer: a prompt, chunk by chunk."""

    steps: Generator[None, None, Any]  # what it returns is the result
    urgent: bool
    result: Future[Any]


class Schedule:
    """What waits, and the order. Pure: no clock, no threads."""

    def __init__(self) -> None:
        self.generations: list[Generation] = []
        self.calls: deque[Call] = deque()
        self._called = False  # the last work was a call's step

    def next(self, now_s: float) -> Call | list[Generation] | None:
        """The work to do now: one step of a call, or a pass for some answers."""
        alone = len(self.generations) == 1
        ready = [each for each in self.generations if each.ready(alone=alone)]
        waiting = sorted(ready, key=lambda each: each.served_s)
        pressing = [each for each in waiting if each.urgent or now_s - each.served_s > PATIENCE_S]
        call = next((each for each in self.calls if each.urgent), None)
        if call is not None:  # the sooner it is through, the more answers share each pass
            pressing = [each for each in pressing if now_s - each.served_s > GATHERING_S]
        elif not pressing:
            pressing, call = waiting, next(iter(self.calls), None)
        if call is not None and not (pressing and self._called):
            self._called = True
            return call
        self._called = False
        return pressing[:MOST_TOGETHER] or None


class Scheduler:
    """The thread. It ends with the last reference to it."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._schedule = Schedule()
        self._lock = Lock()  # over the schedule and `_busy`
        self._busy = False
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="decoder")

    def run(self, call: Callable[[], T]) -> T:
        """Run `call` between two passes, and wait for it."""

        def steps() -> Generator[None, None, T]:
            yield
            return call()

        return self.run_steps(steps(), urgent=True)

    def run_steps(self, steps: Generator[None, None, T], *, urgent: bool) -> T:
        """Run a generator, other work between its steps, and wait for what it returns."""
        result: Future[T] = Future()
        with self._lock:
            self._schedule.calls.append(Call(steps, urgent, result))
        self._wake()
        return result.result()

    def tokens(self, generation: Generation) -> Generator[Token]:
        """Let an answer take part; yields its tokens. It leaves when the iterator is closed."""
        generation.served_s = self._clock()
        with self._lock:
            self._schedule.generations.append(generation)
        try:
            while True:
                generation.ask()
                self._wake()
                if (token := generation.next()) is None:
                    return
                yield token
        finally:
            generation.stop()
            with self._lock:
                self._schedule.generations.remove(generation)

    def _wake(self) -> None:
        with self._lock:
            if not self._busy:
                self._busy = True
                self._thread.submit(self._work)

    def _work(self) -> None:
        while True:
            with self._lock:
                work = self._schedule.next(self._clock())
                if work is None:
                    self._busy = False
                    return
            if isinstance(work, Call):
                self._step(work)
            else:
                self._pass(work)

    def _step(self, call: Call) -> None:
        try:
            next(call.steps)
            return
        except StopIteration as end:
            call.result.set_result(end.value)
        except Exception as error:
            call.result.set_exception(error)
        with self._lock:
            self._schedule.calls.remove(call)

    def _pass(self, together: list[Generation]) -> None:
        try:
            if len(together) == 1:
                (generation,) = together
                ids = generation.wanted(alone=True)
                generation.decoder.extend(*ids)
                generation.take(generation.decoder.logits(*range(len(ids) - 1, -1, -1)))
            else:
                last = [each.wanted(alone=False)[0] for each in together]
                logits = extend_each([each.decoder for each in together], last)
                for generation, row in zip(together, logits, strict=True):
                    generation.take(row[None])
        except Exception as error:  # whatever it is, those who wait must hear of it
            for generation in together:
                generation.stop(error)
        now_s = self._clock()
        for generation in together:  # only now: takers that are awake hold up what is still to be done
            generation.served_s = now_s
            generation.hand_over()
