"""API keys and origins: what is accepted as one, and who gets in."""

from __future__ import annotations

import asyncio

import httpx
import pytest
from starlette.requests import HTTPConnection
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus
from websockets.typing import Origin, Subprotocol

from tests.test_transport_app import close_code, receive, service, slot_is_free
from transport.errors import InvalidKeyError, InvalidOriginError
from transport.keys import ApiKeys, given_key
from transport.origins import Origins

KEY, OTHER = "sk-0123456789abcdef", "sk-fedcba9876543210"


def asked(scope_type: str = "http", host: str = "liushui.test", **headers: str) -> HTTPConnection:
    named = {"host": host, **headers}
    raw = [(name.encode(), value.encode()) for name, value in named.items()]
    return HTTPConnection({"type": scope_type, "headers": raw})


def api(url: str, path: str) -> str:
    return url.replace("ws", "http", 1).replace("/v1/realtime", path)


def test_a_text_of_keys_may_have_remarks_and_several_keys() -> None:
    keys = ApiKeys.read(f"# of the clinic\n{KEY} # the front desk\n\n{OTHER},{'x' * 16}\n")
    owners = {keys.owner(key) for key in (KEY, OTHER, "x" * 16)}
    assert len(owners) == 3 and None not in owners
    assert keys.owner("clinic") is None and keys.owner("") is None


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "no API key"),
        ("# none", "no API key"),
        ("short", "has 5 characters"),
        ("schlüssel-0123456789", "may hold letters"),
    ],
)
def test_a_key_that_could_be_guessed_or_not_be_sent_is_refused(text: str, complaint: str) -> None:
    with pytest.raises(InvalidKeyError, match=complaint) as refused:
        ApiKeys.read(text)
    assert "schlüssel" not in str(refused.value), "keys do not belong into logs"


def test_a_key_comes_in_the_header_or_as_a_subprotocol() -> None:
    assert given_key(asked(authorization=f"Bearer {KEY}")) == KEY
    assert given_key(asked(authorization=f"bearer {KEY} ")) == KEY
    assert given_key(asked(authorization=f"Basic {KEY}")) == ""
    offering = asked("websocket")
    offering.scope["subprotocols"] = ["realtime", f"openai-insecure-api-key.{KEY}"]
    assert given_key(offering) == KEY
    assert given_key(asked()) == ""


@pytest.mark.parametrize(
    ("origin", "allowed"),
    [
        (None, True),
        ("http://liushui.test:8765", True),
        ("https://LIUSHUI.test:8765", True),
        ("https://app.example", True),
        ("http://app.example", False),
        ("https://app.example.evil.test", False),
        ("http://liushui.test", False),
        ("null", False),
        ("", False),
        ("http://[", False),
    ],
)
def test_pages_of_the_services_own_host_and_named_ones_are_let_in(origin: str | None, allowed: bool) -> None:
    headers = {} if origin is None else {"origin": origin}
    request = asked(host="liushui.test:8765", **headers)
    assert Origins(["https://app.example"]).allow(request, keyed=True) is allowed
    assert Origins(["*"]).allow(request, keyed=False)


@pytest.mark.parametrize(
    ("host", "allowed"),
    [
        ("127.0.0.1:8765", True),
        ("[::1]:8765", True),
        ("192.168.1.7", True),
        ("localhost:8765", True),
        ("kitchen:8765", True),
        ("kitchen.local:8765", True),
        ("evil.test:8765", False),
        ("127.0.0.1.evil.test:8765", False),
        ("evil.test.:8765", False),
    ],
)
def test_without_keys_a_name_that_anybody_could_point_at_us_is_not_our_own_page(
    host: str, allowed: bool
) -> None:
    request = asked(host=host, origin=f"http://{host}")
    assert Origins().allow(request, keyed=False) is allowed
    assert Origins().allow(request, keyed=True)
    assert Origins([f"http://{host}"]).allow(request, keyed=False)


@pytest.mark.parametrize("origin", ["app.example", "https://app.example/", "", "https://", "http://["])
def test_what_is_no_origin_is_refused(origin: str) -> None:
    with pytest.raises(InvalidOriginError, match="is no origin"):
        Origins([origin])


