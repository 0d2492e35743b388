"""Numbers as they are shown, in any language."""

from __future__ import annotations

import re
import unicodedata

NUMBER = r"(?:\d{1,3}(?:,\d{3})+(?!\d)|\d+)(?:\.\d+)?"
VULGAR = "½⅓⅔¼¾⅕⅖⅗⅘⅙⅚⅛⅜⅝⅞"


def in_ascii(match: re.Match[str]) -> str:
    """`½` as `1/2`, `²` as `2`."""
    return unicodedata.normalize("NFKC", match[0]).replace("\N{FRACTION SLASH}", "/")
