"""Pictures' files: every kind that programs write, and those made to keep a service busy."""

from __future__ import annotations

import subprocess
import sys
import zlib

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from assistant.errors import PictureUnread
from assistant.image_reading import RapidOcr, read_picture
from assistant.image_unpacking import LONGEST_SIDE, MOST_PARTS, MOST_SCANS, unpacked
from assistant.pictures import ReadPicture
from tests.fuzzed_pictures import Eye
from tests.rendered import LAB, drawn, encoded
from transport.pictures import MAX_PICTURE_BYTES, checked

PAGE = np.tile(np.linspace(0, 255, 64), (32, 1)).astype(np.uint8)  # [32, 64], dark to light


def pixels_of(data: bytes) -> NDArray[np.uint8]:
    return np.asarray(unpacked(data, checked(data))[0])


def chunk(kind: bytes, data: bytes = b"") -> bytes:
    """A PNG's."""
    return len(data).to_bytes(4) + kind + data + zlib.crc32(kind + data).to_bytes(4)


def in_modes() -> list[tuple[str, bytes]]:
    grey = Image.fromarray(PAGE)
    deep = Image.fromarray(PAGE.astype(np.uint16) * 257)
    files = [(mode, encoded(grey.convert(mode))) for mode in ("L", "LA", "P", "RGB", "RGBA")]
    return [*files, ("I;16", encoded(deep)), ("CMYK", encoded(grey.convert("CMYK"), "JPEG", quality=98))]


@pytest.mark.parametrize(
    ("mode", "data"), in_modes(), ids=lambda value: value if isinstance(value, str) else ""
)
def test_a_page_looks_the_same_in_every_mode(mode: str, data: bytes) -> None:
    seen = pixels_of(data).astype(int)
    assert seen.shape == (32, 64, 3)
    assert np.abs(seen - PAGE[:, :, None].astype(int)).max() <= 4


def test_a_scan_of_black_and_white_alone_is_made_smaller_without_losing_its_thin_lines() -> None:
    page = Image.fromarray(np.tile([[0], [255], [255], [255]], (1000, 4000)).astype(np.uint8)).convert("1")
    seen = pixels_of(encoded(page))
    assert max(seen.shape) == LONGEST_SIDE
    assert seen.min() > 150  # every line is in some shade; picked rows would be black, or gone


@pytest.mark.parametrize("kind", ["PNG", "WEBP"])
def test_of_a_moving_picture_the_first_one_is_read(kind: str) -> None:
    first, then = Image.new("RGB", (40, 30), "white"), Image.new("RGB", (40, 30), "black")
    data = encoded(first, kind, save_all=True, append_images=[then, then])
    assert pixels_of(data).min() >= 250


@pytest.mark.parametrize(("orientation", "corner"), [(1, (0, 0)), (3, (-1, -1)), (6, (0, -1)), (8, (-1, 0))])
def test_a_photo_is_turned_as_its_exif_says(orientation: int, corner: tuple[int, int]) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    image = Image.new("L", (40, 30), "white")
    image.paste(0, (0, 0, 10, 10))  # dark where the sensor's first pixel is
    data = encoded(image, "JPEG", exif=exif)
    seen, size = unpacked(data, checked(data))
    assert size == ((30, 40) if orientation in (6, 8) else (40, 30)) == seen.size
    assert np.asarray(seen)[corner].max() < 60


def endless(what: str) -> bytes:
    """A file of 8 MB whose picture is small."""
    jpeg, png = (encoded(Image.new("RGB", (50, 50), "white"), kind) for kind in ("JPEG", "PNG"))
    pixels, room = jpeg.index(b"\xff\xda"), MAX_PICTURE_BYTES - 3000
    match what:
        case "segments":
            return jpeg[:pixels] + b"\xff\xe5\x00\x02" * (room // 4) + jpeg[pixels:]
        case "fill bytes":
            return jpeg[:pixels] + b"\xff" * room + jpeg[pixels:]
        case "chunks":
            return png[:33] + chunk(b"abCd") * (room // 12) + png[33:]
        case _:
            return png[:-12] + chunk(b"abCd") * (room // 12) + png[-12:]


@pytest.mark.parametrize("what", ["segments", "fill bytes", "chunks", "chunks behind the pixels"])
def test_a_file_of_countless_parts_is_refused_before_a_decoder_walks_through_them(what: str) -> None:
    data = endless(what)
    with pytest.raises(PictureUnread, match=f"over {MOST_PARTS} parts"):
        unpacked(data, checked(data))


def test_a_jpeg_that_goes_over_its_pixels_again_and_again_is_refused() -> None:
    data = encoded(Image.new("RGB", (500, 500), "white"), "JPEG", progressive=True)
    scan = data[data.rindex(b"\xff\xda") : -2]
    assert pixels_of(data[:-2] + 50 * scan + data[-2:]).min() == 255
    with pytest.raises(PictureUnread, match=f"has 210 scans: save it again with {MOST_SCANS} at most"):
        pixels_of(data[:-2] + 200 * scan + data[-2:])


def test_scans_in_a_thumbnail_or_behind_the_end_are_none_of_the_pictures() -> None:
    data = encoded(Image.new("RGB", (50, 50), "white"), "JPEG")
    thumbnail = b"\xff\xda" * 1000
    segment = b"\xff\xe2" + (len(thumbnail) + 2).to_bytes(2) + thumbnail
    assert pixels_of(data[:2] + segment + data[2:] + thumbnail).min() == 255


def test_a_picture_that_is_none_behind_its_header_is_told_without_the_names_of_our_objects() -> None:
    data = encoded(Image.new("RGB", (50, 50)))[:33]  # a header alone
    with pytest.raises(PictureUnread, match="broken") as raised:
        unpacked(data, checked(data))
    assert "object at" not in str(raised.value)


LARGEST = """
import resource, zlib
from assistant.image_unpacking import unpacked
from tests.test_assistant_image_unpacking import chunk
from transport.pictures import checked

rows = zlib.compressobj(1)
packed = b"".join(rows.compress(bytes(1 + 4 * 5000)) for _ in range(5000)) + rows.flush()
size = (5000).to_bytes(4) * 2 + bytes((8, 6, 0, 0, 0))  # RGBA, all transparent
data = b"\\x89PNG\\r\\n\\x1a\\n" + chunk(b"IHDR", size) + chunk(b"IDAT", packed) + chunk(b"IEND")
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
unpacked(data, checked(data))
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="ru_maxrss has another unit there")
def test_the_largest_picture_takes_no_more_memory_than_twice_its_pixels() -> None:
    run = subprocess.run([sys.executable, "-c", LARGEST], capture_output=True, text=True, check=True)
    assert float(run.stdout) < 230  # MB; 25 megapixels have 100


def read_by(finder: RapidOcr | Eye, image: Image.Image) -> ReadPicture:
    data = encoded(image)
    return read_picture(data, checked(data), finder)


@pytest.mark.parametrize("size", [(1, 1), (2, 3), (16_384, 1), (1, 16_384), (1600, 3), (3, 1600)])
def test_the_recognizer_finds_nothing_in_slivers(size: tuple[int, int]) -> None:
    assert read_by(RapidOcr(), Image.new("RGB", size, "white")).lines == ()


def test_print_that_nobody_could_read_is_no_fact() -> None:
    page = drawn(LAB)
    tiny = page.resize((page.width // 10, page.height // 10), Image.Resampling.LANCZOS)
    assert read_by(RapidOcr(), tiny).facts == ()
