"""The page at `/`: files of `transport/web`, which a browser runs under a strict policy."""

from __future__ import annotations

from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

WEB = Path(__file__).parent / "web"
# Scripts, styles and sockets of this service alone, and nothing inline; pictures also from answers.
POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data: blob:",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    )
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Permissions-Policy": "microphone=(self), camera=(), geolocation=()",
    "Cache-Control": "no-cache",  # ask whether it changed (by ETag): modules of two versions do not mix
}


class Page(StaticFiles):
    """The files, each with the headers above; a browser that has one already gets 304."""

    def __init__(self) -> None:
        super().__init__(directory=WEB)

    async def get_response(self, path: str, scope: Scope) -> Response:
        """Return a file; raises `HTTPException` where there is none."""
        response = await super().get_response(path, scope)
        response.headers.update(HEADERS)
        return response

    def routes(self) -> list[BaseRoute]:
        """The page, and below /web what it is made of."""

        async def index(request: Request) -> Response:
            return await self.get_response("index.html", request.scope)

        return [Route("/", index), Mount("/web", self)]
