"""Who may use the service: API keys."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Iterable

from starlette.requests import HTTPConnection

from transport.errors import InvalidKeyError

# A browser cannot set headers on a WebSocket: OpenAI's clients offer the key as a subprotocol with this name.
KEY_SUBPROTOCOL = "openai-insecure-api-key."
# What a subprotocol may consist of (RFC 9110 section 5.6.2), and no comma, at which the variable is split.
KEY_FORM = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
SHORTEST_KEY = 16  # characters: shorter ones can be found by trying
ANYBODY = ""  # whose a request is where no key is asked for


class ApiKeys:
    """The keys that open the service; without any it is open to all."""

    def __init__(self, keys: Iterable[str] = ()) -> None:
        """Raise InvalidKeyError for a key that could not be sent, or be guessed."""
        self._digests = {digest(_checked(key)) for key in keys}

    @classmethod
    def read(cls, text: str) -> ApiKeys:
        """The keys in a text, between white space or commas; what follows a # in a line is a remark.

        Raises InvalidKeyError, also when there is no key at all.
        """
        lines = (line.split(" #")[0] for line in text.splitlines() if not line.lstrip().startswith("#"))
        keys = cls(key for line in lines for key in re.split(r"[,\s]+", line) if key)
        if not keys:
            raise InvalidKeyError("there is no API key: write one a line")
        return keys

    def __bool__(self) -> bool:
        return bool(self._digests)

    def owner(self, key: str) -> str | None:
        """A name for who sent `key`, None for a wrong one. Takes as long whichever key it is, or none."""
        given = digest(key)
        found = [known for known in self._digests if hmac.compare_digest(known, given)]
        return found[0].hex() if found else None


def given_key(connection: HTTPConnection) -> str:
    """The key or secret that a client sent, "" for none."""
    scheme, _, key = connection.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return key.strip()
    offered: list[str] = connection.scope.get("subprotocols", [])
    keys = (each.removeprefix(KEY_SUBPROTOCOL) for each in offered if each.startswith(KEY_SUBPROTOCOL))
    return next(keys, "")


def digest(key: str) -> bytes:
    """What a key is kept and compared as: equal in length for all."""
    return hashlib.sha256(key.encode("utf-8", "surrogateescape")).digest()


def _checked(key: str) -> str:
    shown = key[:3] + "…"  # enough to find it by, and no more: messages end up in logs
    if len(key) < SHORTEST_KEY:
        raise InvalidKeyError(
            f"the API key {shown} has {len(key)} characters: take at least {SHORTEST_KEY}, such as the "
            "output of `openssl rand -hex 24`"
        )
    if not KEY_FORM.fullmatch(key):
        raise InvalidKeyError(f"the API key {shown} may hold letters, digits and !#$%&'*+-.^_`|~ only")
    return key
