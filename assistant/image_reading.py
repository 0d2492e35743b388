"""Printed text found in pictures, on one thread.

The weights lie in the wheel of `rapidocr` (PP-OCRv6, English and Chinese in one): nothing is downloaded.
"""

from __future__ import annotations

import io
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from assistant.errors import PictureUnread
from assistant.picture_rows import Found, in_order
from assistant.pictures import Line, ReadPicture
from transport.image_header import ImageHeader

# A page's small print is 12 pixels tall on a longer side of 1600; more pixels take time, and add nothing.
LONGEST_SIDE = 1600
FOUND_ON = 960  # pixels of the longer side on which text is looked for; it is read at full size
NARROWEST = 64  # pixels: a cell of a digit is not read on a strip for a sentence, which takes half the time
PREVIEW_QUALITY = 80  # of JPEG: 100 to 250 kB


class TextFinder(Protocol):
    """Finds text in a picture."""

    def find(self, pixels: NDArray[np.uint8]) -> list[Found]:
        """Return what stands where, in any order. `pixels`: [height, width, 3], RGB."""


class RapidOcr:
    """PP-OCR's small models by `rapidocr`. Raises ModuleNotFoundError without it."""

    def __init__(self) -> None:
        from rapidocr import RapidOCR

        self._engine: Any = RapidOCR(
            params={
                "Global.log_level": "error",
                "Global.use_cls": False,  # upside-down lines: a photo says by EXIF how it was held
                "EngineConfig.onnxruntime.intra_op_num_threads": 1,  # the caller's own, with its low priority
                "EngineConfig.onnxruntime.inter_op_num_threads": 1,
                "Det.limit_type": "max",
                "Det.limit_side_len": FOUND_ON,
                "Rec.rec_img_shape": [3, 48, NARROWEST],
            }
        )

    def find(self, pixels: NDArray[np.uint8]) -> list[Found]:
        """See `TextFinder`."""
        read = self._engine(np.ascontiguousarray(pixels[:, :, ::-1]))  # BGR, as OpenCV has it
        if read.boxes is None or read.txts is None:
            return []
        return [
            Found(text, np.asarray(corners, np.float32), float(score))
            for text, corners, score in zip(read.txts, read.boxes, read.scores, strict=True)
        ]


def read_picture(data: bytes, header: ImageHeader, finder: TextFinder) -> ReadPicture:
    """Read a picture; blocks for some seconds. Raises PictureUnread for a file that cannot be unpacked."""
    image, (width, height) = _unpacked(data, header)
    lines = in_order(finder.find(np.asarray(image)))
    preview = io.BytesIO()
    image.save(preview, "JPEG", quality=PREVIEW_QUALITY)
    scale_x, scale_y = width / image.width, height / image.height
    return ReadPicture(
        width,
        height,
        tuple(_scaled(line, scale_x, scale_y, width, height) for line in lines),
        preview.getvalue(),
    )


def _unpacked(data: bytes, header: ImageHeader) -> tuple[Image.Image, tuple[int, int]]:
    """Return the picture upright, RGB and no larger than needed, and its own size when upright."""
    try:
        image: Image.Image = Image.open(io.BytesIO(data), formats=[header.kind.upper()])
        if image.size != (header.width, header.height):  # what was allowed is not what would be unpacked
            raise PictureUnread(f"its header tells {header.width} x {header.height} pixels, and {image.size}")
        turned = image.getexif().get(_ORIENTATION, 1) in _TURNED
        image.draft("RGB", (LONGEST_SIDE, LONGEST_SIDE))  # a JPEG is scaled down while it is unpacked
        image = _on_white(ImageOps.exif_transpose(image))
        image.thumbnail((LONGEST_SIDE, LONGEST_SIDE))
    except PictureUnread:
        raise
    except Exception as error:  # a broken file breaks decoders in many ways
        raise PictureUnread(f"the file is broken ({error}): save it again, and send that") from error
    size = (header.height, header.width) if turned else (header.width, header.height)
    return image, size


_ORIENTATION = 0x0112
_TURNED = (5, 6, 7, 8)  # by a quarter


def _on_white(image: Image.Image) -> Image.Image:
    """Without transparency: what shines through a screenshot is paper."""
    if not image.has_transparency_data:
        return image.convert("RGB")
    image = image.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", image.size, "white"), image).convert("RGB")


def _scaled(line: Line, scale_x: float, scale_y: float, width: int, height: int) -> Line:
    left, top, right, bottom = line.box
    box = (
        round(left * scale_x),
        round(top * scale_y),
        min(width, round(right * scale_x)),
        min(height, round(bottom * scale_y)),
    )
    return Line(line.text, box, line.confidence)
