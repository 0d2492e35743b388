"""English numbers in digits.

Words that may belong to a number make a run; nothing outside it decides what becomes of it. In a run each
number is marked with its value, rules put marks together, and the marks left become digits or words again.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from text_to_num import find_numbers

_Replacement = str | Callable[[re.Match[str]], str]

_TEEN = "(?:thir|four|fif|six|seven|eigh|nine)teen"
_TENS = ("twent", "thirt", "fort", "fift", "sixt", "sevent", "eight", "ninet")
_TEN = f"(?:{'|'.join(_TENS)})"
_CARDINALS = f"zero|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|{_TEEN}|{_TEN}y"
_ORDINALS = (
    "first|second|third|fourth|fifth|sixth|seventh|eighth|ninth|tenth|eleventh|twelfth"
    f"|{_TEEN}th|{_TEN}ieth|hundredth|thousandth"
)
_MONTHS = "january|february|march|april|may|june|july|august|september|october|november|december"
_SHORT = {
    "milligram": " mg",
    "microgram": " mcg",
    "kilogram": " kg",
    "gram": " g",
    "millilit(?:er|re)": " ml",
    "centimet(?:er|re)": " cm",
    "millimet(?:er|re)": " mm",
    "per(?: |)cent": "%",
}
_SCALES = "million|billion|trillion"
_UNITS = (  # the longer ones in the plural only: "to one degree or another"
    rf"(?:{'|'.join(_SHORT)})s?|mg|mcg|kg|ml|cm|mm|{_SCALES}|o['’]clock|(?:days?|weeks?|months?|years?) old"
    "|degrees|lit(?:er|re)s|units|pounds|ounces|calories|kilos|euros|cents"
)
_SPANS = "seconds?|minutes?|hours?|days?|weeks?|months?|years?|times"
_CLOCK = r"[ap]\.m\.|[ap]m"
_START = f"{_CARDINALS}|{_ORDINALS}|{_MONTHS}|an?|between|half|quarter|point|type|stage"
_GO_ON = (
    f"{_CLOCK}|{_START}|hundred|thousand|{_UNITS}|{_SPANS}|{_TEN}ies|dollars?|cents?|foot|feet|g"
    "|oh?|and|to|or|of|in|out|over|past|per|old"
)
_WRITTEN = r"[$€£]?\d+(?:[.,:/]\d+)*\w*%?"
RUN = re.compile(
    rf"(?<![\w'’.$])(?:{_START}|{_WRITTEN})(?![\w'’])(?:(?:\s+|-)(?:{_GO_ON}|{_WRITTEN})(?![\w'’]))*",
    re.IGNORECASE,
)


def rewritten(run: re.Match[str]) -> str:
    """Return a run with its numbers in digits; unchanged if it has digits already."""
    if re.search(r"\d", run[0]):
        return run[0]
    text = _marked(run[0])
    for pattern, replacement in _RULES:
        text = pattern.sub(replacement, text)
    return text


class _Word:
    """A token as text2num wants it."""

    def __init__(self, words: Sequence[str], at: int) -> None:
        self._words = words
        self._at = at

    def text(self) -> str:
        word = self._words[self._at]
        return "o" if word == "oh" else word

    def nt_separated(self, previous: _Word) -> bool:
        return False

    def not_a_number_part(self) -> bool:
        """True for what text2num would count in: "one hundred AND two hundred", "two or HUNDRED"."""
        words, at = self._words, self._at
        before = words[at - 1] if at else ""
        if words[at] == "and":
            return before not in ("hundred", "thousand") or "hundred" in words[at + 2 : at + 4]
        if words[at] in ("hundred", "thousand"):
            return before in ("and", "or", "to", "of", "in", "over", "per")
        return re.fullmatch(_SCALES, words[at]) is not None  # "2 million" needs no zeros


def _marked(run: str) -> str:
    spans = [match.span() for match in re.finditer(r"[^\s-]+", run)]
    words = [run[start:end].lower() for start, end in spans]
    marked, done = "", 0
    for number in find_numbers([_Word(words, at) for at in range(len(words))], "en", 0):
        start, end = spans[number.start][0], spans[number.end - 1][1]
        marked += run[done:start] + _mark(number.text, run[start:end])
        done = end
    return marked + run[done:]


def _mark(value: str, words: str) -> str:
    return f"\ue000{value}\ue001{words}\ue002"


def _any(value: str, words: str = "[^\ue002]*") -> str:
    """The pattern of a mark, its value as a group."""
    return _mark(f"({value})", words)


_MARK = re.compile(_any("[^\ue001]*", "([^\ue002]*)"))


def _as_said(match: re.Match[str]) -> str:
    return _MARK.sub(r"\2", match[0])


def _in_digits(match: re.Match[str]) -> str:
    return _MARK.sub(lambda mark: _grouped(mark[1], 5 if "thousand" in mark[2].lower() else 99), match[0])


def _together(match: re.Match[str]) -> str:
    return "".join(filter(None, match.groups()))


def _grouped(value: str, digits: int) -> str:
    return re.sub(rf"^\d{{{digits},}}", lambda whole: f"{int(whole[0]):,}", value)


def _one_after_another(match: re.Match[str]) -> str:
    """Digits, or a telephone number in groups. But "two three four" is counting."""
    values = [value for value, _ in _MARK.findall(match[0])]
    whole = "".join(values).split(".")[0]
    digits = len(whole) >= 3 and all(re.match(r"0*\d(?!\d)", value) for value in values)
    groups = len(values) >= 3 and len(whole) >= 7 and "hundred" not in match[0].lower()
    if (digits or groups) and whole not in "0123456789":
        return _mark("".join(values), _as_said(match))
    return match[0]


def _with_point(match: re.Match[str]) -> str:
    decimals = "".join(value for value, _ in _MARK.findall(match[2]))
    return _mark(f"{match[1] or 0}.{decimals}", _as_said(match))


def _decade(match: re.Match[str]) -> str:
    return f"{match[1]}{_TENS.index(match[2].lower()) + 2}0s"


def _money(match: re.Match[str]) -> str:
    least, joint, most, scale, cents = match.groups()
    amount = "$" + _grouped(most, 4) + (f".{cents:0>2}" if cents else "") + (f" {scale}" if scale else "")
    return f"${_grouped(least, 4)} {joint} {amount}" if least else amount


def _alone(match: re.Match[str]) -> str:
    value, words = match.groups()
    pause = re.fullmatch(r"\d+2nd", value)  # "a twenty second break"
    large = float(value.rstrip("stndrh")) >= 10 or "point" in words.lower()
    return _in_digits(match) if large and not pause else words


def _rule(pattern: str, replacement: _Replacement) -> tuple[re.Pattern[str], _Replacement]:
    spaced = rf"(?<![a-z])(?:{pattern})(?![a-z])".replace(" ", r"[\s-]+")
    return re.compile(spaced, re.IGNORECASE), replacement


_ANY, _CARDINAL, _ORDINAL = _any("[^\ue001]*"), _any(r"\d+(?:\.\d+)?"), _any(r"\d+[a-z]+")
_INTEGER, _SAID_INTEGER = _any(r"\d+"), _any(r"\d+", "([^\ue002]*)")
_HUNDREDS = _any(r"\d[\d.]*", "((?:hundred|thousand)[^\ue002]*)")
_SMALL, _BIG = (
    _any(r"\d+", "(?:(?!hundred|thousand)[^\ue002])*"),
    _any(r"\d+", "(?!a |one)[^\ue002]*(?:hundred|thousand)[^\ue002]*"),
)
_SOME_HUNDRED = _any("[1-9]00")
_ONE, _HUNDRED_AND, _FROM_TEN, _TWO_DIGITS = _any("1"), _any("[12]"), _any(r"[1-9]\d[\d.]*"), _any(r"\d\d")
_HOUR, _PRESSURE, _CENT = _any("[1-9]|1[0-2]"), _any(r"[4-9]\d|[12]\d\d"), _any(r"[1-9]\d?")
_CENTURY, _EARLY_CENTURY, _LATE = _any("1[6-9]|20"), _any("1[0-5]"), _any(r"[6-9]\d")  # 15 40 may be a time
_SINGLE_ORDINAL = _any(r"\d+[a-z]+", r"[^\s\ue002-]*")
_DATE_MONTHS = _MONTHS.replace("march|", "").replace("may|", "") + "|(?-i:March|May)"  # and not the verbs
_RULES = (
    # "One hundred two hundred", which text2num takes for 102 and 100.
    _rule(f"{_CARDINAL} {_HUNDREDS}", _as_said),
    _rule(f"(an?) {_HUNDREDS}(?! (?:dollar|year)(?![a-z]))", _mark(r"\2", r"\1 \3")),
    _rule(rf"(?:{_ANY}|half|quarter) past {_ANY}|quarter to {_ANY}", _as_said),
    _rule(rf"{_SAID_INTEGER} and a half", _mark(r"\1.5", r"\2 and a half")),
    _rule(rf"(?:{_INTEGER} )?point ({_INTEGER}(?: {_INTEGER})*)(?= (?:{_UNITS}))", _with_point),
    _rule(rf"{_HOUR} {_TWO_DIGITS} ({_CLOCK})", r"\1:\2 \3"),
    _rule(rf"{_CARDINAL}(?: {_CARDINAL})+", _one_after_another),
    _rule(rf"{_HUNDRED_AND} {_TWO_DIGITS} over {_PRESSURE}", r"\1\2/\3"),
    _rule(rf"{_PRESSURE} over {_PRESSURE}", r"\1/\2"),
    _rule(rf"{_CENTURY} ({_TEN})ies", _decade),
    _rule(
        rf"(?:{_CENTURY} {_TWO_DIGITS}|{_EARLY_CENTURY} {_LATE})(?! (?:{_UNITS}|{_SPANS}|dollars?))",
        _together,
    ),
    _rule(rf"{_ORDINAL} of (?:{_MONTHS})|(?:{_DATE_MONTHS}) {_ORDINAL}", _in_digits),
    _rule(rf"(?:an?|{_ONE}) {_SINGLE_ORDINAL}", _as_said),  # one third
    # "One fifty milligrams" may be 150 or a tablet of 50; "two five hundred milligram tablets" is clear.
    _rule(
        rf"{_CARDINAL} (?!{_SOME_HUNDRED} (?:milligram|mg)(?![a-z])){_CARDINAL}(?= (?:{_UNITS}|dollars?))",
        _as_said,
    ),
    _rule(rf"{_SMALL} (?:to|or|and) {_BIG}", _as_said),  # "two or three hundred" is 200 or 300
    _rule(
        rf"(?:{_CARDINAL} (to|or|and) )?{_CARDINAL} (?:({_SCALES}) )?dollars?(?: and {_CENT} cents?)?", _money
    ),
    _rule(rf"(?:{_CARDINAL} (?:to|or|and) )?{_CARDINAL}(?= (?:{_UNITS}|{_CLOCK}))", _in_digits),
    *(_rule(rf"(?<=\d) {unit}s?", short) for unit, short in _SHORT.items()),
    _rule(rf"(?:type|stage) {_CARDINAL}|{_CARDINAL} (?:foot|feet) {_CARDINAL}", _in_digits),
    _rule(rf"{_CARDINAL} (?:to|or|out of) {_FROM_TEN}|{_FROM_TEN} (?:to|or) {_CARDINAL}", _in_digits),
    _rule(rf"between {_CARDINAL} and {_FROM_TEN}|between {_FROM_TEN} and {_CARDINAL}", _in_digits),
    _rule(rf"{_ONE} in {_FROM_TEN}", _in_digits),
    _rule(rf"{_CARDINAL}(?: {_CARDINAL})+", _as_said),
    _rule(_MARK.pattern, _alone),
)
