"""The CPU time of one thread: what is compared with it holds on a slow or a busy machine too."""

from __future__ import annotations

import time
from collections.abc import Callable


def least_s(call: Callable[[], object], times: int = 3) -> float:
    """Return the fewest seconds that this thread computed for a call."""

    def took_s() -> float:
        start_s = time.thread_time()
        call()
        return time.thread_time() - start_s

    return min(took_s() for _ in range(times))
