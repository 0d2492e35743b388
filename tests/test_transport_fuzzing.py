"""A short run of tests/fuzzing.py, the same examples every time."""

from __future__ import annotations

import pytest

from tests.fuzzed_service import service_target
from tests.fuzzing import TARGETS, try_batch


@pytest.mark.parametrize("name", TARGETS)
def test_whatever_a_peer_sends_only_events_come_out(name: str) -> None:
    try_batch(TARGETS[name], 0)


def test_a_service_answers_whatever_clients_send_and_keeps_no_session() -> None:
    with service_target() as service:
        try_batch(service, 0, examples=20)
