"""The service as an ASGI application.

`/v1/realtime` is for conversations, the other paths under `/v1` are for single requests, `/healthz` is for
whoever watches it.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import HTTPConnection, Request
from starlette.responses import JSONResponse
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket

from transport.access import Access, Gate
from transport.client_secrets import ClientSecretIssue, ClientSecrets
from transport.connection import CLOSE_FAILED, CLOSE_NORMAL, CLOSE_TRY_LATER, Connection, Limits
from transport.errors import RefusedError
from transport.http_api import HttpApi
from transport.keys import ANYBODY, ApiKeys
from transport.origins import Origins
from transport.protocol import LIUSHUI_V1, RealtimeProtocol, random_id
from transport.rest import endpoint, not_served, refusal
from transport.settings import SessionSettings

logger = logging.getLogger(__name__)

# What we speak, the fullest first; `realtime` is what OpenAI's browser clients offer.
SUBPROTOCOLS = (LIUSHUI_V1, "realtime")
# A session whose client is gone has only to end its tasks; one decode step or TTS chunk is far shorter.
FAREWELL_S = 1.0
CLOSE_RESTART = 1012  # IANA registry: the service goes down, and may be back
OPEN = ApiKeys()
OWN_PAGES = Origins()

Serve = Callable[[Connection], Awaitable[None]]


def create_app(
    serve: Serve,
    *,
    limits: Limits,
    model: str,
    health: Callable[[], dict[str, object]],
    default_settings: SessionSettings,
    keys: ApiKeys = OPEN,
    origins: Origins = OWN_PAGES,
    http_api: HttpApi | None = None,
) -> Starlette:
    """Return the application, which runs `serve` once for every client.

    `serve` ends soon after its connection's iterator does, or is cancelled; when it raises, the client gets
    an `error` event and close code 1011. `health` adds to what /healthz reports. Clients must send one of the
    `keys`, if there are any; web pages must be of the service's own host or of `origins`.
    """
    secrets = ClientSecrets()
    access = Access(keys, secrets, origins)
    service = _Service(serve, limits, model, health, default_settings, access)
    issue = ClientSecretIssue(secrets, default_settings, model, limits)
    cors = Middleware(CORSMiddleware, allow_origins=origins.further, allow_methods=["*"], allow_headers=["*"])
    app = Starlette(
        routes=[
            WebSocketRoute("/v1/realtime", service.converse),
            Route("/v1/realtime/client_secrets", endpoint(issue.create), methods=["POST"]),
            Route("/healthz", service.report),
            *(http_api.routes(limits) if http_api else ()),
        ],
        middleware=[*([cors] if origins.further else ()), Middleware(Gate, access)],
        exception_handlers={HTTPException: not_served},
    )
    # The server takes its own limits from here, and ends the sessions before itself.
    app.state.limits = limits
    app.state.end_sessions = service.end_sessions
    return app


class _Service:
    def __init__(
        self,
        serve: Serve,
        limits: Limits,
        model: str,
        health: Callable[[], dict[str, object]],
        default_settings: SessionSettings,
        access: Access,
    ) -> None:
        self._serve = serve
        self._limits = limits
        self._model = model
        self._health = health
        self._default_settings = default_settings
        self._access = access
        self._sessions: dict[Connection, str] = {}  # in progress, at most limits.max_sessions; and whose

    async def report(self, _: Request) -> JSONResponse:
        """Answer /healthz."""
        slots = {"sessions": len(self._sessions), "max_sessions": self._limits.max_sessions}
        return JSONResponse({"status": "ok", "model": self._model, **slots, **self._health()})

    async def converse(self, websocket: WebSocket) -> None:
        """Hold one conversation."""
        try:
            owner, secret = self._access.session(websocket)
        except RefusedError as error:
            await websocket.send_denial_response(refusal(error))
            return
        offered = websocket.scope["subprotocols"]
        spoken = next((known for known in SUBPROTOCOLS if known in offered), None)
        await websocket.accept(spoken)
        session_id, extended = random_id("sess"), spoken == LIUSHUI_V1
        settings = secret.settings if secret else self._default_settings
        protocol = RealtimeProtocol(
            session_id, self._model, settings, extended=extended, user=_user_of(websocket)
        )
        connection = Connection(websocket, protocol, self._limits)
        if (full := self._taken(owner)) is not None:
            protocol.error(full, "too_many_sessions", server_fault=True)
            await connection.close(CLOSE_TRY_LATER, "too many sessions")
            return
        self._sessions[connection] = owner
        try:
            await self._hold(connection)
        finally:
            del self._sessions[connection]

    async def end_sessions(self) -> None:
        """Say goodbye to every client: the service stops."""
        farewells = (each.close(CLOSE_RESTART, "the service restarts") for each in self._sessions)
        await asyncio.gather(*farewells)

    def _taken(self, owner: str) -> str | None:
        """Why there is no room for one more session; None: there is."""
        limits = self._limits
        if len(self._sessions) >= limits.max_sessions:
            return f"all {limits.max_sessions} conversations are taken: try again in a moment"
        if owner != ANYBODY and Counter(self._sessions.values())[owner] >= limits.max_sessions_per_key:
            return f"all {limits.max_sessions_per_key} conversations of this key are taken: end one of them"
        return None

    async def _hold(self, connection: Connection) -> None:
        """Run the session beside the reader until either has ended; then end the other one too."""
        session = asyncio.create_task(self._run_session(connection))
        reading = asyncio.create_task(connection.read())
        either: set[asyncio.Future[Any]] = {session, connection.gone}
        try:
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
            await asyncio.wait({session}, timeout=FAREWELL_S)
        finally:
            session.cancel()
            reading.cancel()
            await asyncio.wait({session, reading})
        if not reading.cancelled():
            reading.result()  # a fault of ours in there must not pass unseen

    async def _run_session(self, connection: Connection) -> None:
        try:
            await self._serve(connection)
        except Exception:
            logger.exception("session %s failed", connection.protocol.session_id)
            failed = "the session failed on our side: connect again to go on"
            connection.protocol.error(failed, "session_failed", server_fault=True)
            await connection.close(CLOSE_FAILED, "the session failed")
        else:
            await connection.close(CLOSE_NORMAL, "the session is over")


def _user_of(connection: HTTPConnection) -> str | None:
    """Who speaks: OpenAI's header for it, or the query's `user`, for browsers cannot set headers."""
    return connection.headers.get("openai-safety-identifier") or connection.query_params.get("user") or None
