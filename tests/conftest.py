"""Fixtures that more than one test module asks for."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from assistant.weights import Store


@pytest.fixture(scope="session")
def weights_dir() -> Callable[[str], Path]:
    """Give the folder of real weights by name; `make test` has fetched them before."""
    return Store().path
