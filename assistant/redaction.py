"""Takes out of a text what names a person, before it is written down; doses and amounts stay.

Found are: e-mail addresses, telephone numbers (phonenumbers' own ranges), cards and IBANs (by their check
digits), numbers that identify a person, names that somebody gives, addresses, and dates of birth; in English
and Chinese. It goes by form: a name that is only mentioned ("I saw Mary") is not known for one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import phonenumbers
from stdnum import iban, luhn
from stdnum.cn import ric
from stdnum.gb import nhs
from stdnum.us import ssn

from assistant import redaction_patterns as patterns

REGIONS = ("US", "GB", "CN")  # whose numbers are known without a country's code
CARD_DIGITS = range(13, 20)  # ISO/IEC 7812
IDENTIFYING_DIGITS = 9  # a number of so many digits is one of a person, if it is no amount
MOST_NUMBERS = 200  # looked at in a text, so that a hostile one takes no seconds
NAMES = 64  # remembered of one session


class Redactor:
    """Of one session: a name that was given is taken out wherever it is said again."""

    def __init__(self) -> None:
        self._names: dict[str, None] = {}

    def __call__(self, text: str) -> str:
        """Return `text` with placeholders such as [phone] in place of what names a person."""
        text = patterns.EMAIL.sub("[email]", text)
        text = patterns.SPELT_EMAIL.sub("[email]", text)
        text = patterns.IBAN.sub(_iban, text)
        text = patterns.NINO.sub("[id]", text)
        text = _without_birth_dates(text)
        for pattern in (patterns.NUMBER_IS, patterns.NUMBER_IS_ZH):
            text = pattern.sub(_stated_number, text)
        text = patterns.DIGITS.sub(_number, text)
        text = _without_phones(text)
        text = patterns.ADDRESS.sub("[address]", text)
        text = patterns.ADDRESS_ZH.sub("[address]", text)
        return self._without_names(text)

    def _without_names(self, text: str) -> str:
        for pattern in (
            patterns.NAME_IS,
            patterns.ON_PAPER,
            patterns.FOR_ON_PAPER,
            patterns.NAME_IS_LOWER,
            patterns.SPEAKING,
            patterns.NAME_IS_ZH,
        ):
            text = pattern.sub(self._take_name, text)
        for name in self._names:
            bounded = rf"\b{re.escape(name)}\b" if name.isascii() else re.escape(name)
            text = re.sub(bounded, "[name]", text)
        return text

    def _take_name(self, match: re.Match[str]) -> str:
        name = match[1]
        for part in (name, *name.split()):
            # A short or common part, such as "May", would take words out of every later turn.
            if len(self._names) < NAMES and (len(part) > 3 or not part.isascii()):
                self._names[part] = None
        return _without_group(match, "[name]")


def _without_group(match: re.Match[str], instead: str, group: int = 1) -> str:
    whole, start = match[0], match.start()
    return whole[: match.start(group) - start] + instead + whole[match.end(group) - start :]


def _without_birth_dates(text: str) -> str:
    text = patterns.BORN.sub(lambda match: _without_group(match, "[birth date]"), text)
    return patterns.BORN_ZH.sub(
        lambda match: _without_group(match, "[birth date]", 1 if match[1] else 2), text
    )


def _iban(match: re.Match[str]) -> str:
    return "[iban]" if iban.is_valid(match[0]) else match[0]


def _stated_number(match: re.Match[str]) -> str:
    number = match[1]
    return _without_group(match, _kind_of(number) or "[number]")


def _number(match: re.Match[str]) -> str:
    if _is_amount(match.string, match.start(), match.end()):
        return match[0]
    return _kind_of(match[0]) or match[0]


def _kind_of(number: str) -> str | None:
    digits = re.sub(r"[ \-]", "", number)
    if len(digits) in CARD_DIGITS and luhn.is_valid(digits):
        return "[card]"
    if ric.is_valid(digits) or (len(digits) == 9 and "-" in number and ssn.is_valid(number)):
        return "[id]"
    if any(_is_phone(number, region) for region in REGIONS):
        return "[phone]"
    if nhs.is_valid(digits):
        return "[id]"
    return "[number]" if len(digits.strip("+")) >= IDENTIFYING_DIGITS else None


def _is_phone(number: str, region: str) -> bool:
    try:
        return phonenumbers.is_valid_number(phonenumbers.parse(number, region))
    except phonenumbers.NumberParseException:
        return False


def _without_phones(text: str) -> str:
    """Take out what is written as only telephone numbers are: (0171) 234-5678, +49 (30) 123456."""
    for start, end in sorted({*_phones(text)}, reverse=True):
        if not _is_amount(text, start, end):
            text = f"{text[:start]}[phone]{text[end:]}"
    return text


def _phones(text: str) -> Iterator[tuple[int, int]]:
    taken: list[tuple[int, int]] = []
    for region in REGIONS:
        for match in phonenumbers.PhoneNumberMatcher(text, region, max_tries=MOST_NUMBERS):
            if all(match.end <= start or end <= match.start for start, end in taken):
                taken.append((match.start, match.end))
    return iter(taken)


def _is_amount(text: str, start: int, end: int) -> bool:
    return bool(patterns.CURRENCY_BEFORE.search(text[:start]) or patterns.UNIT_BEHIND.match(text, end))
