"""Units as they are said: "5 mg/kg" is "five milligrams per kilogram"."""

from __future__ import annotations

import re

from tts.aligned import AlignedText

UNITS = {  # written -> said of one, said of several
    "kg": ("kilogram", "kilograms"),
    "g": ("gram", "grams"),
    "mg": ("milligram", "milligrams"),
    "mcg": ("microgram", "micrograms"),
    "µg": ("microgram", "micrograms"),  # micro sign
    "μg": ("microgram", "micrograms"),  # Greek mu
    "ng": ("nanogram", "nanograms"),
    "L": ("liter", "liters"),
    "l": ("liter", "liters"),
    "dL": ("deciliter", "deciliters"),
    "mL": ("milliliter", "milliliters"),
    "ml": ("milliliter", "milliliters"),
    "mol": ("mole", "moles"),
    "mmol": ("millimole", "millimoles"),
    "mEq": ("milliequivalent", "milliequivalents"),
    "IU": ("international unit", "international units"),
    "mmHg": ("millimeter of mercury", "millimeters of mercury"),
    "mm Hg": ("millimeter of mercury", "millimeters of mercury"),
    "bpm": ("beat per minute", "beats per minute"),
    "kcal": ("kilocalorie", "kilocalories"),
    "kJ": ("kilojoule", "kilojoules"),
    "tsp": ("teaspoon", "teaspoons"),
    "tbsp": ("tablespoon", "tablespoons"),
    "oz": ("ounce", "ounces"),
    "lb": ("pound", "pounds"),
    "lbs": ("pound", "pounds"),
    "km": ("kilometer", "kilometers"),
    "m": ("meter", "meters"),
    "cm": ("centimeter", "centimeters"),
    "mm": ("millimeter", "millimeters"),
    "m2": ("square meter", "square meters"),
    "m²": ("square meter", "square meters"),
    "m3": ("cubic meter", "cubic meters"),
    "m³": ("cubic meter", "cubic meters"),
    "h": ("hour", "hours"),
    "hr": ("hour", "hours"),
    "hrs": ("hour", "hours"),
    "min": ("minute", "minutes"),
    "s": ("second", "seconds"),
    "sec": ("second", "seconds"),
    "ms": ("millisecond", "milliseconds"),
    "bps": ("basis point", "basis points"),  # of a rate: consultations talk of interest, not of modems
}
# Written after a slash, words that are said as they are.
PER_WORDS = ("second", "minute", "hour", "day", "night", "week", "month", "year", "dose", "person", "share")

_UNIT = "|".join(re.escape(unit) for unit in sorted(UNITS, key=len, reverse=True))
_PER = rf"/\s?(?:{_UNIT}|{'|'.join(PER_WORDS)})(?![\w²³])"
NUMBER = r"\d[\d,]*(?:\.\d+)?"
# `5 mg`, `5mg/kg`, `1/2 mL`, `5-mg`; not `$5 m`, `A5 m`, the decade `1990s`.
MEASURE = re.compile(
    rf"(?<![\w.,/$£€¥])((?:\d+ and )?(?:\d+/)?{NUMBER})([\s-]?)(?!(?<=\d)s)({_UNIT})((?:{_PER})*)(?![\w²³'])"
)
BARE = re.compile(
    rf"(?<![\w/])({_UNIT})((?:{_PER})+)(?![\w²³/])|(?<![\w/])(mmHg|mm Hg|mEq|mcg|mmol|[µμ]g)(?![\w/])"
)
PER = re.compile(rf"(?<=[a-z\d%])/({'|'.join(PER_WORDS)})\b")


def with_units_said(text: AlignedText) -> AlignedText:
    """Return the text with units after numbers, and compound units anywhere, in words; digits stay."""
    text = text.edit(
        (match.end(1), match.end(), f" {_said(match[3], match[4], one=_singular(match[1], match[2]))}")
        for match in MEASURE.finditer(text.text)
    )
    text = text.sub(BARE, lambda match: _said(match[1] or match[3], match[2] or "", one=False))
    return text.sub(PER, r" per \1")


def _singular(number: str, gap: str) -> bool:
    """One, half a, or as an adjective: a 5-gram dose."""
    return gap == "-" or re.fullmatch(r"1|\d+/\d+", number) is not None


def _said(unit: str, per: str, *, one: bool) -> str:
    denominators = [part.strip() for part in per.split("/")[1:]]
    words = [UNITS[unit][0 if one else 1], *(UNITS.get(part, (part,))[0] for part in denominators)]
    return " per ".join(words)
