"""Chinese money, shares, fractions, comparisons and signs."""

from __future__ import annotations

import re
from decimal import Decimal

from tts.chinese_numbers import cardinal
from tts.rules import group
from tts.shown_numbers import NUMBER, VULGAR, in_ascii

CURRENCIES = {
    "$": "美元",
    "US$": "美元",
    "USD": "美元",
    "HK$": "港元",
    "HKD": "港元",
    "A$": "澳元",
    "C$": "加元",
    "NT$": "新台币",
    "¥": "元",
    "￥": "元",
    "RMB": "元",
    "CNY": "元",
    "€": "欧元",
    "EUR": "欧元",
    "£": "英镑",
    "GBP": "英镑",
    "JPY": "日元",
}
MAGNITUDES = {"k": 3, "K": 3, "m": 6, "M": 6, "b": 9, "B": 9, "bn": 9, "T": 12}  # powers of ten
_CURRENCY = "|".join(re.escape(name) for name in sorted(CURRENCIES, key=len, reverse=True))
_AMOUNT = rf"({NUMBER})(?:(bn|[kKmMbBT])(?![A-Za-z]))?"
_TO = r"\s?[-–—~～]\s?"
_NO_NUMBER_BEFORE = r"(?<![A-Za-z\d)）])"  # what is after it is a sign, no range
_SIGNS = {None: "", "+": "正"}


def _magnified(shown: str, magnitude: str | None) -> str:
    """ "2.5", "M" -> "2500000"."""
    if not magnitude:
        return shown
    return f"{Decimal(shown.replace(',', '')).scaleb(MAGNITUDES[magnitude]).normalize():f}"


def _sign_first(match: re.Match[str]) -> str:
    sign, name, shown, magnitude, high, high_magnitude, scale = match.groups()
    words = _magnified(shown, magnitude)
    if high:
        words += f"到{_magnified(high, high_magnitude)}"
    return f"{'负' if sign else ''}{words}{scale or ''}{CURRENCIES[name]}"


def _sign_last(match: re.Match[str]) -> str:
    shown, magnitude, scale, name = match.groups()
    return f"{_magnified(shown, magnitude)}{scale or ''}{CURRENCIES[name]}"


def _percent(match: re.Match[str]) -> str:
    sign, low, percent, to, high = match.groups()
    words = f"百分之{cardinal(low)}"
    if high:
        words += f"{to}{'百分之' if percent else ''}{cardinal(high)}"
    return _SIGNS.get(sign, "负") + words


def _fraction(match: re.Match[str]) -> str:
    whole, above, below = match.groups()
    return f"{f'{whole}又' if whole else ''}{below}分之{above}"


MONEY = group(
    r"[$€£¥￥]|[A-Z]{3}",
    (
        rf"({_NO_NUMBER_BEFORE}[-−])?(?<![A-Za-z])({_CURRENCY})\s?{_AMOUNT}"
        rf"(?:{_TO}[$¥￥€£]?{_AMOUNT})?([百千万亿]+)?(?:美?元)?",
        _sign_first,
    ),
    (rf"(?<![\d.A-Za-z]){_AMOUNT}([百千万亿]+)?\s?({_CURRENCY})(?![A-Za-z\d])", _sign_last),
)
RANGES = group(
    "[-−–—~～→]",
    (r"(?<=\d)\s?[-−–]\s?(?=\d+\s?=)", "减"),
    (rf"(?<=[\d%℃日月号天周年岁元点分时个次])(?P<said>{_TO})(?=\.?\d)", "到"),
    (r"(?<=[A-Za-z])[~～](?=\d)|\s?→\s?", "到"),  # 30min~1h
    (rf"{_NO_NUMBER_BEFORE}[-−](?={NUMBER}(?:[到至]{NUMBER})?\s?(?:℃|°C))", "零下"),
)
SHARES = group(
    f"[%‰/{VULGAR}]",
    (r"(?<![\d.])100%", "百分之百"),
    (rf"({_NO_NUMBER_BEFORE}[-−+])?({NUMBER})(?:(%)?([到至])({NUMBER}))?%", _percent),
    (rf"({NUMBER})‰", lambda match: f"千分之{cardinal(match[1])}"),
    (r"(?<![\d/])\d{2,3}(?P<said>/)(?=\d{2,3}\s?(?:mmHg|毫米汞柱))", "比"),  # blood pressure
    (r"血压[为是：: ]{0,2}\d{2,3}(?P<said>/)(?=\d{2,3}(?![\d/]))", "比"),
    (f"[{VULGAR}]", in_ascii),
    (r"(?<![\d/A-Za-z])(?:(\d+)\s)?(\d{1,3})/(\d{1,4})(?![\d/])", _fraction),
)
SIGNS = group(
    "[≥≤<>＜＞=~～≈+±×÷*^²⁰¹³⁴⁵⁶⁷⁸⁹−-]|[xX]",
    (r"≥\s?|>=\s?", "大于等于"),
    (r"≤\s?|<=\s?", "小于等于"),
    (r"[>＞]\s?(?=\d)", "大于"),
    (r"[<＜]\s?(?=\d)", "小于"),
    (r"[~～≈]\s?(?=\d)", "约"),
    (r"(?<=0)\+(?=[\u4e00-\u9fff])", "多"),  # 100+人
    (r"\s?±\s?(?=\d)", "正负"),
    (r"(?<=[\dA-Za-z])\s?\+\s?(?=\w)", "加"),
    (r"(?<=\d)\s?[xX*]\s?(?=\d)|(?<=\w)\s?×\s?(?=\d)", "乘"),
    (r"(?<=\d)\s?÷\s?(?=\d)", "除以"),
    (r"(?<=\d)\^(\d{1,2})", r"的\1次方"),
    (r"(?<=10)[⁰¹²³⁴⁵⁶⁷⁸⁹]{1,2}", lambda match: f"的{in_ascii(match)}次方"),
    (r"(?<=次方)/L(?![A-Za-z])", "每升"),
    (r"(?<=\d)²", "的平方"),
    (r"(?<=\w)\s?=\s?(?=[\d-])", "等于"),
    (rf"{_NO_NUMBER_BEFORE}[-−](?=\.?\d)", "负"),
    (rf"{_NO_NUMBER_BEFORE}\+(?=\d)", "正"),
)
