"""/metrics: shown to who may know."""

from __future__ import annotations

import httpx
import pytest

from transport.app import create_app
from transport.connection import Connection
from transport.keys import ApiKeys
from transport.limits import Limits
from transport.settings import SessionSettings

KEY = "0123456789abcdef"


async def nobody(_: Connection) -> None:
    """No session."""


async def ask(
    *,
    keys: ApiKeys | None = None,
    host: str = "127.0.0.1",
    headers: dict[str, str] | None = None,
    on: bool = True,
) -> httpx.Response:
    app = create_app(
        nobody,
        limits=Limits(),
        model="m",
        health=dict,
        default_settings=SessionSettings(),
        keys=keys or ApiKeys(),
        metrics=(lambda: b"liushui_sessions 0.0\n") if on else None,
    )
    transport = httpx.ASGITransport(app, client=(host, 50000))
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
        return await client.get("/metrics", headers=headers)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.0.1", "::1"])
async def test_without_keys_this_machine_sees_the_metrics(host: str) -> None:
    shown = await ask(host=host)
    assert shown.status_code == 200 and shown.text == "liushui_sessions 0.0\n"
    assert shown.headers["content-type"].startswith("text/plain; version=0.0.4")


@pytest.mark.parametrize("host", ["192.168.1.7", "fe80::1", "testclient"])
async def test_without_keys_others_do_not(host: str) -> None:
    refused = await ask(host=host)
    assert refused.status_code == 403 and refused.json()["error"]["code"] == "metrics_not_allowed"


async def test_with_keys_one_of_them_is_asked_for_from_everywhere() -> None:
    keys = ApiKeys([KEY])
    assert (await ask(keys=keys)).status_code == 401
    assert (await ask(keys=keys, headers={"Authorization": "Bearer wrong"})).status_code == 401
    allowed = await ask(keys=keys, host="192.168.1.7", headers={"Authorization": f"Bearer {KEY}"})
    assert allowed.status_code == 200


async def test_a_strangers_page_sees_nothing() -> None:
    assert (await ask(headers={"Origin": "https://stranger.example"})).status_code == 403


async def test_unless_it_is_asked_for_there_is_no_such_path() -> None:
    assert (await ask(on=False)).status_code == 404
