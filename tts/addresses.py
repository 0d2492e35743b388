"""Addresses as they are read aloud: of a page its host, which is enough for the ear."""

from __future__ import annotations

import re

from tts.aligned import AlignedText

EMAIL = re.compile(r"(?<![\w.+-])([A-Za-z0-9_.+-]+)@([A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+)", re.ASCII)
URL = re.compile(
    r"(?<![A-Za-z0-9])(?:https?://(?:www\.)?|www\.)([A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*)(?::\d+)?(?:[/?#]([!-~]*[A-Za-z0-9/])?)?"
)
# A host or a file by its ending.
NAME = re.compile(
    r"(?<![A-Za-z0-9./])[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*"
    r"\.(?:com|org|net|gov|edu|io|ai|co|uk|cn|json|ya?ml|toml|csv|txt|pdf|md|py|js|html)(?![A-Za-z0-9])"
)


def with_addresses_said(text: AlignedText, *, at: str, dot: str) -> AlignedText:
    """Return the text with pages, e-mail addresses and files in words; `at` and `dot` are the signs'."""
    text = text.sub(EMAIL, lambda match: f"{match[1]}{at}{match[2]}".replace(".", dot).replace("_", " "))
    text = text.sub(URL, lambda match: match[1].replace(".", dot))
    return text.sub(NAME, lambda match: match[0].replace(".", dot))
