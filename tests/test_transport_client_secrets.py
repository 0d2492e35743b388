"""Client secrets, asked for by OpenAI's own SDK: what a browser opens sessions with."""

from __future__ import annotations

import time

import pytest
from openai import AsyncOpenAI, AuthenticationError, BadRequestError
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus
from websockets.typing import Subprotocol

from tests.test_transport_app import receive, service
from tests.test_transport_keys import KEY
from transport.client_secrets import MOST_SECRETS, ClientSecrets
from transport.errors import RefusedError
from transport.settings import SessionSettings


def sdk(url: str, key: str) -> AsyncOpenAI:
    return AsyncOpenAI(base_url=url.replace("ws", "http", 1).removesuffix("/realtime"), api_key=key)


async def test_a_secret_opens_sessions_with_the_settings_it_was_asked_for_with() -> None:
    async with service(api_keys=[KEY]) as url, sdk(url, KEY) as client:
        secret = await client.realtime.client_secrets.create(
            expires_after={"anchor": "created_at", "seconds": 60},
            session={"type": "realtime", "instructions": "Be brief.", "output_modalities": ["text"]},
        )
        assert secret.value.startswith("ek_")
        assert 50 < secret.expires_at - time.time() <= 60
        assert secret.session.type == "realtime"
        assert secret.session.instructions == "Be brief."
        offered = [Subprotocol("realtime"), Subprotocol(f"openai-insecure-api-key.{secret.value}")]
        for _ in range(2):
            async with connect(url, subprotocols=offered) as session:
                created = (await receive(session))["session"]
                assert (created["instructions"], created["output_modalities"]) == ("Be brief.", ["text"])


async def test_a_secret_is_no_key_and_a_wrong_one_opens_nothing() -> None:
    async with service(api_keys=[KEY]) as url, sdk(url, KEY) as client:
        secret = await client.realtime.client_secrets.create()
        async with sdk(url, secret.value) as theirs:
            with pytest.raises(AuthenticationError, match="opens sessions only"):
                await theirs.realtime.client_secrets.create()
        with pytest.raises(InvalidStatus):
            await connect(url, additional_headers={"Authorization": f"Bearer {secret.value}x"})


@pytest.mark.parametrize(
    ("seconds", "session", "param"),
    [
        (9, {"type": "realtime"}, "expires_after.seconds"),
        (7201, {"type": "realtime"}, "expires_after.seconds"),
        (10, {"type": "realtime", "instructions": 5}, "session.instructions"),
    ],
)
async def test_a_bad_request_names_its_field(seconds: int, session: dict[str, object], param: str) -> None:
    async with service() as url, sdk(url, "none") as client:
        with pytest.raises(BadRequestError) as refused:
            await client.realtime.client_secrets.create(
                extra_body={"expires_after": {"seconds": seconds}, "session": session}
            )
        assert refused.value.param == param


def test_a_secret_expires_and_makes_room() -> None:
    now_s = 1000.0
    kept = ClientSecrets(lambda: now_s)
    first = kept.issue("mine", SessionSettings(), 60)
    for _ in range(MOST_SECRETS - 1):
        kept.issue("mine", SessionSettings(), 600)
    with pytest.raises(RefusedError) as refused:
        kept.issue("mine", SessionSettings(), 60)
    assert (refused.value.status, refused.value.retry_after_s) == (429, 60)
    assert kept.find(first.value) == first
    now_s += 60
    assert kept.find(first.value) is None
    kept.issue("mine", SessionSettings(), 60)
