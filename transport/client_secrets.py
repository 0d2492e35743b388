"""`POST /v1/realtime/client_secrets`: what a browser may hold instead of an API key, for some minutes."""

from __future__ import annotations

import math
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import JSONResponse

from transport.errors import RefusedError
from transport.fields import Fields
from transport.keys import ANYBODY, digest
from transport.limits import Limits
from transport.protocol import random_id
from transport.rest import read_json
from transport.settings import SessionSettings
from transport.updates import merged

PREFIX = "ek_"
LIFE_S = range(10, 7201)  # the range that OpenAI documents
DEFAULT_LIFE_S = 600
MOST_SECRETS = 512  # alive at a time; each holds a session's settings, mostly a few kilobytes


@dataclass(frozen=True, slots=True)
class ClientSecret:
    """A secret that opens sessions until it expires."""

    value: str
    owner: str  # of the key that asked for it
    settings: SessionSettings  # that its sessions begin with
    expires_at_s: float  # since the epoch


class ClientSecrets:
    """The secrets that are alive, in memory alone: a restart ends them all."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        """`clock`: seconds since the epoch."""
        self._clock = clock
        self._secrets: dict[bytes, ClientSecret] = {}  # by digest: a look-up tells nothing of the value

    def issue(self, owner: str, settings: SessionSettings, life_s: int) -> ClientSecret:
        """Make a secret. Raises RefusedError when too many are alive."""
        self._drop_expired()
        if len(self._secrets) >= MOST_SECRETS:
            soonest_s = min(secret.expires_at_s for secret in self._secrets.values()) - self._clock()
            raise RefusedError(
                429,
                f"{MOST_SECRETS} client secrets are alive: wait until one expires, or ask for shorter ones",
                code="too_many_client_secrets",
                retry_after_s=soonest_s,
            )
        value = PREFIX + secrets.token_urlsafe(24)
        secret = ClientSecret(value, owner, settings, self._clock() + life_s)
        self._secrets[digest(value)] = secret
        return secret

    def find(self, value: str) -> ClientSecret | None:
        """The secret that is alive under this value."""
        self._drop_expired()
        return self._secrets.get(digest(value))

    def _drop_expired(self) -> None:
        now_s = self._clock()
        self._secrets = {key: each for key, each in self._secrets.items() if each.expires_at_s > now_s}


class ClientSecretIssue:
    """The endpoint."""

    def __init__(self, kept: ClientSecrets, settings: SessionSettings, model: str, limits: Limits) -> None:
        self._kept = kept
        self._settings = settings  # what the client's are merged into
        self._model = model
        self._limits = limits

    async def create(self, request: Request) -> JSONResponse:
        """Issue a secret to whoever has an API key."""
        body = await read_json(request, self._limits.max_body_bytes)
        body.only(("expires_after", "session"))
        settings = merged(self._settings, body.nested("session"))
        owner: str = request.scope.get("owner", ANYBODY)
        secret = self._kept.issue(owner, settings, read_life_s(body))
        expires_at = math.floor(secret.expires_at_s)
        session = {
            "id": random_id("sess"),
            "object": "realtime.session",
            "model": self._model,
            "expires_at": expires_at,
            **settings.on_wire(),
        }
        return JSONResponse({"value": secret.value, "expires_at": expires_at, "session": session})


def read_life_s(body: Fields) -> int:
    """How long a client secret is to live, from the body of its request. Raises `RejectedEventError`."""
    asked = body.nested("expires_after")
    asked.only(("anchor", "seconds"))
    asked.choice("anchor", ("created_at",))
    life_s = asked.integer("seconds")
    if life_s is None:
        return DEFAULT_LIFE_S
    if life_s not in LIFE_S:
        raise asked.rejected("seconds", f"is {life_s}: send {LIFE_S.start} to {LIFE_S.stop - 1}")
    return life_s
