from __future__ import annotations

import asyncio

import pytest

from tests.bench.idle import WARM_UP, hold
from tests.bench.wire import network_share
from tests.test_bench_figures import result


def test_the_networks_share_is_what_the_link_adds_to_each_wait() -> None:
    near = [result(ms) for ms in (400.0, 450.0, 500.0)]
    far = [result(ms) for ms in (480.0, 500.0, 550.0)]
    assert network_share(near, far) == {
        "v2v_ms_p50": 450.0,
        "v2v_over_link_ms_p50": 500.0,
        "network_ms_p50": 50.0,
        "network_share_of_v2v": pytest.approx(0.1),
    }


def test_idle_connections_are_held_and_counted() -> None:
    idle = asyncio.run(hold(WARM_UP + 20, 0.0))
    assert idle.held == WARM_UP + 20
    assert 0 < idle.kib_each < 200
