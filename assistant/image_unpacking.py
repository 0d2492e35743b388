"""A picture's file as pixels to read in: upright, RGB, no larger than needed, in bounded time and memory."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from itertools import islice

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from assistant.errors import PictureUnread
from transport.image_header import ImageHeader, ImageKind

# A page's small print is 12 pixels tall on a longer side of 1600; more pixels take time, and add nothing.
LONGEST_SIDE = 1600
# A scan goes over all of a JPEG's pixels, 28 ms on 25 megapixels, and takes 42 bytes: 8 MB of them would
# take an hour and a half. Encoders write 10; libjpeg-turbo's own tools speak of 100 and more as an attack.
MOST_SCANS = 64
# Decoders walk through a file's parts in Python, 700,000 empty ones in 5 to 10 s. A PNG of 8 MB that comes in
# pieces of a kilobyte has 8,000.
MOST_PARTS = 20_000
_MARKER = re.compile(rb"\xff[^\x00\xd0-\xd7]", re.DOTALL)  # JPEG: FF 00 is an FF, D0 to D7 are of the pixels
_SCAN = 0xDA
_END = 0xD9
_ALONE = frozenset({0x01, 0xD8, 0xFF})  # markers without a length; FF fills
_ORIENTATION = 0x0112
_TURNED = (5, 6, 7, 8)  # by a quarter


def unpacked(data: bytes, header: ImageHeader) -> tuple[Image.Image, tuple[int, int]]:
    """Return the picture and its own size when upright. Raises PictureUnread.

    25 megapixels take 200 MB meanwhile, 330 from a WebP.
    """
    try:
        check_effort(data, header.kind)
        image: Image.Image = Image.open(io.BytesIO(data), formats=[header.kind.upper()])
        if image.size != (header.width, header.height):  # what was allowed is not what would be unpacked
            raise PictureUnread(f"its header tells {header.width} x {header.height} pixels, and {image.size}")
        turned = image.getexif().get(_ORIENTATION, 1) in _TURNED
        image.draft("RGB", (LONGEST_SIDE, LONGEST_SIDE))  # a JPEG is scaled down while it is unpacked
        image = _smooth(image)
        image.thumbnail((LONGEST_SIDE, LONGEST_SIDE))  # first: what follows copies it
        image = _on_white(ImageOps.exif_transpose(image))
    except PictureUnread:
        raise
    except UnidentifiedImageError as error:  # its message names an object of ours
        raise PictureUnread(f"the file is broken (no {header.kind.upper()} behind its header)") from error
    except Exception as error:  # a broken file breaks decoders in many ways
        raise PictureUnread(f"the file is broken ({error}): save it again, and send that") from error
    size = (header.height, header.width) if turned else (header.width, header.height)
    return image, size


def check_effort(data: bytes, kind: ImageKind) -> None:
    """Raise PictureUnread for a file that would keep a decoder busy for much longer than its pixels do."""
    parts = list(islice(_parts(data, kind), MOST_PARTS + 1))
    if len(parts) > MOST_PARTS:
        raise PictureUnread(f"the file has over {MOST_PARTS} parts: save it again, and send that")
    if (scans := parts.count(_SCAN)) > MOST_SCANS:
        raise PictureUnread(f"the file has {scans} scans: save it again with {MOST_SCANS} at most")


def _parts(data: bytes, kind: ImageKind) -> Iterator[int]:
    """Yield each part's marker (JPEG), or 0; WebP's container is walked by its library, in C."""
    if kind == "jpeg":
        at = 2
        while (found := _MARKER.search(data, at)) is not None and data[found.start() + 1] != _END:
            yield (marker := data[found.start() + 1])
            at = found.end() - (marker == 0xFF)
            at += 0 if marker in _ALONE else max(2, int.from_bytes(data[at : at + 2]))
    elif kind == "png":
        at = 8
        while at < len(data):
            yield 0
            at += 12 + int.from_bytes(data[at : at + 4])


def _smooth(image: Image.Image) -> Image.Image:
    """In a mode that can be made smaller: pixels between others need more than a palette or one bit has."""
    if image.mode.startswith("I;16"):  # Pillow would take all but the darkest 256th of its greys for white
        return Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
    if image.has_transparency_data:
        return image.convert("RGBA")
    return image if image.mode == "L" else image.convert("RGB")


def _on_white(image: Image.Image) -> Image.Image:
    """Without transparency: what shines through a screenshot is paper."""
    if image.mode != "RGBA":
        return image.convert("RGB")
    return Image.alpha_composite(Image.new("RGBA", image.size, "white"), image).convert("RGB")
