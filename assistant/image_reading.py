"""Printed text found in pictures, on one thread.

The weights lie in the wheel of `rapidocr` (PP-OCRv6, English and Chinese in one): nothing is downloaded.
"""

from __future__ import annotations

import io
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from assistant.image_unpacking import unpacked
from assistant.picture_rows import Found, in_order
from assistant.pictures import Line, ReadPicture
from transport.image_header import ImageHeader

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
    image, (width, height) = unpacked(data, header)
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


def _scaled(line: Line, scale_x: float, scale_y: float, width: int, height: int) -> Line:
    left, top, right, bottom = line.box
    box = (
        round(left * scale_x),
        round(top * scale_y),
        min(width, round(right * scale_x)),
        min(height, round(bottom * scale_y)),
    )
    return Line(line.text, box, line.confidence)
