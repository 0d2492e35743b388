"""Everything that can go wrong on the wire.

TransportError
├── RejectedEventError        the peer sent an event we cannot act on: an `error` event, the session lives
├── FloodingError             the peer sent more messages than it may for longer than it may: it is closed
├── RefusedError              a request over HTTP that gets an error for an answer
├── InvalidKeyError           an API key that nobody could send, or that can be guessed
├── InvalidOriginError        what is said to be a web page's origin is none
├── InvalidSettingError       a session setting outside its range, from the peer or from our own defaults
├── FrameError                a binary frame that is malformed or out of sequence: the connection cannot go on
├── ResumeImpossibleError     frames the peer did not receive are kept no more: begin a new session
├── PeerTooSlowError          the peer reads so slowly that what waits for it passed its bound
├── LocalProtocolError        our own code drove the protocol wrongly: a bug, never the peer's fault
├── OpusError                 bytes that are no Opus packet, from the peer; or a bit rate that Opus has not
├── CompressionError          bytes that are no part of the peer's compressed stream, or would grow too large
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


class FloodingError(TransportError):
    """A client sends faster than any microphone, and does not stop when it is slowed down."""


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


class HandshakeError(TransportError, ValueError):
    """A request for a session that makes no sense; the message says what to ask for."""


class FrameError(TransportError, ValueError):
    """A frame, or a field of one, that liushui.v1 does not allow; the message has the value."""


class ResumeImpossibleError(TransportError):
    """What the peer did not receive was more than the replay buffer keeps."""


class PeerTooSlowError(TransportError):
    """More waits for the peer than may: it stopped reading, or reads far slower than we speak."""


class LocalProtocolError(TransportError):
    """The protocol was driven wrongly from our side, such as audio for a response that is not open."""


class OpusError(TransportError, ValueError):
    """A packet that is no Opus, or a bit rate outside what is sent here."""


class CompressionError(TransportError, ValueError):
    """A payload that does not continue the compressed stream, or grows beyond its limit."""


class AddressUnavailableError(TransportError):
    """The address to listen on is taken, not ours, or not allowed."""


class CertificateUnusableError(TransportError):
    """The files for TLS are not a certificate and its key."""


class ServiceUnreachableError(TransportError):
    """No session could be opened at the address."""


class ConnectionLostError(TransportError):
    """The service closed the connection, or it broke."""
