"""Markdown taken off a text, so that no mark reaches the voice.

Marks need not pair: a chunk may hold only half of a bold phrase.
"""

from __future__ import annotations

import re

from tts.aligned import AlignedText, Edit

_LINE = re.MULTILINE
MARKED = re.compile(r"[]\n*_`~#|<>\[\\]|^\s*(?:[-+•‣]|\d+[.)]\s)")  # found in every text with a mark in it
# Code is shown, not spoken.
FENCED_CODE = re.compile(r"^[ \t]*(```|~~~)[^\n]*\n.*?(?:^[ \t]*\1[^\n]*$|\Z)", _LINE | re.DOTALL)
# Also the line under a table's head.
RULE = re.compile(r"^[ \t]*(?:\|?[ \t:|]*-{3,}[-\t :|]*|(?:\*[ \t]*){3,}|_{3,}[ \t]*)$", _LINE)
TABLE_ROW = re.compile(r"^[ \t]*\|.*\|[ \t]*$", _LINE)
LINK = re.compile(r"!?\[([^\]\n]*)\](?:\([^)\n]*\)|\[[^\]\n]*\])")
AUTOLINK = re.compile(r"<((?:https?://|mailto:)[^>\s]+)>")
FOOTNOTE = re.compile(r"\[\^[^\]\n]*\]:?")
HTML_TAG = re.compile(r"</?[A-Za-z][^<>\n]*>")
HEADING = re.compile(r"^[ \t]*#{1,6}[ \t]+", _LINE)
QUOTE = re.compile(r"^[ \t]*(?:>[ \t]?)+(?![ \t\d])", _LINE)  # "> 5" compares
BULLET = re.compile(r"^[ \t]*[-*+•‣][ \t]+(?:\[[ xX]\][ \t]+)?", _LINE)
NUMBERED = re.compile(r"^[ \t]*(\d{1,2})[.)](?=[ \t]+\S)", _LINE)
# A heading or an item falls at its end, full stop or not.
OPEN_LINE = re.compile(r"(?<=[\w)%*_`])(?=[ \t]*\n)")
ESCAPE = re.compile(r"\\(?=[^\w\s])")
TIMES = re.compile(r"(?<=\d)[ \t]*\*[ \t]*(?=\d)")
EMPHASIS = re.compile(r"\*+|~~+|`+|(?<!\w)_+|_+(?!\w)")


def without_code(text: AlignedText) -> AlignedText:
    """Return the text without code blocks."""
    return text.sub(FENCED_CODE, "")


def without_markdown(text: AlignedText, *, comma: str = ",", stop: str = ".") -> AlignedText:
    """Return the text without marks: links as their label, rows and items as sentences.

    `comma` and `stop` are the marks of the text's language.
    """
    if not MARKED.search(text.text):
        return text
    text = text.sub(RULE, "")
    text = text.edit(_cell_edits(text.text, comma, stop))
    text = text.unwrap(LINK).unwrap(AUTOLINK).sub(FOOTNOTE, "").sub(HTML_TAG, " ")
    text = text.sub(HEADING, "").sub(QUOTE, "").sub(BULLET, "").sub(NUMBERED, rf"\1{comma}").sub(HEADING, "")
    return text.sub(OPEN_LINE, stop).sub(ESCAPE, "").sub(TIMES, " × ").sub(EMPHASIS, "")


def _cell_edits(text: str, comma: str, stop: str) -> list[Edit]:
    """`| a | b |` -> `a, b.`"""
    edits: list[Edit] = []
    for row in TABLE_ROW.finditer(text):
        bars = [row.start() + match.start() for match in re.finditer(r"(?<!\\)\|", row.group())]
        first, *inner, last = bars if len(bars) > 1 else [bars[0], bars[0] + 1]
        edits += [(first, first + 1, ""), *((_cell_end(text, bar), bar + 1, comma) for bar in inner)]
        edits.append((_cell_end(text, last), last + 1, stop))
    return edits


def _cell_end(text: str, bar: int) -> int:
    return len(text[:bar].rstrip(" \t"))
