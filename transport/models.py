"""`GET /v1/models`: what the service runs."""

from __future__ import annotations

import time
from collections.abc import Sequence

from starlette.requests import Request
from starlette.responses import JSONResponse

from transport.errors import RefusedError


class Models:
    """The endpoints."""

    def __init__(self, names: Sequence[str]) -> None:
        self._names = names
        self._since = int(time.time())  # OpenAI's field is when a model was made; here, when it was loaded

    async def list(self, _: Request) -> JSONResponse:
        """All of them."""
        return JSONResponse({"object": "list", "data": [self._shown(name) for name in self._names]})

    async def retrieve(self, request: Request) -> JSONResponse:
        """One of them."""
        name = request.path_params["model"]
        if name not in self._names:
            there = ", ".join(self._names)
            raise RefusedError(404, f"there is no model {name!r}, but {there}", code="model_not_found")
        return JSONResponse(self._shown(name))

    def _shown(self, name: str) -> dict[str, object]:
        return {"id": name, "object": "model", "created": self._since, "owned_by": "liushui"}
