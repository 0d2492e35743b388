"""Pictures from any client: read, or refused by name; in bounded time, whatever is in the file."""

from __future__ import annotations

import io
import time
from dataclasses import dataclass, field

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from assistant.errors import PictureUnread
from assistant.image_reading import read_picture
from assistant.image_unpacking import LONGEST_SIDE
from assistant.picture_rows import Found
from transport.errors import RejectedEventError
from transport.pictures import MAX_PIXELS, checked

ENOUGH_S = 5.0  # these take some ms, and there are slow machines
MODES = {
    "PNG": ("1", "L", "LA", "P", "I;16", "RGB", "RGBA"),
    "JPEG": ("L", "RGB", "CMYK"),
    "WEBP": ("RGB", "RGBA"),
}
SIZES = st.integers(1, 80) | st.sampled_from((1, 1601, 16_383))
NASTY = (
    b"",
    b"\xff",
    b"\xff\xd9",
    b"\xff\xda\x00\x02",
    b"\0\0\0\0",
    b"\xff\xff\xff\xff",
    b"IDAT",
    b"IEND",
    b"fcTL",
)


@dataclass
class Eye:
    """Looks at a picture, and finds the words that a corner of it and its whole would be."""

    shapes: list[tuple[int, ...]] = field(default_factory=list)

    def find(self, pixels: NDArray[np.uint8]) -> list[Found]:
        """See `TextFinder`."""
        height, width, channels = pixels.shape
        assert pixels.dtype == np.uint8 and channels == 3
        self.shapes.append(pixels.shape)
        whole = np.array([(0, 0), (width, 0), (width, height), (0, height)], np.float32)
        return [Found("all", whole, 0.9), Found("a corner", (whole / 4).astype(np.float32), 0.3)]


@st.composite
def files(draw: st.DrawFn) -> bytes:
    """A file as programs write them: of every kind, mode and turn, still and moving."""
    kind = draw(st.sampled_from(tuple(MODES)))
    mode = draw(st.sampled_from(MODES[kind]))
    size = draw(SIZES), draw(st.integers(1, 80))
    image = _image(mode, size if draw(st.booleans()) else size[::-1])
    options: dict[str, object] = {}
    if draw(st.booleans()):
        exif = Image.Exif()
        exif[0x0112] = draw(st.integers(0, 9) | st.just(65_535))
        options["exif"] = exif
    if kind == "JPEG":
        options["progressive"] = draw(st.booleans())
    if kind == "WEBP":
        options["lossless"] = draw(st.booleans())
    if kind != "JPEG" and mode != "I;16" and draw(st.booleans()):
        options |= {"save_all": True, "append_images": [image.rotate(90)] * draw(st.integers(1, 3))}
    if kind == "PNG" and mode in ("L", "P", "RGB", "I;16") and draw(st.booleans()):
        options["transparency"] = (0, 0, 0) if mode == "RGB" else 0
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def _image(mode: str, size: tuple[int, int]) -> Image.Image:
    if mode == "I;16":
        return Image.fromarray(np.full(size[::-1], 40_000, np.uint16))
    return Image.new(mode, size)


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """A file with pieces exchanged, doubled or taken out, often in its header, or cut off."""
    data = draw(files())
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, min(len(data), draw(st.sampled_from((40, 400, 10**6))))))
        end = min(len(data), start + draw(st.integers(0, 12)))
        piece = draw(st.sampled_from((*NASTY, data[start:end] * 40)) | st.binary(max_size=8))
        data = data[:start] + piece + data[end:]
    return data[: draw(st.integers(0, len(data)))] if draw(st.booleans()) else data


pictures = files() | damaged() | damaged()


def check_picture(data: bytes) -> None:
    """Read it as the service does: nothing but its own errors, and nothing outside the picture."""
    eye, began_s = Eye(), time.perf_counter()
    try:
        header = checked(data)
        assert header.width * header.height <= MAX_PIXELS
        read = read_picture(data, header, eye)
    except (RejectedEventError, PictureUnread) as error:
        assert " object at 0x" not in str(error), error
    else:
        assert {read.width, read.height} == {header.width, header.height}
        assert max(eye.shapes[0]) <= LONGEST_SIDE
        for line in read.lines:
            left, top, right, bottom = line.box
            assert 0 <= left <= right <= read.width and 0 <= top <= bottom <= read.height
        Image.open(io.BytesIO(read.preview), formats=["JPEG"]).load()
    assert time.perf_counter() - began_s < ENOUGH_S
