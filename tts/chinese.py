"""Chinese for the ear: everything that is no word put into characters, plain numbers last.

Words of English stay; only the digits in and beside them are read in Chinese (iPhone 十五, HbA一c).
"""

from __future__ import annotations

import re
import unicodedata

from tts.aligned import AlignedText
from tts.chinese_codes import CODES, DATES, TIMES
from tts.chinese_numbers import NUMBERS, cardinal, digit_by_digit
from tts.chinese_quantities import MONEY, RANGES, SHARES, SIGNS
from tts.chinese_units import PRESCRIPTIONS, with_units_said
from tts.rules import applied, group

ROMAN = ("", "I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX", "X", "XI", "XII")
_GREEK_NAMES = """
阿尔法 贝塔 伽马 德尔塔 艾普西隆 泽塔 伊塔 西塔 约塔 卡帕 拉姆达 缪
纽 克西 派 柔 西格马 陶 宇普西隆 斐 希 普西 欧米伽
"""
GREEK = dict(zip("αβγδεζηθικλμνξπρστυφχψω", _GREEK_NAMES.split(), strict=True))
_FULL_WIDTH = "％０１２３４５６７８９" + "".join(chr(0xFEE0 + ord(a) + i) for a in "Aa" for i in range(26))
TO_ASCII = {ord(character): unicodedata.normalize("NFKC", character) for character in _FULL_WIDTH}
SPACE = re.compile(r"\s+(?=[，。！？：；、])|(?<=[，。！？：；、])\s+")  # marks have their own


def _roman(match: re.Match[str]) -> str:
    return str(ROMAN.index(match["said"])) if match["said"] in ROMAN else match["said"]


def _version(match: re.Match[str]) -> str:
    return "点".join(map(cardinal, match[0].split(".")))


NAMES = group(
    r"[A-Za-zⅠ-Ⅻα-ω]|\d\.\d",
    ("[Ⅰ-Ⅻ]", lambda match: str(int(unicodedata.numeric(match[0])))),
    (r"(?<![A-Za-z])(?P<said>[IVX]{1,4})(?=\s?[型期级类度章卷世区相])", _roman),
    (r"(?<![A-Za-z])N[oO]\.\s?(?=\d)", "第"),
    (r"(?<![A-Za-z])([A-Z])/([A-Z])(?![A-Za-z])", r"\1 \2"),
    (r"(?<=[A-Za-z])-(?=\d)", ""),
    (r"(?<![\d.])\d\.\d(?=折)", lambda match: digit_by_digit(match[0])),
    (r"(?<![\w.])\d+(?:\.\d+){2,}(?!\d)", _version),
    (r"(?<![α-ω])[α-ω](?![α-ω])", lambda match: GREEK.get(match[0], match[0])),
)
BEFORE_UNITS = (CODES, PRESCRIPTIONS, DATES, TIMES, MONEY, RANGES, SHARES, SIGNS)
AFTER_UNITS = (NAMES, NUMBERS)


def in_chinese(text: AlignedText) -> AlignedText:
    """Return the text as it is read aloud."""
    narrow = AlignedText(text.text.translate(TO_ASCII), text.starts, text.ends)
    text = with_units_said(applied(narrow, BEFORE_UNITS))
    return applied(text, AFTER_UNITS).sub(SPACE, "")
