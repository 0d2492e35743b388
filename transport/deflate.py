"""permessage-deflate (RFC 7692) for clients that know no frames: of text, and not of speech.

A message says of itself whether it is compressed. Speech as base64 loses a quarter by it and takes 0.5 ms
each 0.1 s, events lose four fifths in 10 µs; so what is longer than any usual event goes as it is.
"""

from __future__ import annotations

from collections.abc import Sequence

from websockets.extensions import Extension
from websockets.extensions.permessage_deflate import PerMessageDeflate, ServerPerMessageDeflateFactory
from websockets.frames import Frame, Opcode
from websockets.typing import ExtensionParameter

MOST_BYTES = 2048
# Windows of 4 KiB and small tables, the usual choice of Python's servers: 43 KiB a connection.
WINDOW_BITS = 12
MEMORY_LEVEL = 5


class TextDeflate(PerMessageDeflate):
    """Compresses events; takes whatever the client compressed."""

    def encode(self, frame: Frame) -> Frame:
        """Return the frame to send."""
        if frame.opcode is not Opcode.TEXT or len(frame.data) > MOST_BYTES:
            return frame
        return super().encode(frame)


class TextDeflateFactory(ServerPerMessageDeflateFactory):
    """Agrees on it with clients that offer it."""

    def __init__(self) -> None:
        super().__init__(
            server_max_window_bits=WINDOW_BITS,
            client_max_window_bits=WINDOW_BITS,
            compress_settings={"memLevel": MEMORY_LEVEL},
        )

    def process_request_params(
        self, params: Sequence[ExtensionParameter], accepted_extensions: Sequence[Extension]
    ) -> tuple[list[ExtensionParameter], TextDeflate]:
        """Accept a client's offer; raises NegotiationError."""
        agreed, usual = super().process_request_params(params, accepted_extensions)
        return agreed, TextDeflate(
            usual.remote_no_context_takeover,
            usual.local_no_context_takeover,
            usual.remote_max_window_bits,
            usual.local_max_window_bits,
            usual.compress_settings,
        )
