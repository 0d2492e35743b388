"""What an image file says of itself in its first bytes: its kind, and its size in pixels.

Nothing is decoded, so that a file of a few kilobytes that stands for gigabytes costs nothing. Sources: the
PNG specification (W3C), section 11.2.1; ITU-T T.81, annex B (JPEG); RFC 9649 (WebP).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

ImageKind = Literal["png", "jpeg", "webp"]

# JPEG's frame headers, SOF0 to SOF15; C4, C8 and CC in their midst mean something else.
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_ALONE = frozenset({0x01, *range(0xD0, 0xD9)})  # JPEG's markers without a length
_SCAN = 0xDA  # JPEG's pixels begin: a frame header can no longer come
# Segments before the frame header, and bytes that fill: a photo of 8 MB has room for 128 full ones. This is
# walked where every conversation waits for it (8 MB of empty ones took 3 s).
_MOST_STEPS = 1000


@dataclass(frozen=True, slots=True)
class ImageHeader:
    """An image's kind and its size in pixels, as stored (before EXIF turns it)."""

    kind: ImageKind
    width: int
    height: int


def read_header(data: bytes) -> ImageHeader | None:
    """Return the header of a PNG, JPEG or WebP; None when it is none of them, or is cut off."""
    if data[:8] == b"\x89PNG\r\n\x1a\n":
        size = _png(data)
        kind: ImageKind = "png"
    elif data[:2] == b"\xff\xd8":
        size, kind = _jpeg(data), "jpeg"
    elif data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        size, kind = _webp(data), "webp"
    else:
        return None
    return None if size is None or 0 in size else ImageHeader(kind, *size)


def _png(data: bytes) -> tuple[int, int] | None:
    if data[12:16] != b"IHDR" or len(data) < 24:
        return None
    return int.from_bytes(data[16:20]), int.from_bytes(data[20:24])


def _jpeg(data: bytes) -> tuple[int, int] | None:
    at = 2
    for _ in range(_MOST_STEPS):
        if at + 4 > len(data) or data[at] != 0xFF:
            return None
        marker = data[at + 1]
        if marker == 0xFF:  # a fill byte before the marker
            at += 1
        elif marker in _ALONE:
            at += 2
        elif marker in _FRAMES:
            height, width = data[at + 5 : at + 7], data[at + 7 : at + 9]
            return (int.from_bytes(width), int.from_bytes(height)) if len(width) == 2 else None
        elif marker == _SCAN:
            return None
        else:
            at += 2 + int.from_bytes(data[at + 2 : at + 4])
    return None


def _webp(data: bytes) -> tuple[int, int] | None:
    if len(data) < 30:
        return None
    match data[12:16]:
        case b"VP8 ":  # 14 bits each, behind a frame tag and a start code of three bytes each
            if data[23:26] != b"\x9d\x01\x2a":
                return None
            return (
                int.from_bytes(data[26:28], "little") & 0x3FFF,
                int.from_bytes(data[28:30], "little") & 0x3FFF,
            )
        case b"VP8L":  # 14 bits each, less one, behind a signature byte
            if data[20] != 0x2F:
                return None
            bits = int.from_bytes(data[21:25], "little")
            return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
        case b"VP8X":  # 24 bits each, less one
            return int.from_bytes(data[24:27], "little") + 1, int.from_bytes(data[27:30], "little") + 1
    return None
