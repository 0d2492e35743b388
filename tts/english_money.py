"""English amounts of money in words: "$2.5M" is "two point five million dollars"."""

from __future__ import annotations

import re
from dataclasses import dataclass

from tts.english_numbers import number
from tts.rules import group
from tts.shown_numbers import NUMBER


@dataclass(frozen=True, slots=True)
class _Currency:
    one: str
    many: str
    cent: str = ""
    cents: str = ""


_DOLLAR = _Currency("dollar", "dollars", "cent", "cents")
_EURO = _Currency("euro", "euros", "cent", "cents")
_POUND = _Currency("pound", "pounds", "penny", "pence")
_YEN = _Currency("yen", "yen")
_YUAN = _Currency("yuan", "yuan")
_FRANC = _Currency("Swiss franc", "Swiss francs")


def _dollars_of(land: str) -> _Currency:
    return _Currency(f"{land} dollar", f"{land} dollars")


CURRENCIES = {
    "$": _DOLLAR,
    "US$": _DOLLAR,
    "USD": _DOLLAR,
    "HK$": _dollars_of("Hong Kong"),
    "HKD": _dollars_of("Hong Kong"),
    "A$": _dollars_of("Australian"),
    "AU$": _dollars_of("Australian"),
    "C$": _dollars_of("Canadian"),
    "CA$": _dollars_of("Canadian"),
    "S$": _dollars_of("Singapore"),
    "€": _EURO,
    "EUR": _EURO,
    "£": _POUND,
    "GBP": _POUND,
    "¥": _YEN,
    "￥": _YEN,
    "JPY": _YEN,
    "RMB": _YUAN,
    "CNY": _YUAN,
    "CHF": _FRANC,
    "₹": _Currency("rupee", "rupees"),
    "₩": _Currency("won", "won"),
}
SCALES = {
    "k": "thousand",
    "K": "thousand",
    "m": "million",
    "M": "million",
    "mn": "million",
    "MM": "million",
    "b": "billion",
    "B": "billion",
    "bn": "billion",
    "T": "trillion",
    "tn": "trillion",
}
_NAME = "|".join(re.escape(name) for name in sorted(CURRENCIES, key=len, reverse=True))
_SCALE = (
    rf"\s?(hundred|thousand|million|billion|trillion|{'|'.join(sorted(SCALES, key=len, reverse=True))})(?!\w)"
)
_SIGNS = {None: "", "+": "plus "}
_NO_NOUN = "and|or|to|in|on|for|at|of|from|with|is|was|per|an?|by|if|when|than|as|each|every|more|less"
_END = r"(?!\d|[.,]\d)"


def _amount(shown: str, scale: str | None, currency: _Currency, *, one: bool = False) -> str:
    """`one`: as an adjective, "a five dollar bill"."""
    if scale:
        return f"{number(shown)} {SCALES.get(scale, scale)} {currency.one if one else currency.many}"
    whole, _, decimals = shown.replace(",", "").partition(".")
    if len(decimals) != 2 or not currency.cent:
        return f"{number(shown)} {currency.one if one or shown == '1' else currency.many}"
    words = []
    if int(whole):
        words.append(f"{number(whole)} {currency.one if one or whole == '1' else currency.many}")
    if int(decimals):
        words.append(f"{number(str(int(decimals)))} {currency.cent if decimals == '01' else currency.cents}")
    return " and ".join(words) or f"zero {currency.many}"


def _adjective(match: re.Match[str]) -> str:
    name, shown, scale = match.groups()[1:]
    return _amount(shown, scale, CURRENCIES[name], one=True)


def _sign_first(match: re.Match[str]) -> str:
    sign, name, shown, scale = match.groups()
    return _SIGNS.get(sign, "minus ") + _amount(shown, scale, CURRENCIES[name])


def _sign_last(match: re.Match[str]) -> str:
    return _amount(match[1], match[2], CURRENCIES[match[3]])


def _range(match: re.Match[str]) -> str:
    """The currency once, at the end, unless it stands before both: "$5-10"."""
    name, low, low_scale, name_again, high, scale = match.groups()
    currency = CURRENCIES[name]
    together = not name_again or (scale and not low_scale)
    scaled = f" {SCALES.get(low_scale, low_scale)}" if low_scale else ""
    said_low = number(low) + scaled if together else _amount(low, low_scale, currency)
    return f"{said_low} to {_amount(high, scale, currency)}"


MONEY = group(
    r"[$€£¥￥₹₩¢]|[A-Z]{3}",
    (r"(?<=[$€£])(?=\.\d)", "0"),
    (
        rf"(?<!\w)({_NAME})({NUMBER})(?:{_SCALE})?\s?(?:[-–—]|to)\s?({_NAME})?({NUMBER})(?:{_SCALE})?{_END}",
        _range,
    ),
    (
        rf"\b(?i:an?|another|every|one) (?P<said>({_NAME})({NUMBER})(?:{_SCALE})?)"
        rf"(?=[ -](?!(?:{_NO_NOUN})\b)[a-z])",
        _adjective,
    ),
    (rf"((?<![\w)])[-−+])?(?<![A-Z])({_NAME})\s?({NUMBER})(?:{_SCALE})?{_END}", _sign_first),
    (rf"(?<![\w.,])({NUMBER})(?:{_SCALE})?\s?({_NAME})(?![\w$\d])", _sign_last),
    (rf"(?<![\w.,])({NUMBER})\s?¢", lambda match: f"{match[1]} {'cent' if match[1] == '1' else 'cents'}"),
)
