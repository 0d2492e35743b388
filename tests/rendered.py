"""Made-up papers, drawn as a printer would and spoilt as a photo would, for tests and the bench."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageFont

LATIN = "DejaVuSans.ttf"
CHINESE = "NotoSansCJK-Regular.ttc"


@dataclass(frozen=True, slots=True)
class Paper:
    """Rows of cells; a cell's column is where it stands, by the stops [share of the width]."""

    name: str
    rows: tuple[tuple[str, ...], ...]
    stops: tuple[float, ...] = (0.06,)
    language: str = "en"

    @property
    def lines(self) -> tuple[str, ...]:
        """What is to be read, line by line."""
        return tuple(" ".join(filter(None, row)) for row in self.rows)


LAB = Paper(
    "lab-report",
    (
        ("Northbrook Laboratory, report 20418",),
        ("Patient: Anna Example, born 4 May 1981",),
        ("Test", "Result", "Unit", "Reference"),
        ("Haemoglobin", "10.2", "g/dL", "12.0-15.5"),
        ("White cells", "6.8", "10^9/L", "4.0-11.0"),
        ("Platelets", "243", "10^9/L", "150-400"),
        ("Ferritin", "8", "ug/L", "15-200"),
        ("Creatinine", "78", "umol/L", "45-90"),
        ("Glucose, fasting", "5.4", "mmol/L", "3.9-5.5"),
    ),
    (0.06, 0.42, 0.58, 0.76),
)
PRESCRIPTION = Paper(
    "prescription",
    (
        ("Dr. M. Sample, Elm Street Practice",),
        ("For: John Example, 12 March 2026",),
        ("Amoxicillin 500 mg capsules",),
        ("Take one capsule three times a day for 7 days",),
        ("Ibuprofen 200 mg tablets",),
        ("Take one tablet every 8 hours with food",),
        ("Loratadine 10 mg tablets",),
        ("Take one tablet in the evening",),
    ),
)
BILL = Paper(
    "bill",
    (
        ("Riverside Utilities, invoice 77310",),
        ("Item", "Amount"),
        ("Electricity, 412 kWh", "$61.80"),
        ("Gas, 38 units", "$45.60"),
        ("Water, 14 cubic metres", "$33.04"),
        ("Standing charge", "$12.50"),
        ("Total due by 30 April 2026", "$152.94"),
    ),
    (0.06, 0.7),
)
LAB_ZH = Paper(
    "lab-report-zh",
    (
        ("北溪医院检验报告单",),
        ("姓名：李样例",),
        ("项目", "结果", "单位", "参考范围"),
        ("血红蛋白", "102", "g/L", "115-150"),
        ("白细胞", "6.8", "10^9/L", "4.0-11.0"),
        ("血小板", "243", "10^9/L", "150-400"),
        ("铁蛋白", "8", "ug/L", "15-200"),
        ("肌酐", "78", "umol/L", "45-90"),
    ),
    (0.06, 0.36, 0.54, 0.74),
    "zh",
)
PRESCRIPTION_ZH = Paper(
    "prescription-zh",
    (
        ("南山社区门诊处方",),
        ("阿莫西林胶囊 每次500毫克",),
        ("每日三次，饭后服用，共七天",),
        ("布洛芬片 每次200毫克",),
        ("疼痛时服用，每8小时一次",),
        ("氯雷他定片 每晚10毫克",),
    ),
    language="zh",
)
BILL_ZH = Paper(
    "bill-zh",
    (
        ("河滨物业缴费通知单",),
        ("费用项目", "金额"),
        ("电费 412度", "247.20元"),
        ("水费 14吨", "58.80元"),
        ("燃气费", "103.50元"),
        ("物业管理费", "180.00元"),
        ("合计", "589.50元"),
    ),
    (0.06, 0.62),
    "zh",
)
PAPERS = (LAB, PRESCRIPTION, BILL, LAB_ZH, PRESCRIPTION_ZH, BILL_ZH)


@cache
def font(name: str, size: int) -> ImageFont.FreeTypeFont:
    """A font of the system. Raises OSError when it is not installed."""
    return ImageFont.truetype(name, size)


def drawn(paper: Paper, width: int = 900, size: int = 22) -> Image.Image:
    """The paper as it comes from the printer."""
    face = font(CHINESE if paper.language == "zh" else LATIN, size)
    height = round(size * (2.2 * len(paper.rows) + 3))
    image = Image.new("RGB", (width, height), (252, 252, 250))
    pen = ImageDraw.Draw(image)
    for index, row in enumerate(paper.rows):
        for stop, text in zip(paper.stops, row, strict=False):
            pen.text((stop * width, size * (1.6 + 2.2 * index)), text, font=face, fill=(25, 25, 30))
    return image


def askew(image: Image.Image, degrees: float) -> Image.Image:
    """The paper turned a little, on a table."""
    return image.rotate(degrees, Image.Resampling.BICUBIC, expand=True, fillcolor=(206, 198, 184))


def photographed(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    """A hurried photo of it: turned, seen from an angle, out of focus, noisy, unevenly lit, as a JPEG."""
    image = askew(image, float(rng.uniform(-3, 3)))
    width, height = image.size
    lean = 0.03 * min(width, height)
    outer = Image.new("RGB", (width + 2 * round(lean), height + 2 * round(lean)), (206, 198, 184))
    outer.paste(image, (round(lean), round(lean)))
    image = outer.transform(
        outer.size,
        Image.Transform.QUAD,
        [value + rng.uniform(-lean, lean) for value in _corners(outer.size)],
        Image.Resampling.BICUBIC,
        fillcolor=(206, 198, 184),
    )
    image = image.filter(ImageFilter.GaussianBlur(float(rng.uniform(0.5, 1.0))))
    pixels = np.asarray(image, np.float32)
    light = np.linspace(rng.uniform(0.7, 0.9), 1.0, image.width, dtype=np.float32)[None, :, None]
    pixels = pixels * light + rng.normal(0, 8, pixels.shape).astype(np.float32)
    out = io.BytesIO()
    Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8)).save(out, "JPEG", quality=60)
    return Image.open(out).convert("RGB")


def _corners(size: tuple[int, int]) -> Sequence[float]:
    """Of a picture, as QUAD wants them: from the top left, against the clock."""
    width, height = size
    return (0, 0, 0, height, width, height, width, 0)


def encoded(image: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    """The picture as a file."""
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def write_samples(folder: Path) -> None:
    """Write the papers of `samples/images`: photos of them, below 60 kB each."""
    rng = np.random.default_rng(11)
    for paper in (LAB, PRESCRIPTION, BILL, LAB_ZH):
        photo = photographed(drawn(paper), rng)
        (folder / f"{paper.name}.jpg").write_bytes(encoded(photo, "JPEG", quality=60))


if __name__ == "__main__":
    write_samples(Path(__file__).parents[1] / "samples" / "images")
