"""Units as they are said: "5 mg/kg" is "five milligrams per kilogram"."""

from __future__ import annotations

import re

from tts.aligned import AlignedText, Edit
from tts.english_numbers import number, ordinal
from tts.rules import group
from tts.shown_numbers import NUMBER

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
    "µL": ("microliter", "microliters"),
    "μL": ("microliter", "microliters"),
    "gal": ("gallon", "gallons"),
    "mol": ("mole", "moles"),
    "mmol": ("millimole", "millimoles"),
    "mEq": ("milliequivalent", "milliequivalents"),
    "nmol": ("nanomole", "nanomoles"),
    "pg": ("picogram", "picograms"),
    "mIU": ("milli-international unit", "milli-international units"),
    "IU": ("international unit", "international units"),
    "U": ("unit", "units"),
    "mmHg": ("millimeter of mercury", "millimeters of mercury"),
    "mm Hg": ("millimeter of mercury", "millimeters of mercury"),
    "bpm": ("beat per minute", "beats per minute"),
    "kcal": ("kilocalorie", "kilocalories"),
    "kJ": ("kilojoule", "kilojoules"),
    "cal": ("calorie", "calories"),
    "kWh": ("kilowatt hour", "kilowatt hours"),
    "kW": ("kilowatt", "kilowatts"),
    "W": ("watt", "watts"),
    "Hz": ("hertz", "hertz"),
    "kHz": ("kilohertz", "kilohertz"),
    "MHz": ("megahertz", "megahertz"),
    "GHz": ("gigahertz", "gigahertz"),
    "dB": ("decibel", "decibels"),
    "kPa": ("kilopascal", "kilopascals"),
    "KB": ("kilobyte", "kilobytes"),
    "MB": ("megabyte", "megabytes"),
    "GB": ("gigabyte", "gigabytes"),
    "TB": ("terabyte", "terabytes"),
    "Mbps": ("megabit per second", "megabits per second"),
    "mph": ("mile per hour", "miles per hour"),
    "mi": ("mile", "miles"),
    "ft": ("foot", "feet"),
    "°C": ("degree Celsius", "degrees Celsius"),
    "℃": ("degree Celsius", "degrees Celsius"),
    "°F": ("degree Fahrenheit", "degrees Fahrenheit"),
    "℉": ("degree Fahrenheit", "degrees Fahrenheit"),
    "°": ("degree", "degrees"),
    "tsp": ("teaspoon", "teaspoons"),
    "tbsp": ("tablespoon", "tablespoons"),
    "Tbsp": ("tablespoon", "tablespoons"),
    "oz": ("ounce", "ounces"),
    "fl oz": ("fluid ounce", "fluid ounces"),
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
    "wk": ("week", "weeks"),
    "wks": ("week", "weeks"),
    "mo": ("month", "months"),
    "mos": ("month", "months"),
    "yr": ("year", "years"),
    "yrs": ("year", "years"),
    "ms": ("millisecond", "milliseconds"),
    "bps": ("basis point", "basis points"),  # of a rate: consultations talk of interest, not of modems
}
# Written after a slash, words that are said as they are.
PER_WORDS = ("second", "minute", "hour", "day", "night", "week", "month", "year", "dose", "person", "share")

_UNIT = "|".join(re.escape(unit) for unit in sorted(UNITS, key=len, reverse=True))
_PER_SHORT = {"d": "day", "pt": "patient"}
_PER = rf"/\s?(?:{NUMBER}\s?)?(?:{_UNIT}|{'|'.join((*PER_WORDS, *_PER_SHORT))})(?![\w²³])"
# `5 mg`, `5mg/kg`, `1/2 mL`, `5-mg`; not `$5 m`, `A5 m`, the decade `1990s`.
MEASURE = re.compile(
    rf"(?<![\w.,/$£€¥])((?:\d+ and )?(?:\d+/)?(?:{NUMBER}|\.\d+))"
    rf"([\s-]?)(?!(?<=\d)s)({_UNIT})((?:{_PER})*)(?![\w²³'])"
    r"(?:\.(?=[,;)]|\s+[a-z(]))?"
)
# After these a unit is an adjective: 5 milligram tablets.
THING_MEASURED = re.compile(r"\s(?:tablet|pill|capsule|dose|vial|bottle|patch|strip|glass|bag)(?:e?s)?\b")
BARE_RATE = re.compile(rf"(?<![\w/])({_UNIT})((?:{_PER})+)(?![\w²³/])")
BARE = re.compile(r"(?<![\w/])(?:mmHg|mm Hg|mEq|mcg|mmol|[µμ]g)(?![\w/])")
# After a word: dollars/month, cells/µL.
PER = re.compile(
    rf"(?<=[a-z\d%])/({'|'.join((*PER_WORDS, *_PER_SHORT))}|yr|mo|wk|hr|[µμmd]?L|kg|g|lb|oz)(?!\w)"
    r"(?:\.(?=\s[a-z]))?"
)
SUPERSCRIPTS = "⁰¹²³⁴⁵⁶⁷⁸⁹"
SUPERSCRIPT = str.maketrans("0123456789", SUPERSCRIPTS)
_DOSED = r"(?:\d\s?(?:mg|mcg|g|mL|ml|IU|U)|\b(?:tablets?|capsules?|pills?|puffs?|drops?|it))"
LATIN = {  # of prescriptions, without its full stops
    "bid": "twice a day",
    "tid": "three times a day",
    "qid": "four times a day",
    "qd": "once a day",
    "qhs": "at bedtime",
    "prn": "as needed",
    "po": "by mouth",
}


