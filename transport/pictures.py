"""Pictures in a client's message: checked by their first bytes, not decoded."""

from __future__ import annotations

import base64
import binascii
import reprlib
from dataclasses import dataclass, field
from typing import Literal, get_args

from transport.errors import RejectedEventError
from transport.fields import Fields
from transport.image_header import ImageHeader, read_header

Detail = Literal["auto", "low", "high"]

MAX_PICTURES = 4  # in one message: the pages of a report
MAX_PICTURE_BYTES = 8 * 1024 * 1024  # a phone's photo has 2 to 6 MB; as base64 it fits into a message
MAX_PIXELS = 25_000_000  # twice a phone's usual 12: 100 MB unpacked, and one is unpacked at a time
MAX_SIDE = 16_384  # as long as a WebP's can be; a strip of a pixel's height is no picture
_DETAILS: tuple[Detail, ...] = get_args(Detail)


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture that has still to be read: the file as it came, and what its header says."""

    data: bytes = field(repr=False)
    header: ImageHeader
    detail: Detail | None = None

    def on_wire(self) -> dict[str, object]:
        """Return the part of the API's item; the picture itself is never sent back."""
        part: dict[str, object] = {"type": "input_image"}
        return part if self.detail is None else part | {"detail": self.detail}


def read_picture(part: Fields, name: str = "image_url") -> Picture:
    """Return the picture in a part's data URL; raises `RejectedEventError`."""
    detail = part.choice("detail", _DETAILS)
    url = part.value(name)
    if part.value("file_id") is not None:
        message = "names a file at OpenAI, of which nothing is known here: send image_url, a data URL"
        raise part.rejected("file_id", message, code="unsupported_parameter")
    if url is None:
        raise part.missing(name)
    if not isinstance(url, str):
        raise part.rejected(name, f"is {reprlib.repr(url)}: send a data URL")
    data = _decoded(part, name, url)
    try:
        return Picture(data, checked(data), detail)
    except RejectedEventError as error:
        raise part.rejected(name, str(error), code=error.code or "invalid_image") from error


def _decoded(part: Fields, name: str, url: str) -> bytes:
    head, comma, encoded = url.partition(",")
    if not comma or not head.startswith("data:") or not head.endswith(";base64"):
        if url.lower().startswith(("http:", "https:")):
            message = "is an address: nothing is fetched for a client, send the picture as a data URL"
        else:
            message = f"begins with {reprlib.repr(url[:40])}: send a data URL, data:image/png;base64,..."
        raise part.rejected(name, message, code="invalid_image_url")
    if len(encoded) > MAX_PICTURE_BYTES * 4 // 3 + 4:
        message = f"holds about {len(encoded) * 3 // 4} bytes: send at most {MAX_PICTURE_BYTES}"
        raise part.rejected(name, message, code="image_too_large")
    try:
        return base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError) as error:  # the latter: characters beyond ASCII
        raise part.rejected(name, f"is not base64 ({error})", code="invalid_image_url") from error


def checked(data: bytes) -> ImageHeader:
    """Return the header of a file that may be unpacked; raises `RejectedEventError`, which names no field."""
    header = read_header(data)
    if header is None:
        message = "is no PNG, JPEG or WebP by its first bytes: send one of these"
        raise RejectedEventError(message, code="invalid_image")
    size = f"{header.width} x {header.height} pixels"
    if header.width * header.height > MAX_PIXELS or max(header.width, header.height) > MAX_SIDE:
        message = f"has {size}: send at most {MAX_PIXELS // 1_000_000} megapixels, no side over {MAX_SIDE}"
        raise RejectedEventError(message, code="image_too_large")
    return header


def check_count(fields: Fields, count: int) -> None:
    """A message holds a few pictures at most; raises `RejectedEventError`."""
    if count > MAX_PICTURES:
        message = f"holds {count} pictures: send at most {MAX_PICTURES} in a message"
        raise fields.rejected("content", message, code="too_many_images")
