"""The service as an ASGI application.

`/v1/realtime` is for conversations, `/` is the page that holds them in a browser; the other paths under `/v1`
are for single requests, `/healthz` is for whoever watches it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
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
from transport.choices import Choices
from transport.client_secrets import ClientSecretIssue, ClientSecrets
from transport.connection import CLOSE_FAILED, CLOSE_NORMAL, CLOSE_TRY_LATER, RESTARTING, Connection
from transport.domains import Domain, Domains
from transport.draining import OpenConnections
from transport.errors import FrameError, HandshakeError, RefusedError, ResumeImpossibleError
from transport.framed import FramedConnection
from transport.handshake import Handshake, Resume, read_handshake
from transport.http_api import HttpApi
from transport.key_words import KeyWords
from transport.keys import ANYBODY, ApiKeys
from transport.limits import Limits
from transport.metrics_page import MetricsPage
from transport.origins import Origins
from transport.page import Page
from transport.protocol import LIUSHUI_V1, RealtimeProtocol, random_id
from transport.rest import endpoint, not_served, refusal
from transport.settings import SessionSettings

logger = logging.getLogger(__name__)

# What we speak, the fullest first; `realtime` is what OpenAI's browser clients offer.
SUBPROTOCOLS = (LIUSHUI_V1, "realtime")
# A session whose client is gone has only to end its tasks; one decode step or TTS chunk is far shorter.
FAREWELL_S = 1.0
OPEN = ApiKeys()
OWN_PAGES = Origins()
NO_CHOICES = Choices()

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
    names: tuple[str, ...] = (),
    domains: Sequence[Domain] = (),
    choices: Choices = NO_CHOICES,
    metrics: Callable[[], bytes] | None = None,
) -> Starlette:
    """Return the application, which runs `serve` once for every client.

    `serve` ends soon after its connection's iterator does, or is cancelled; when it raises, the client gets
    an `error` event and close code 1011. `health` adds to what /healthz reports. Clients must send one of the
    `keys`, if there are any; web pages must be of the service's own host or of `origins`. `names` are
    words that no listener may miss: they leave first on a slow link. Where there are `domains`, theirs count
    instead of `default_settings` and `names`; clients choose one, or get the first. `metrics` is what
    /metrics shows, in Prometheus's text form; None: no such path. `choices` are what the page offers.
    """
    secrets = ClientSecrets()
    access = Access(keys, secrets, origins)
    offered = Domains(domains or [Domain("", "", default_settings, names)])
    service = _Service(serve, limits, model, health, offered, access)
    issue = ClientSecretIssue(secrets, offered.default.settings, model, limits)
    cors = Middleware(CORSMiddleware, allow_origins=origins.further, allow_methods=["*"], allow_headers=["*"])
    app = Starlette(
        routes=[
            WebSocketRoute("/v1/realtime", service.converse),
            Route("/v1/realtime/client_secrets", endpoint(issue.create), methods=["POST"]),
            Route("/v1/liushui", choices.report),
            Route("/healthz", service.report),
            *Page().routes(),
            *(http_api.routes(limits, offered) if http_api else ()),
            *([Route("/metrics", endpoint(MetricsPage(metrics, access, keys).show))] if metrics else ()),
        ],
        middleware=[*([cors] if origins.further else ()), Middleware(Gate, access)],
        exception_handlers={HTTPException: not_served},
    )
    # The server takes its own limits from here, and ends the sessions before itself.
    app.state.limits = limits
    app.state.drain, app.state.end = service.open.drain, service.open.end
    return app


class _Service:
    def __init__(
        self,
        serve: Serve,
        limits: Limits,
        model: str,
        health: Callable[[], dict[str, object]],
        domains: Domains,
        access: Access,
    ) -> None:
        self._serve = serve
        self._limits = limits
        self._model = model
        self._health = health
        self._domains = domains
        self._access = access
        self.open = OpenConnections()  # at most limits.max_sessions

    async def report(self, _: Request) -> JSONResponse:
        """Answer /healthz."""
        status, code = ("draining", 503) if self.open.draining else ("ok", 200)
        slots = {"sessions": len(self.open), "max_sessions": self._limits.max_sessions}
        return JSONResponse({"status": status, "model": self._model, **slots, **self._health()}, code)

    async def converse(self, websocket: WebSocket) -> None:
        """Hold one conversation."""
        try:
            owner, secret = self._access.session(websocket)
            offered = websocket.scope["subprotocols"]
            spoken = next((known for known in SUBPROTOCOLS if known in offered), None)
            asked = _handshake(websocket, spoken)
            domain = self._domains.chosen(websocket.query_params.get("domain"))
            if self.open.draining:
                raise RefusedError(503, RESTARTING, code="server_draining")
            if asked.resume is not None:
                await self._resume(websocket, asked.resume)
                return
        except RefusedError as error:
            await websocket.send_denial_response(refusal(error))
            return
        await websocket.accept(spoken)
        protocol = RealtimeProtocol(
            random_id("sess"),
            self._model,
            self._domains.settings(domain, secret.settings if secret else None),
            extended=spoken == LIUSHUI_V1,
            framed=asked.audio is not None,
            user=_user_of(websocket),
            domain=domain.name,
        )
        connection = self._connected(websocket, protocol, asked, self._domains.key_words(domain))
        if (full := self._taken(owner)) is not None:
            protocol.error(full, "too_many_sessions", server_fault=True)
            await connection.close(CLOSE_TRY_LATER, "too many sessions")
            return
        with self.open.holding(connection, owner):
            await self._hold(connection)

    def _connected(
        self, websocket: WebSocket, protocol: RealtimeProtocol, asked: Handshake, key_words: KeyWords
    ) -> Connection:
        if asked.audio is None:
            return Connection(websocket, protocol, self._limits)
        return FramedConnection(
            websocket, protocol, self._limits, asked.audio, brotli=asked.brotli, key_words=key_words
        )

    async def _resume(self, websocket: WebSocket, asked: Resume) -> None:
        """Let a client go on with its session, until this socket ends too."""
        connection = self.open.resumable(asked.token)
        try:
            if connection is None:
                raise ResumeImpossibleError("no session has this token any more: begin a new one")
            await connection.attach(websocket, asked.received)
        except (ResumeImpossibleError, FrameError) as error:
            raise RefusedError(404, str(error), code="session_not_resumable") from error

    def _taken(self, owner: str) -> str | None:
        """Why there is no room for one more session; None: there is."""
        limits = self._limits
        if len(self.open) >= limits.max_sessions:
            return f"all {limits.max_sessions} conversations are taken: try again in a moment"
        if owner != ANYBODY and self.open.of(owner) >= limits.max_sessions_per_key:
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


def _handshake(websocket: WebSocket, spoken: str | None) -> Handshake:
    """What a client of liushui.v1 asks for. Raises `RefusedError`."""
    if spoken != LIUSHUI_V1:
        return Handshake()
    try:
        return read_handshake(websocket.query_params)
    except HandshakeError as error:
        raise RefusedError(400, str(error), code="invalid_handshake") from error


def _user_of(connection: HTTPConnection) -> str | None:
    """Who speaks: OpenAI's header for it, or the query's `user`, for browsers cannot set headers."""
    return connection.headers.get("openai-safety-identifier") or connection.query_params.get("user") or None
