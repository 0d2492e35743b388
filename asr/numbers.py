"""Numbers as a reader expects them: "take five milligrams" is shown as "take 5 mg", "三百五十元" as "350元".

What a number is worth, text2num and cn2an know. Which numbers become digits, and how doses, sums, years and
clock times are put together, is own code: text2num makes "19 99" of a year, cn2an "1个" of 一个. wetext puts
them together, but makes "a 2nd opinion", "Two hundred and $50" and "有点10分严重".
"""

from __future__ import annotations

import re

from asr import numbers_en, numbers_zh

_LANGUAGES = {
    "en": (numbers_en.RUN, numbers_en.rewritten),
    "zh": (numbers_zh.RUN, numbers_zh.rewritten),
}


def with_digits(text: str, language: str) -> str:
    """Return `text` with its spelled-out numbers in digits, if `language` (ISO 639-1) is en or zh.

    Counts below ten stay words ("two friends"), and so does what could be two things ("at seven thirty").
    Digits stay as they are.
    """
    if language not in _LANGUAGES:
        return text
    run, rewritten = _LANGUAGES[language]
    return run.sub(rewritten, text)


def settled_digits(text: str, language: str) -> str:
    """Return what of `with_digits` stands already, however the transcript goes on."""
    return with_digits(text[: settled(text, language)], language)


def settled(text: str, language: str) -> int:
    """How many leading characters of a growing transcript can be rewritten now: its last number may go on.

    If `text` grows by whole words (`asr.text.words_of`), `with_digits` of any later text begins with
    `with_digits(text[: settled(text, language)], language)`.
    """
    if language not in _LANGUAGES:
        return len(text)
    run, _ = _LANGUAGES[language]
    last = max(run.finditer(text), key=re.Match.end, default=None)
    if last is None or not re.fullmatch(r"[\s-]*", text[last.end() :]):
        return len(text)
    return last.start()