def _every(match: re.Match[str]) -> str:
    return f"every {match[1]}{f' to {match[2]}' if match[2] else ''} hours"


def _latin(match: re.Match[str]) -> str:
    return LATIN[match["said"].replace(".", "").lower()]


PRESCRIPTIONS = group(
    r"(?i:q\s?\d|\b(?:[btq]\.?i?\.?d|q\.?h\.?s|p\.?r\.?n|p\.?o)\b)",
    (r"\b(?:every\s)?[qQ]\s?(\d{1,2})(?:\s?[-–]\s?(\d{1,2}))?\s?h(?:rs?|ours?)?\b", _every),
    (r"\b(?P<said>(?i:b\.i\.d|t\.?i\.?d|q\.?i\.?d|q\.?d|q\.?h\.?s|p\.?r\.?n|p\.o)\b(?:(?<=\..)\.)?)", _latin),
    # A bid and a PO are other things too.
    (rf"{_DOSED} (?P<said>bid|BID|po|PO)\b", _latin),
)


def _power(match: re.Match[str]) -> str:
    exponent = int("".join(str(SUPERSCRIPTS.index(digit)) for digit in match["said"].strip()))
    return {2: " squared", 3: " cubed"}.get(exponent, f" to the {ordinal(exponent)}")


TYPED_POWERS = group(
    r"\^", (r"\b10(?P<said>\^\d{1,2})\b", lambda match: match["said"][1:].translate(SUPERSCRIPT))
)
POWERS = group(
    f"[{SUPERSCRIPTS}]",
    (rf"(?<=10[{SUPERSCRIPTS}])/[Ll]\b|(?<=10[{SUPERSCRIPTS}]{{2}})/[Ll]\b", " per liter"),
    (rf"[A-Za-z0-9)](?P<said>[{SUPERSCRIPTS}]+)", _power),
)
_TEMPERATURE = re.compile(r"(?<=\d\.\d)\s?([FC])\b")  # 101.5F
_LATITUDE = re.compile(r"(?<=\d)°(?=[NSEW]\b)")
_HOURS_AND_MINUTES = re.compile(r"(?<=\dh )(\d{1,2})m\b")


def with_units_said(text: AlignedText) -> AlignedText:
    """Return the text with measures, and compound units anywhere, in words."""
    text = text.sub(_HOURS_AND_MINUTES, r"\1 min").sub(_TEMPERATURE, r"°\1").sub(_LATITUDE, " degrees ")
    text = text.edit(edit for match in MEASURE.finditer(text.text) for edit in _measure_edits(match))
    if "/" in text.text:
        text = text.sub(BARE_RATE, lambda match: _said(match[1], match[2], one=False))
        text = text.sub(PER, lambda match: f" per {_denominator(match[1])}")
    return text.sub(BARE, lambda match: UNITS[match[0]][1])


def _measure_edits(match: re.Match[str]) -> list[Edit]:
    """The number and the unit apart, so that each goes on standing for its own characters."""
    one = _singular(match[1], match[2]) or THING_MEASURED.match(match.string, match.end()) is not None
    edits = [(match.end(1), match.end(), f" {_said(match[3], match[4], one=one)}")]
    if re.fullmatch(NUMBER, match[1]):  # here, where it can be no year
        edits.insert(0, (*match.span(1), number(match[1])))
    return edits


def _singular(shown: str, gap: str) -> bool:
    """One, half a, or as an adjective: a 5-gram dose."""
    return gap == "-" or re.fullmatch(r"1|\d+/\d+", shown) is not None


def _said(unit: str, per: str, *, one: bool) -> str:
    return " per ".join([UNITS[unit][0 if one else 1], *map(_denominator, per.split("/")[1:])])


def _denominator(shown: str) -> str:
    counted = re.match(rf"\s?({NUMBER})\s?", shown)
    unit = shown[counted.end() if counted else 0 :].strip()
    words = UNITS[unit][1 if counted else 0] if unit in UNITS else _PER_SHORT.get(unit, unit)
    return f"{number(counted[1])} {words}" if counted else words
