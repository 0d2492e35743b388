"""Which web pages may talk to the service: a browser says whose script it runs (RFC 6454)."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from urllib.parse import urlsplit

from starlette.requests import HTTPConnection

from transport.errors import InvalidOriginError

ANY = "*"
# Names that no public name server answers for (RFC 6761, 6762, 8375, 9476), and none without a dot.
RESERVED = (".localhost", ".local", ".internal", ".home.arpa")


class Origins:
    """The pages of the service's own host, and of the origins named; who is no browser sends no origin."""

    def __init__(self, further: Iterable[str] = ()) -> None:
        """`further`: such as https://example.org:8080, or "*" for all. Raises InvalidOriginError."""
        self.further = tuple(map(_checked, further))

    def allow(self, connection: HTTPConnection, *, keyed: bool) -> bool:
        """Whether the page that a request comes from, if it comes from one, may make it.

        `keyed`: the service asks for keys. Else a page of what the browser takes for our own host may be
        anybody's, whose name server gave it our address for a moment (DNS rebinding).
        """
        origin = connection.headers.get("origin")
        if origin is None or ANY in self.further or origin.lower() in self.further:
            return True
        try:
            own = urlsplit(origin).netloc.lower()
        except ValueError:
            return False
        is_own = bool(own) and own == connection.headers.get("host", "").lower()
        return is_own and (keyed or not _can_be_anybodys(urlsplit(origin).hostname or ""))


def _can_be_anybodys(name: str) -> bool:
    """Whether the public DNS, which everybody may write to, says what address a host's name stands for."""
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return "." in name.rstrip(".") and not name.rstrip(".").endswith(RESERVED)
    return False


def _checked(origin: str) -> str:
    try:
        parts = urlsplit(origin)
    except ValueError:
        parts = urlsplit("")
    if origin != ANY and (not parts.netloc or origin != f"{parts.scheme}://{parts.netloc}"):
        raise InvalidOriginError(f"{origin!r} is no origin: give one such as https://example.org:8080, or *")
    return origin.lower()
