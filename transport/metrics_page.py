"""/metrics: for who has a key, or where there are none, for this machine alone."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable

from starlette.requests import Request
from starlette.responses import Response

from transport.access import Access
from transport.errors import RefusedError
from transport.keys import ApiKeys

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"  # Prometheus's text form


class MetricsPage:
    """Shows what `render` returns."""

    def __init__(self, render: Callable[[], bytes], access: Access, keys: ApiKeys) -> None:
        self._render = render
        self._access = access
        self._keyed = bool(keys)

    async def show(self, request: Request) -> Response:
        """Answer, unless the asker may not know. Raises RefusedError."""
        self._access.request(request)
        if not self._keyed and not _is_local(request):
            raise RefusedError(
                403,
                "without API keys, metrics are shown to this machine alone: start the service with keys",
                code="metrics_not_allowed",
            )
        return Response(self._render(), media_type=CONTENT_TYPE)


def _is_local(request: Request) -> bool:
    try:
        return request.client is not None and ipaddress.ip_address(request.client.host).is_loopback
    except ValueError:  # a Unix socket has no address
        return False
