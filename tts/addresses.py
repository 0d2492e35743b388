"""Addresses as they are read aloud: of a page its host, which is enough for the ear."""

from __future__ import annotations

import re
from collections.abc import Mapping

from tts.aligned import AlignedText

_HOST = r"[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*"
_PATH = r"(?:[/?#](?:[!-~]*[A-Za-z0-9/])?)?"  # the full stop or bracket after it is the sentence's
_ENDINGS = "com|org|net|gov|edu|io|ai|co|uk|cn|json|ya?ml|toml|csv|txt|pdf|md|py|js|html"
EMAIL = re.compile(rf"(?<![A-Za-z0-9_.+-])[A-Za-z0-9_.+-]+@{_HOST}\.[A-Za-z0-9-]+")
URL = re.compile(rf"(?<![A-Za-z0-9])(?:https?://(?:www\.)?|www\.)({_HOST})(?::\d+)?{_PATH}")
NAME = re.compile(rf"(?<![A-Za-z0-9./])({_HOST}\.(?:{_ENDINGS}))(?![A-Za-z0-9]){_PATH}")  # or a file's


def with_addresses_said(text: AlignedText, signs: Mapping[str, str]) -> AlignedText:
    """Return the text with pages, e-mail addresses and files in words; `signs` names @, . and _."""
    table = str.maketrans(dict(signs))
    text = text.sub(EMAIL, lambda match: match[0].translate(table))
    text = text.sub(URL, lambda match: match[1].translate(table))
    return text.sub(NAME, lambda match: match[1].translate(table))
