"""Fixtures that more than one test module asks for."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from assistant.cli import SPINS
from assistant.weights import Store

# Before anything loads OpenMP, and so for the processes that a test starts too: most networks here are so
# tiny that a second thread is only waited for, and beside a busy core each wait costs milliseconds. What is to
# run on two threads says so itself. A wait is as short as in the program.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("GOMP_SPINCOUNT", SPINS)


@pytest.fixture(scope="session")
def weights_dir() -> Callable[[str], Path]:
    """Give the folder of real weights by name; `make test` has fetched them before."""
    return Store().path
