"""Fixtures that more than one test module asks for."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from assistant.cli import SPINS
from assistant.weights import Store

if TYPE_CHECKING:
    from asr.whisper import WhisperRecognizer

# Before anything loads OpenMP, and so for the processes that a test starts too: most networks here are so
# tiny that a second thread is only waited for, and beside a busy core each wait costs milliseconds. What is
# to run on two threads says so itself. A wait is as short as in the program.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("GOMP_SPINCOUNT", SPINS)


@pytest.fixture(scope="session")
def weights_dir() -> Callable[[str], Path]:
    """Give the folder of real weights by name; fetched when they are missing."""
    return Store().path


@pytest.fixture(scope="session")
def whisper(weights_dir: Callable[[str], Path]) -> WhisperRecognizer:
    """Give the real recognizer, which keeps nothing of what it has heard."""
    from asr.whisper import WhisperRecognizer  # with torch, which many a module does without

    return WhisperRecognizer(weights_dir("whisper-base"))
