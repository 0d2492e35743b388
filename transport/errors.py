"""Everything that can go wrong on the wire.

TransportError
├── RejectedEventError        the peer sent an event we cannot act on: an `error` event, the session lives
├── RefusedError              a request over HTTP that gets an error for an answer
├── InvalidKeyError           an API key that nobody could send, or that can be guessed
├── InvalidOriginError        what is said to be a web page's origin is none
├── InvalidSettingError       a session setting outside its range, from the peer or from our own defaults
├── LocalProtocolError        our own code drove the protocol wrongly: a bug, never the peer's fault
├── AddressUnavailableError   the server cannot listen where it was told to
├── CertificateUnusableError  the files for TLS are not a certificate and its key
├── ServiceUnreachableError   the client found nobody at the address, or was refused
└── ConnectionLostError       the client was connected, and is no more
"""

from __future__ import annotations


class TransportError(Exception):
    """The root: catch this to catch whatever the wire can raise."""


class RejectedEventError(TransportError):
    """A client event that cannot be acted on.

    `code` and `param` travel to the client; `event_id` is the client's own id for the event, if any.
    """

    def __init__(self, message: str, *, code: str = "invalid_value", param: str | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.param = param
        self.event_id: str | None = None


class RefusedError(TransportError):
    """A request over HTTP that is answered with an error.

    `status` is HTTP's; `code` and `param` travel to the client as OpenAI's do. `retry_after_s`: when it may
    work.
    """

    def __init__(
        self,
        status: int,
        message: str,
        *,
        code: str | None = None,
        param: str | None = None,
        retry_after_s: float | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.param = param
        self.retry_after_s = retry_after_s


class InvalidKeyError(TransportError, ValueError):
    """An API key that nobody could send, or that can be guessed."""


class InvalidOriginError(TransportError, ValueError):
    """What is said to be a web page's origin is none."""


class InvalidSettingError(TransportError, ValueError):
    """A session setting outside its range; `field` is its path on the wire, below `session`."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(f"{field}: {message}")
        self.field = field


class LocalProtocolError(TransportError):
    """The protocol was driven wrongly from our side, such as audio for a response that is not open."""


class AddressUnavailableError(TransportError):
    """The address to listen on is taken, not ours, or not allowed."""


class CertificateUnusableError(TransportError):
    """The files for TLS are not a certificate and its key."""


class ServiceUnreachableError(TransportError):
    """No session could be opened at the address."""


class ConnectionLostError(TransportError):
    """The service closed the connection, or it broke."""
