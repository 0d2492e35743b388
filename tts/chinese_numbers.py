"""Numbers in Chinese characters. What a whole number is called, cn2an knows."""

from __future__ import annotations

import re

import cn2an

from tts.rules import group
from tts.shown_numbers import NUMBER

DIGITS = "零一二三四五六七八九"
_LONGEST = 16  # digits that cn2an takes
# Two of these are 两; a second one (二月, 二楼, 二型, 第二) is 二.
COUNTED = (
    "(?:个|位|人|名|天|周|年(?!级)|小时|分钟|秒|片|粒|颗|支|瓶|盒|袋|次(?!方)|倍|步|条|件|种|杯|碗|斤|公斤|克|毫克|微克"
    "|毫升|升|元|块|美元|欧元|港元|英镑|日元|米|公里|厘米|毫米|平方米|岁|遍|口|只|套|台|辆|部|本|张|家|项|点钟?"
    "|滴|勺|餐|顿|份|句|段|包|晚|夜|头|双|对|匙|千|万|亿|瓣|吨|亩|英里|公顷|门|根|道|场|起|成(?!年))"
)


def digit_by_digit(text: str, *, one: str = "一") -> str:
    """ "1205" -> "一二零五"; `one` is 幺 on the telephone. Other characters are left out."""
    said = (DIGITS[int(digit)] for digit in text if digit in "0123456789")
    return "".join(said).replace("一", one)


def cardinal(text: str) -> str:
    """ "1,250.50" -> "一千二百五十点五零"."""
    whole, _, decimals = text.replace(",", "").partition(".")
    if len(whole) > _LONGEST or (len(whole) > 1 and whole.startswith("0")):
        words = digit_by_digit(whole)
    else:
        words = re.sub("^二(?=[千万亿])", "两", cn2an.an2cn(whole or "0", "low"))
    return f"{words}点{digit_by_digit(decimals)}" if decimals else words


NUMBERS = group(
    r"\d",
    (rf"(?<![\d.第])2(?=(?:[到至]{NUMBER})?{COUNTED})", "两"),
    (rf"{NUMBER}|\.\d+", lambda match: cardinal(match[0])),
)
