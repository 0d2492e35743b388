"""English abbreviations, and names with digits, Roman numerals or signs in them."""

from __future__ import annotations

import re

from tts.english_numbers import cardinal, digits, number, ordinal, year
from tts.rules import group

BEFORE_NUMBER = {  # with a full stop that ends no sentence
    "approx": "approximately",
    "no": "number",
    "nos": "numbers",
    "fig": "figure",
    "p": "page",
    "pp": "pages",
    "vol": "volume",
    "ch": "chapter",
}
_BEFORE_NUMBER = "|".join(BEFORE_NUMBER)
# Names that a voice takes for words, or whose digits are part of them. With hyphens: a lone A is the article.
SPELLED = {
    "HbA1c": "H-B-A one C",
    "HbA1C": "H-B-A one C",
    "A1C": "A-one C",
    "A1c": "A-one C",
    "CO2": "C-O two",
    "CO₂": "C-O two",
    "SpO2": "S-P-O two",
    "SpO₂": "S-P-O two",
    "COPD": "C-O-P-D",
    "WHO": "W-H-O",
    "YoY": "year over year",
    "QoQ": "quarter over quarter",
    "MoM": "month over month",
}
STREETS = {"St": "Street", "Ave": "Avenue", "Rd": "Road", "Blvd": "Boulevard"}
_STREET = r"(?:St|Ave|Rd|Blvd)\b(?:\.(?=,| [A-Za-z]))?"
_LABELLED = "room|suite|flight|highway|route|interstate|apartment|gate"
_NUMBERED = (
    "type|stage|phase|class|grade|part|chapter|volume|level|factor|section|article|title|tier|book|act|group"
    "|schedule|category|table|figure|war|bowl|quadrant|appendix"
)
_NUMBERED_FROM_ONE = "type|stage|phase|war|schedule|factor|title"  # not "the part I like"
_RULERS = (
    "Henry|Elizabeth|Louis|Charles|George|Edward|Richard|James|William|Catherine|Philip|Napoleon|Paul|Pius"
    "|Benedict|Leo"
)
_ROMAN = r"(?=[IVX]+\b)X{0,3}(?:IX|IV|V?I{0,3})"
_ROMAN_DIGITS = {"I": 1, "V": 5, "X": 10}
_SOFTWARE = "[Vv]ersion|Python|iOS|Android|Java"


def _before_number(match: re.Match[str]) -> str:
    return BEFORE_NUMBER[match[1].lower()] + " "


def _street(match: re.Match[str]) -> str:
    return STREETS[match["said"].rstrip(".")]


def _rhesus(match: re.Match[str]) -> str:
    return " positive" if match["said"] == "+" else " negative"


def _plan(match: re.Match[str]) -> str:
    """401(k)."""
    return f"{digits(match[1]).replace('zero', 'oh')} {match[0][3:].strip('()').upper()}"


def _telephone(match: re.Match[str]) -> str:
    groups = [digits(run) for run in re.findall(r"\d+", match[0])]
    return ("plus " if match[0].startswith("+") else "") + ", ".join(groups)


def _digit_groups(match: re.Match[str]) -> str:
    return ", ".join(digits(run) for run in re.findall(r"\d+", match["said"]))


def _digits(match: re.Match[str]) -> str:
    return digits(match["said"])


def _label(match: re.Match[str]) -> str:
    """Rooms, roads and models in pairs: two oh four."""
    return year(int(match["said"].lstrip("-")))


def _form(match: re.Match[str]) -> str:
    """Of the tax office: ten ninety-nine."""
    return f"{number(match[0][:2])} {number(match[0][2:])}"


def _version(match: re.Match[str]) -> str:
    return " point ".join(number(part) for part in match["said"].split("."))


def _cardinal_of_roman(match: re.Match[str]) -> str:
    return cardinal(_roman(match["said"]))


def _ordinal_of_roman(match: re.Match[str]) -> str:
    return f"the {ordinal(_roman(match['said']))}"


def _roman(numeral: str) -> int:
    values = [_ROMAN_DIGITS[letter] for letter in numeral]
    return sum(-one if one < after else one for one, after in zip(values, [*values[1:], 0], strict=True))


