"""Mandarin as phonemes in Kokoro's alphabet: words by rjieba, their syllables by pypinyin.

The table is that of misaki, whose phonemes the model was trained on; misaki itself brings 60 MB of packages
and no release for Python 3.13.
"""

from __future__ import annotations

import re

import rjieba
from pypinyin import Style, lazy_pinyin
from pypinyin.contrib.tone_convert import to_finals, to_initials

from tts.aligned import AlignedText
from tts.tokens import Token

HAN = re.compile(r"[\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]")
TONES = {"1": "→", "2": "↗", "3": "↓", "4": "↘", "5": ""}
MARKS = dict(zip("，、。．！？：；…（）《》「」『』【】“”", ",,..!?:;…()“”“”“”“”“”", strict=True))
INITIALS = {
    "b": "p", "p": "pʰ", "m": "m", "f": "f", "d": "t", "t": "tʰ", "n": "n", "l": "l",
    "g": "k", "k": "kʰ", "h": "x", "j": "ʨ", "q": "ʨʰ", "x": "ɕ",
    "zh": "ꭧ", "ch": "ꭧʰ", "sh": "ʂ", "r": "ɻ", "z": "ʦ", "c": "ʦʰ", "s": "s", "": "",
}  # fmt: skip
FINALS = {  # 0 is where the tone stands
    "a": "a0", "ai": "ai0", "an": "a0n", "ang": "a0ŋ", "ao": "au0",
    "e": "ɤ0", "ei": "ei0", "en": "ə0n", "eng": "ə0ŋ", "er": "ɚ0", "ê": "ɛ0",
    "i": "i0", "ia": "ja0", "ian": "jɛ0n", "iang": "ja0ŋ", "iao": "jau0", "ie": "je0",
    "in": "i0n", "ing": "i0ŋ", "io": "jɔ0", "iong": "jʊ0ŋ", "iou": "jou0",
    "o": "wo0", "ong": "ʊ0ŋ", "ou": "ou0",
    "u": "u0", "ua": "wa0", "uai": "wai0", "uan": "wa0n", "uang": "wa0ŋ", "uei": "wei0", "uen": "wə0n",
    "ueng": "wə0ŋ", "uo": "wo0", "ü": "y0", "üan": "ɥɛ0n", "üe": "ɥe0", "ün": "y0n",
    "m": "m0", "n": "n0", "ng": "ŋ0", "hm": "hm0", "hng": "hŋ0",
}  # fmt: skip
ALONE = {"o": "ɔ0"}  # 哦, without an initial
BUZZING = {"zh", "ch", "sh", "r", "z", "c", "s"}  # whose i is no i


def tokens(text: AlignedText) -> list[Token]:
    """Return the words and marks of a Chinese text; other characters have no phonemes."""
    read, at = [], 0
    for word in rjieba.cut(text.text):
        start, at = at, at + len(word)
        phonemes = MARKS.get(word, "") or _phonemes(word)
        read.append(Token(phonemes + " " if phonemes else "", *text.shown_span(start, at)))
    return read


def _phonemes(word: str) -> str:
    if not HAN.match(word):
        return ""
    pinyin = lazy_pinyin(word, style=Style.TONE3, neutral_tone_with_five=True, errors="ignore")
    return "".join(map(syllable, pinyin))


def syllable(pinyin: str) -> str:
    """Return the phonemes of one syllable with its tone's number: `ni3` is `ni↓`."""
    plain, tone = pinyin[:-1], TONES[pinyin[-1]]
    initial = to_initials(plain, strict=True) if plain not in FINALS else ""
    final = plain if plain in ALONE else to_finals(plain, strict=True, v_to_u=True) or plain
    vowel = "ɨ0" if initial in BUZZING and final == "i" else ALONE.get(plain) or FINALS[final]
    return INITIALS[initial] + vowel.replace("0", tone)
