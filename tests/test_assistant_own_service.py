from __future__ import annotations

import asyncio

import pytest

from assistant.errors import ServiceStopped
from assistant.own_service import own_service


def test_a_service_that_cannot_start_is_told_with_its_exit_status(capfd: pytest.CaptureFixture[str]) -> None:
    async def start() -> None:
        async with own_service(["--threads", "0"]):
            pass

    with pytest.raises(ServiceStopped, match="exit status 1"):
        asyncio.run(start())
    assert "threads is 0" in capfd.readouterr().err