async def test_a_session_takes_one_of_the_keys() -> None:
    async with service(api_keys=[KEY, OTHER]) as url:
        for headers in ({}, {"Authorization": f"Bearer {KEY}x"}):
            with pytest.raises(InvalidStatus) as refused:
                await connect(url, additional_headers=headers)
            assert refused.value.response.status_code == 401
            assert b"Authorization: Bearer" in (refused.value.response.body or b"")
        async with connect(url, additional_headers={"Authorization": f"Bearer {OTHER}"}) as client:
            assert (await receive(client))["type"] == "session.created"


async def test_a_browser_sends_its_key_as_a_subprotocol_and_gets_another_one() -> None:
    offered = [Subprotocol("realtime"), Subprotocol(f"openai-insecure-api-key.{KEY}")]
    async with service(api_keys=[KEY]) as url, connect(url, subprotocols=offered) as client:
        assert client.subprotocol == "realtime"
        assert (await receive(client))["type"] == "session.created"


async def test_a_key_has_its_own_limit_of_sessions() -> None:
    mine, others = ({"Authorization": f"Bearer {key}"} for key in (KEY, OTHER))
    async with service(api_keys=[KEY, OTHER], max_sessions_per_key=1) as url:
        async with connect(url, additional_headers=mine) as first:
            await receive(first)
            async with connect(url, additional_headers=mine) as second:
                assert "of this key" in (await receive(second))["error"]["message"]
                assert await close_code(second) == 1013
            async with connect(url, additional_headers=others) as other:
                assert (await receive(other))["type"] == "session.created"
        await slot_is_free(url)
        async with connect(url, additional_headers=mine) as third:
            assert (await receive(third))["type"] == "session.created"


async def test_pages_of_other_origins_open_no_session() -> None:
    async with service(origins=Origins(["https://app.example"])) as url:
        with pytest.raises(InvalidStatus) as refused:
            await connect(url, origin=Origin("https://evil.test"))
        assert refused.value.response.status_code == 403
        assert b"origin_not_allowed" in (refused.value.response.body or b"")
        own = url.replace("ws", "http", 1).removesuffix("/v1/realtime")
        for origin in ("https://app.example", own):
            async with connect(url, origin=Origin(origin)) as client:
                assert (await receive(client))["type"] == "session.created"


async def test_requests_over_http_are_checked_too_and_named_origins_may_read_the_answers() -> None:
    async with (
        service(api_keys=[KEY], origins=Origins(["https://app.example"])) as url,
        httpx.AsyncClient() as http,
    ):
        secrets = api(url, "/v1/realtime/client_secrets")
        mine = {"Authorization": f"Bearer {KEY}"}
        assert (await http.post(secrets, json={})).json()["error"]["code"] == "invalid_api_key"
        evil = await http.post(secrets, json={}, headers={**mine, "Origin": "https://evil.test"})
        assert (evil.status_code, evil.json()["error"]["code"]) == (403, "origin_not_allowed")
        theirs = await http.post(secrets, json={}, headers={**mine, "Origin": "https://app.example"})
        assert theirs.headers["access-control-allow-origin"] == "https://app.example"
        asking = {"Origin": "https://app.example", "Access-Control-Request-Method": "POST"}
        assert (await http.options(secrets, headers=asking)).status_code == 200
        assert (await http.get(api(url, "/healthz"))).status_code == 200
        missing = await http.get(api(url, "/v1/no/such"), headers=mine)
        assert (missing.status_code, missing.json()["error"]["type"]) == (404, "invalid_request_error")


async def test_many_wrong_keys_at_once_take_no_session() -> None:
    async with service(api_keys=[KEY]) as url:
        tries = [connect(url, additional_headers={"Authorization": f"Bearer {n}"}) for n in range(20)]
        results = await asyncio.gather(*tries, return_exceptions=True)
        assert all(isinstance(result, InvalidStatus) for result in results)
        await slot_is_free(url)
