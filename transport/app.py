"""The service as an ASGI application: `/v1/realtime` for conversations, `/healthz` for whoever watches it."""

from __future__ import annotations

import asyncio
import hmac
import logging
from collections.abc import Awaitable, Callable
from typing import Any

from starlette.applications import Starlette
from starlette.requests import HTTPConnection, Request
from starlette.responses import JSONResponse
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket

from transport.connection import CLOSE_FAILED, CLOSE_NORMAL, CLOSE_TRY_LATER, Connection
from transport.draining import OpenConnections
from transport.errors import FrameError, HandshakeError, ResumeImpossibleError
from transport.framed import FramedConnection
from transport.handshake import Handshake, Resume, read_handshake
from transport.limits import Limits
from transport.protocol import LIUSHUI_V1, RealtimeProtocol, random_id
from transport.settings import SessionSettings

logger = logging.getLogger(__name__)

# What we speak, the fullest first; `realtime` is what OpenAI's browser clients offer.
SUBPROTOCOLS = (LIUSHUI_V1, "realtime")
# A session whose client is gone has only to end its tasks; one decode step or TTS chunk is far shorter.
FAREWELL_S = 1.0

Serve = Callable[[Connection], Awaitable[None]]


def create_app(
    serve: Serve,
    *,
    limits: Limits,
    model: str,
    health: Callable[[], dict[str, object]],
    default_settings: SessionSettings,
    api_key: str | None = None,
    names: tuple[str, ...] = (),
) -> Starlette:
    """Return the application, which runs `serve` once for every client.

    `serve` ends soon after its connection's iterator does, or is cancelled; when it raises, the client gets
    an `error` event and close code 1011. `health` adds to what /healthz reports. With an `api_key`, clients
    must send it as OpenAI's do, in an Authorization header. `names` are words of the domain that no listener
    may miss: they leave first on a slow link.
    """
    service = _Service(serve, limits, model, health, default_settings, api_key, names)
    app = Starlette(
        routes=[WebSocketRoute("/v1/realtime", service.converse), Route("/healthz", service.report)],
    )
    app.state.limits = limits  # the server takes its own limits from here, and this to do before it ends
    app.state.drain = service.open.drain
    return app


class _Service:
    def __init__(
        self,
        serve: Serve,
        limits: Limits,
        model: str,
        health: Callable[[], dict[str, object]],
        default_settings: SessionSettings,
        api_key: str | None,
        names: tuple[str, ...],
    ) -> None:
        self._serve = serve
        self._limits = limits
        self._model = model
        self._health = health
        self._default_settings = default_settings
        self._api_key = api_key
        self._names = names
        self.open = OpenConnections()  # at most limits.max_sessions

    async def report(self, _: Request) -> JSONResponse:
        """Answer /healthz."""
        status, code = ("draining", 503) if self.open.draining else ("ok", 200)
        slots = {"sessions": len(self.open), "max_sessions": self._limits.max_sessions}
        return JSONResponse({"status": status, "model": self._model, **slots, **self._health()}, code)

    async def converse(self, websocket: WebSocket) -> None:
        """Hold one conversation."""
        if not self._is_allowed(websocket):
            message = "send the service's API key as Authorization: Bearer <key>"
            fault = {"type": "invalid_request_error", "code": "invalid_api_key", "message": message}
            await websocket.send_denial_response(JSONResponse({"error": fault}, status_code=401))
            return
        if self.open.draining:
            message = "the service is restarting: connect again in a moment"
            fault = {"type": "server_error", "code": "server_draining", "message": message}
            await websocket.send_denial_response(JSONResponse({"error": fault}, status_code=503))
            return
        offered = websocket.scope["subprotocols"]
        spoken = next((known for known in SUBPROTOCOLS if known in offered), None)
        try:
            asked = read_handshake(websocket.query_params) if spoken == LIUSHUI_V1 else Handshake()
        except HandshakeError as error:
            fault = {"type": "invalid_request_error", "code": "invalid_handshake", "message": str(error)}
            await websocket.send_denial_response(JSONResponse({"error": fault}, status_code=400))
            return
        if asked.resume is not None:
            await self._resume(websocket, asked.resume)
            return
        await websocket.accept(spoken)
        protocol = RealtimeProtocol(
            random_id("sess"),
            self._model,
            self._default_settings,
            extended=spoken == LIUSHUI_V1,
            framed=asked.audio is not None,
            user=_user_of(websocket),
        )
        connection = self._connected(websocket, protocol, asked)
        if len(self.open) >= self._limits.max_sessions:
            full = f"all {self._limits.max_sessions} conversations are taken: try again in a moment"
            protocol.error(full, "too_many_sessions", server_fault=True)
            await connection.close(CLOSE_TRY_LATER, "too many sessions")
            return
        with self.open.holding(connection):
            await self._hold(connection)

    def _connected(self, websocket: WebSocket, protocol: RealtimeProtocol, asked: Handshake) -> Connection:
        if asked.audio is None:
            return Connection(websocket, protocol, self._limits)
        return FramedConnection(
            websocket, protocol, self._limits, asked.audio, brotli=asked.brotli, names=self._names
        )

    async def _resume(self, websocket: WebSocket, asked: Resume) -> None:
        """Let a client go on with its session, until this socket ends too."""
        connection = self.open.resumable(asked.token)
        try:
            if connection is None:
                raise ResumeImpossibleError("no session has this token any more: begin a new one")
            await connection.attach(websocket, asked.received)
        except (ResumeImpossibleError, FrameError) as error:
            fault = {"type": "invalid_request_error", "code": "session_not_resumable", "message": str(error)}
            await websocket.send_denial_response(JSONResponse({"error": fault}, status_code=404))

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

    def _is_allowed(self, connection: HTTPConnection) -> bool:
        if self._api_key is None:
            return True
        given = connection.headers.get("authorization", "")
        return hmac.compare_digest(given.encode(), f"Bearer {self._api_key}".encode())


def _user_of(connection: HTTPConnection) -> str | None:
    """Who speaks: OpenAI's header for it, or the query's `user`, for browsers cannot set headers."""
    return connection.headers.get("openai-safety-identifier") or connection.query_params.get("user") or None
