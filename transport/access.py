"""Who may do what: every request and every session passes here."""

from __future__ import annotations

from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Receive, Scope, Send

from transport.client_secrets import ClientSecret, ClientSecrets
from transport.errors import RefusedError
from transport.keys import ANYBODY, ApiKeys, given_key
from transport.origins import Origins
from transport.rest import refusal

API = "/v1/"  # below it a key is asked for


class Access:
    """Checks the origin first, then the key."""

    def __init__(self, keys: ApiKeys, secrets: ClientSecrets, origins: Origins) -> None:
        self._keys = keys
        self._secrets = secrets
        self._origins = origins

    def request(self, connection: HTTPConnection) -> str:
        """Whose a request is. Raises RefusedError."""
        self._check_origin(connection)
        key = given_key(connection)
        if self._secrets.find(key):
            raise RefusedError(401, "a client secret opens sessions only: send an API key", code=_BAD_KEY)
        return self._owner(key)

    def session(self, connection: HTTPConnection) -> tuple[str, ClientSecret | None]:
        """Whose a session is, and the secret that opens it. Raises RefusedError."""
        self._check_origin(connection)
        key = given_key(connection)
        if (secret := self._secrets.find(key)) is not None:
            return secret.owner, secret
        return self._owner(key), None

    def _owner(self, key: str) -> str:
        if not self._keys:
            return ANYBODY
        if (owner := self._keys.owner(key)) is None:
            raise RefusedError(
                401, "send the service's API key as Authorization: Bearer <key>", code=_BAD_KEY
            )
        return owner

    def _check_origin(self, connection: HTTPConnection) -> None:
        if not self._origins.allow(connection, keyed=bool(self._keys)):
            origin = connection.headers["origin"]
            raise RefusedError(
                403,
                f"pages of {origin!r} may not use this service: start it with --allow-origin {origin}",
                code="origin_not_allowed",
            )


_BAD_KEY = "invalid_api_key"


class Gate:
    """ASGI middleware: a request passes with its owner in the scope; sessions are checked elsewhere."""

    def __init__(self, app: ASGIApp, access: Access) -> None:
        self._app = app
        self._access = access

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on, or refuse."""
        if scope["type"] == "http" and scope["path"].startswith(API):
            try:
                scope["owner"] = self._access.request(HTTPConnection(scope))
            except RefusedError as error:
                await refusal(error)(scope, receive, send)
                return
        await self._app(scope, receive, send)
