"""Which web pages may talk to the service: a browser says whose script it runs (RFC 6454)."""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import urlsplit

from starlette.requests import HTTPConnection

from transport.errors import InvalidOriginError

ANY = "*"


class Origins:
    """The pages of the service's own host, and of the origins named; who is no browser sends no origin."""

    def __init__(self, further: Iterable[str] = ()) -> None:
        """`further`: such as https://example.org:8080, or "*" for all. Raises InvalidOriginError."""
        self.further = tuple(map(_checked, further))

    def allow(self, connection: HTTPConnection) -> bool:
        """Whether the page that a request comes from, if it comes from one, may make it."""
        origin = connection.headers.get("origin")
        if origin is None or ANY in self.further or origin.lower() in self.further:
            return True
        try:
            own = urlsplit(origin).netloc.lower()
        except ValueError:
            return False
        return bool(own) and own == connection.headers.get("host", "").lower()


def _checked(origin: str) -> str:
    try:
        parts = urlsplit(origin)
    except ValueError:
        parts = urlsplit("")
    if origin != ANY and (not parts.netloc or origin != f"{parts.scheme}://{parts.netloc}"):
        raise InvalidOriginError(f"{origin!r} is no origin: give one such as https://example.org:8080, or *")
    return origin.lower()
