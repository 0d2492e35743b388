"""English dates, years and clock times in words."""

from __future__ import annotations

import re

from tts.english_numbers import cardinal, ordinal, plural, year
from tts.rules import group

MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)
_DAY_NAMES = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
DAYS = {day[:3]: day for day in _DAY_NAMES}
_DAY = "Mon|Tues?|Wed|Thu(?:rs)?|Fri|Sat|Sun"
_SHORT = "Jan|Feb|Mar|Apr|Jun|Jul|Aug|Sept?|Oct|Nov|Dec"
_MONTH = "|".join(MONTHS)
_MERIDIEM = r"(?:[AaPp]\.[Mm]\.|[AaPp][Mm]\b)"


def _date(month: str, day: str, shown_year: str = "") -> str | None:
    if not (1 <= int(month) <= 12 and 1 <= int(day) <= 31):
        return None
    words = f"{MONTHS[int(month) - 1]} {ordinal(int(day))}"
    if not shown_year:
        return words
    century = "" if len(shown_year) == 4 else "19" if int(shown_year) > 30 else "20"
    return f"{words}, {year(int(century + shown_year))}"


def _iso(match: re.Match[str]) -> str:
    return _date(match[2], match[3], match[1]) or match[0]


def _slashes(match: re.Match[str]) -> str:
    """Month first, as Americans write; day first where it can only be that."""
    return _date(match[1], match[2], match[3]) or _date(match[2], match[1], match[3]) or match[0]


def _month_and_day(match: re.Match[str]) -> str:
    shown_month, shown_day = match["said"].split("/")
    return _date(shown_month, shown_day) or match["said"]


def _whole_month(match: re.Match[str]) -> str:
    return next(month for month in MONTHS if month.startswith(match[0][:3]))


def _ordinal(match: re.Match[str]) -> str:
    return ordinal(int(re.sub(r"\D", "", match["said"])))


def _day_of_month(match: re.Match[str]) -> str:
    return f"{'' if match[1] else 'the '}{ordinal(int(match[2]))} of {match[3]}"


def _clock(match: re.Match[str]) -> str:
    hour, minute, meridiem = int(match[1]), int(match[2]), match[3]
    if hour > 24 or minute > 59:
        return match[0]
    words = [cardinal(hour)]
    if minute:
        words.append(f"oh {cardinal(minute)}" if minute < 10 else cardinal(minute))
    elif not meridiem:
        words = ["midnight"] if hour in (0, 24) else [*words, "o'clock" if hour <= 12 else "hundred"]
    return " ".join([*words, f"{meridiem[0].lower()}.m."] if meridiem else words)


def _year(match: re.Match[str]) -> str:
    return year(int(match["said"]))


def _decade(match: re.Match[str]) -> str:
    return plural(year(int(match[1])) if len(match[1]) == 4 else cardinal(int(match[1])))


NUMERIC_DATES = group(
    r"\d[-/]\d",
    (r"(?<![\w-])(\d{4})[-/](\d{1,2})[-/](\d{1,2})(?![\w-])", _iso),
    (r"(?<![\w/])(\d{1,2})/(\d{1,2})/(\d{4}|\d\d)(?![\w/])", _slashes),
    (
        r"\b(?i:on|by|since|until|before|after|from|to|due) (?P<said>\d{1,2}/\d{1,2})(?![\w/]|\.\d)",
        _month_and_day,
    ),
)
WRITTEN_DATES = group(
    rf"\b(?:{_SHORT}|{_DAY})|May",
    (rf"\b(?:{_DAY})\.(?=,|\s(?:\d|at\b|[A-Z]\w+\.? \d))", lambda match: DAYS[match[0][:3]]),
    (rf"\b(?:(?:{_SHORT})\b\.?(?=\s+\d)|(?<=\d )(?:{_SHORT})\b\.?)", _whole_month),
    (rf"\b(the )?(\d{{1,2}})(?:st|nd|rd|th)? (?:of )?({_MONTH})\b(?! \d{{1,2}}\b)", _day_of_month),
    (rf"(?<= of )(?:{_MONTH})(?P<said>,? )(?=\d{{4}}\b)", ", "),
    (rf"\b(?:{_MONTH}) \d{{1,2}}(?P<said>\s?[-–—]\s?)(?=\d{{1,2}}\b)", " to "),
    (rf"\b(?:{_MONTH}) \d{{1,2}}(?P<said>\s?[-–—]\s?)(?=(?:{_MONTH})\b)", " to "),
    (rf"\b(?:{_MONTH}) \d{{1,2}} to (?P<said>\d{{1,2}})\b", _ordinal),
    (rf"\b(?:{_MONTH}) (?P<said>\d{{1,2}}(?:st|nd|rd|th)?)(?![\w:%/-]|[.,]\d)", _ordinal),
)
ORDINALS = group(r"\d(?:st|nd|rd|th)", (r"(?<![\w.,])(?P<said>\d+(?:st|nd|rd|th))\b", _ordinal))
TIMES = group(
    r"\d:\d|\d\s?[AaPp]\.?[Mm]",
    (
        rf"(?<![\d:])\d{{1,2}}(?::\d\d)?(?:\s?{_MERIDIEM})?(?P<said>\s?[-–—]\s?)"
        rf"(?=\d{{1,2}}(?::\d\d|\s?{_MERIDIEM}))",
        " to ",
    ),
    (r"(?<![\d:])(\d{1,2}):(\d\d):(\d\d)(?![\d:])", r"\1:\2 and \3 seconds"),
    (rf"(?<![\d:])(\d{{1,2}}):(\d\d)(?:\s?({_MERIDIEM}))?(?![\d:])", _clock),
    (rf"(?<![\d:.])(\d{{1,2}})\s?({_MERIDIEM})", lambda match: f"{match[1]} {match[2][0].lower()}.m."),
    (r"(?<= [ap]\.m)\.\.", "."),  # one full stop is enough at the end
)
YEARS = group(
    r"\d\d|\d0['’]?s",
    (r"(?<![\w.,])['’]?((?:1\d|20)\d0|[2-9]0)['’]?s\b", _decade),
    (r"(?<![\w.,/$])(?P<said>1[89]\d\d|20[0-4]\d)(?![\w/]|[.,:]\d)", _year),
    (
        rf"(?:\b(?:(?i:in|since|by|until|year)|{_MONTH}) |(?:st|nd|rd|th), )"
        r"(?P<said>1[0-7]\d\d|20[5-9]\d)(?![\w/%]|[.,:]\d)",
        _year,
    ),
)
