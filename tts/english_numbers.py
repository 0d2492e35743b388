"""Numbers in English words, as Americans say them: no "and" inside, a year in pairs.

num2words would need its commas and its "and" taken out again, reads 2.50 as "two point five", and brings a
library that is published without a wheel.
"""

from __future__ import annotations

import re

_BELOW_TWENTY = """
zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen
seventeen eighteen nineteen
"""
_ONES = _BELOW_TWENTY.split()
_TENS = ("", "ten", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
_SCALES = ("", " thousand", " million", " billion", " trillion", " quadrillion")
_ORDINALS = {
    "one": "first",
    "two": "second",
    "three": "third",
    "five": "fifth",
    "eight": "eighth",
    "nine": "ninth",
    "twelve": "twelfth",
}
_LONGEST = 3 * len(_SCALES)  # digits; longer ones are said one by one
_LAST_WORD = re.compile(r"[a-z]+$")


def cardinal(value: int) -> str:
    """1234 -> "one thousand two hundred thirty-four"; `value` is not negative, and below 10**18."""
    parts = []
    for scale in _SCALES:
        value, below = divmod(value, 1000)
        if below:
            parts.append(_below_1000(below) + scale)
    return " ".join(reversed(parts)) or _ONES[0]


def ordinal(value: int) -> str:
    """23 -> "twenty-third"."""
    return _LAST_WORD.sub(lambda word: _ordinal_word(word[0]), cardinal(value))


def year(value: int) -> str:
    """1905 -> "nineteen oh five"; a year of four digits."""
    century, rest = divmod(value, 100)
    if century % 10 == 0 and rest < 10:
        return cardinal(value)
    if rest == 0:
        return f"{cardinal(century)} hundred"
    return f"{cardinal(century)} {'oh ' if rest < 10 else ''}{cardinal(rest)}"


def plural(words: str) -> str:
    """ "nineteen ninety" -> "nineteen nineties"."""
    return words[:-1] + "ies" if words.endswith("y") else words + "s"


def digits(text: str) -> str:
    """ "007" -> "zero zero seven"; other characters are left out."""
    return " ".join(_ONES[int(digit)] for digit in text if digit in "0123456789")


def number(text: str) -> str:
    """ "1,250.50" -> "one thousand two hundred fifty point five zero"."""
    whole, _, decimals = text.replace(",", "").partition(".")
    by_digit = len(whole) > _LONGEST or (len(whole) > 1 and whole.startswith("0"))
    words = digits(whole) if by_digit else cardinal(int(whole)) if whole else ""
    return f"{words} point {digits(decimals)}".strip() if decimals else words


def _below_1000(value: int) -> str:
    hundreds, rest = divmod(value, 100)
    words = [f"{_ONES[hundreds]} hundred"] if hundreds else []
    if rest >= 20:
        tens, ones = divmod(rest, 10)
        words.append(_TENS[tens] + (f"-{_ONES[ones]}" if ones else ""))
    elif rest:
        words.append(_ONES[rest])
    return " ".join(words)


def _ordinal_word(word: str) -> str:
    if word in _ORDINALS:
        return _ORDINALS[word]
    return word[:-1] + "ieth" if word.endswith("y") else word + "th"
