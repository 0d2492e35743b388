"""Text for the ear: what a good reader would say, given what is shown, in English or Chinese.

Everything but words is put into words here, for the voices' own readers differ: one says "1999" as a year,
another as a quantity; none knows a dose. A part is read alone, so the rules look at nothing outside it.
"""

from __future__ import annotations

import re
import unicodedata

from tts.addresses import with_addresses_said
from tts.aligned import AlignedText
from tts.chinese import in_chinese
from tts.english import in_english
from tts.markdown import without_code, without_markdown

EMOJI = re.compile(
    "[\U0001f000-\U0001faff\u2600-\u27bf\u2b00-\u2bff\u23e9-\u23fa\ufe0e\ufe0f\u200b-\u200f\u20e3\U000e0020-\U000e007f]+"
)
GREEK_LETTER = re.compile(r"(?<![Ͱ-Ͽ])-?([Α-Ωα-ω])(?![Ͱ-Ͽ])")  # one by itself: alpha, not a Greek word
HAN = re.compile(r"[\u3400-\u9fff]")
# Also a whole address; not the unit after a number.
LATIN_WORD = re.compile(r"(?<![!-~])(?<!\d )[A-Za-z][!-~]*[A-Za-z]")
FULL_WIDTH_MARK = re.compile(r"[，。！？：；、（）￥]")
ENGLISH_SIGNS = {"@": " at ", ".": " dot ", "_": " underscore "}
CHINESE_SIGNS = {"@": "艾特", ".": "点", "_": "下划线"}
MARK_WEIGHT = 3  # a full-width mark is seldom met in English


def for_the_ear(shown: str) -> AlignedText:
    """Return what is said for the shown text; every part knows what it stands for."""
    text = without_code(AlignedText.of(shown))
    if is_chinese(text.text):
        text = without_markdown(text, comma="，", stop="。").sub(EMOJI, "")
        return in_chinese(with_addresses_said(text, CHINESE_SIGNS))
    text = without_markdown(text).sub(EMOJI, " ")
    return in_english(with_addresses_said(text, ENGLISH_SIGNS)).sub(GREEK_LETTER, _greek)


def is_chinese(text: str) -> bool:
    """Whether numbers in it are read in Chinese: it has as many characters of Chinese as words of English."""
    n_han, n_marks = len(HAN.findall(text)), len(FULL_WIDTH_MARK.findall(text))
    return n_han + n_marks > 0 and n_han + MARK_WEIGHT * n_marks >= len(LATIN_WORD.findall(text))


def _greek(match: re.Match[str]) -> str:
    name = unicodedata.name(match[1].lower()).split()[-1].lower().replace("lamda", "lambda")
    return f" {name}" if match[0].startswith("-") else name