ABBREVIATIONS = group(
    rf"(?i:\b(?:e\.\s?g|i\.\s?e|vs\b|(?:etc|ext|dr|{_BEFORE_NUMBER})\.))|\b(?:St|Ave|Rd|Blvd)\b",
    (r"(?i:\be\.\s?g\.,?)", "for example,"),
    (r"(?i:\bi\.\s?e\.,?)", "that is,"),
    (r"\betc(?P<said>\.)(?=[,;:)]|\s+[a-z])", ""),
    (r"\bext\.(?=\s|$)", "extension"),
    (r"\bvs\b\.?", "versus"),
    (r"\bDr\.(?=\s+[A-Z])", "Doctor"),
    (rf"\b(?i:({_BEFORE_NUMBER}))\.\s*(?=\d)", _before_number),
    (rf"\b\d+ (?:[A-Z][\w.]* ){{1,3}}(?P<said>{_STREET})", _street),
    (rf"\b\d+(?:st|nd|rd|th) (?P<said>{_STREET})", _street),
    (r"\bSt\.(?= [A-Z])", "Saint"),
)
SIGNED = group(
    "[#&/→@]|[-−+] blood",
    (r"(?<!\w)#(?=\d)", "number "),
    (r"\b[A-G](?P<said>#)(?!\w)", " sharp"),
    (r"(?<=\s)@(?=\s)", "at"),
    (r"\bw/o(?=\s)", "without"),
    (r"\bw/(?=\s)", "with"),
    (r"\by/y\b", "year over year"),
    (r"(?<=[A-Z])&(?=[A-Z])", " and "),
    (r"(?<=\s)&(?=\s)", "and"),
    (r"(?<=\b[A-Z])/(?=[A-Z]\b)|(?<=[A-Z]{3})/(?=[A-Z]{3})", " "),  # P/E, USD/JPY
    (r"\s?→\s?", " to "),
    (r"\b(?:AB|A|B|O)(?P<said>[-−+])(?= blood)", _rhesus),
)
SPELLINGS = group(
    r"[A-Za-z][A-Z\d]|Mo?M|\d\(|40[13]|457|529|\d-[A-Z]|[A-Z]\.[A-Z]",
    (rf"\b(?:{'|'.join(SPELLED)})(?!\w)", lambda match: SPELLED[match[0]]),
    (r"\bFY\s?'?(?=\d\d(?:\d\d)?\b)", "fiscal year "),
    (r"\b(401|403|457|529)(?:\([a-z]\)|[kKbB]\b)", _plan),
    (r"(?<=\d)-(?=[A-Z]{2,})", " "),  # 1099-INT
    (r"\b([A-Z]{2,5})\.([A-Z])\b(?!\.)", r"\1 \2"),  # BRK.B
)
TELEPHONES = group(
    r"\d{3}-\d{4}|\+\d|\b0\d{2,4} \d|911|988|[Cc]all \d|[Dd]ial \d|[Tt]ext \d",
    (r"(?<![\w-])(?:\+?1[ -])?(?:\(\d{3}\)\s?|\d{3}-)\d{3}-\d{4}(?![\w-])", _telephone),
    (r"(?<![\w-])\+\d{1,3}(?:[ -]\(?\d{1,5}\)?){2,5}(?![\w-])", _telephone),
    (r"(?<![\w$£€.,-])\d{3}-\d{4}(?![\w-])", _telephone),
    (r"(?<![\w$£€.,-])0\d{2,4}(?: \d{3,4}){1,3}(?![\w-])", _telephone),
    (r"(?:[Cc]all|[Dd]ial|[Tt]ext) (?P<said>\d{3})\b(?!\s[a-z])", _digits),
    (r"(?<![\w$£€.,-])(?:911|988)(?![\w%-]|[.,]\d)", _telephone),
)
LABELS = group(
    rf"[A-Za-z]-?\d{{3}}|[A-Z]{{2}} \d{{5}}|\b10\d\d\b|529 |ISBN|(?i:{_LABELLED}) ",
    (r"\b[A-Z]{2} (?P<said>\d{5})(?![\w,.-]\d)", _digits),  # NY 10001
    (r"\b(?:1099|1040|1098)\b", _form),
    (r"\bISBN(?:-1[03])?:? (?P<said>\d[\d -]{8,15}\d)\b", _digit_groups),
    (r"\b(?P<said>529) [Pp]lan", _label),
    (rf"\b(?i:{_LABELLED}) (?:#|number )?(?P<said>\d{{3,4}})(?![\w,.-]\w|[:%])", _label),
    (r"\b[A-Z]{1,3}(?P<said>\d{4,})\b", lambda match: " " + digits(match["said"])),
    (r"\b[A-Za-z]{1,6}(?P<said>-?\d{3})(?![\w.%]|,\d)", lambda match: " " + _label(match)),
)
ROMANS = group(
    r"\b[IVX]+\b",
    (rf"\b(?i:{_NUMBERED}) (?P<said>(?!I\b){_ROMAN})\b(?!['’.]\w)", _cardinal_of_roman),
    (rf"\b(?i:{_NUMBERED_FROM_ONE}) (?P<said>I)\b(?!['’])", "one"),
    (rf"\b(?:{_RULERS}) (?P<said>(?!I\b){_ROMAN})\b", _ordinal_of_roman),
)
MIXED = group(
    r"[A-Za-z][-.]?\d|\d[A-Za-z]|\d\.\d|/",
    (r"(?<=[a-z]{2})/(?=[a-z]{2})", " "),
    (rf"\b(?:{_SOFTWARE}) (?P<said>\d+(?:\.\d+)+)", _version),
    (r"\bv(?P<said>\d+(?:\.\d+)+)", lambda match: " " + _version(match)),
    (r"\bv(?= \w+ point)", "version"),
    (r"(?<![\w.])(?P<said>\d+(?:\.\d+){2,})(?![\w.]\w)", _version),
    (r"(?<=[A-Za-z])[-.]?(?=\d)|(?<=\d)(?=[A-Za-z])(?!s\b)", " "),
)
