"""The numbers of a text and what they count, in digits or in words, English and Chinese."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import cn2an
from text_to_num import text2num

_SMALL = "zero|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve"
_TEENS = "thirteen|fourteen|fifteen|sixteen|seventeen|eighteen|nineteen"
_TENS = "twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety"
_NAME = rf"(?:{_SMALL}|{_TEENS}|{_TENS}|hundred|thousand|million|billion)"
_BELOW = rf"(?:{_SMALL}|{_TEENS}|{_TENS})\b(?![\s-]+(?:hundred|thousand))"  # a hundred, after "and"
_SPELT = rf"{_NAME}(?:[\s-]+(?:and[\s-]+(?={_BELOW}))?{_NAME})*"
_FIXED = {  # what they are worth; those that are worth a number of times
    "once": 1.0,
    "twice": 2.0,
    "thrice": 3.0,
    "half": 0.5,
    "quarter": 0.25,
    "dozen": 12.0,
    "halve": 0.5,
    "halves": 0.5,
    "double": 2.0,
    "doubles": 2.0,
    "triple": 3.0,
    "first": 1.0,
    "second": 2.0,
    "third": 3.0,
    "fourth": 4.0,
    "fifth": 5.0,
    "couple": 2.0,
}
_TIMES = {"once", "twice", "thrice", "double", "doubles", "triple"}
_HAN_NUMBER = r"[零〇一二两三四五六七八九十百千万亿]+(?:点[零〇一二三四五六七八九]+)?|半"
_TOKEN = re.compile(
    rf"(?P<digits>\d+(?:[,，]\d{{3}})*(?:\.\d+)?)(?P<scale>\s*(?:million|billion|thousand|k|m|bn|万|亿|千)(?![a-z]))?"
    rf"|(?<![\w'-])(?P<spelt>{_SPELT})(?![\w'])|(?<![\w'-])(?P<fixed>{'|'.join(_FIXED)})(?![\w'])"
    rf"|(?P<share>(?:百分之)(?:\d+(?:\.\d+)?|{_HAN_NUMBER}))|(?P<han>{_HAN_NUMBER})",
    re.IGNORECASE,
)
_SCALES = {
    "thousand": 1e3,
    "k": 1e3,
    "m": 1e6,
    "million": 1e6,
    "bn": 1e9,
    "billion": 1e9,
    "千": 1e3,
    "万": 1e4,
    "亿": 1e8,
}

# What is counted, under one name for each way to write it.
_UNIT_NAMES = {
    "mg": "milligrams? mgs? 毫克",
    "mcg": "micrograms? mcg µg μg 微克",
    "g": "grams? grammes? gs? 克",
    "kg": "kilograms? kilos? kgs? 公斤 千克",
    "ml": "millilit(?:er|re)s? mls? 毫升",
    "l": "lit(?:er|re)s? l 升",
    "%": "percent per\\s+cent percentage % ％",
    "degree": "degrees? ° °c °f ℃ 度 摄氏度",
    "second": "seconds? secs? 秒 秒钟",
    "minute": "minutes? mins? 分钟",
    "hour": "hours? hourly hrs? h 小时 个小时 钟头 个钟头",
    "day": "days? daily 天 日",
    "week": "weeks? weekly 周 星期 个星期",
    "month": "months? monthly 个月 月",
    "year": "years? yearly yrs? 年 岁 周岁",
    "times": "times? 次 倍 遍",
    "dollar": "dollars? bucks? usd 美元 美金",
    "pound": "pounds? quid gbp 英镑",
    "euro": "euros? eur 欧元",
    "yuan": "yuan rmb 元 块 块钱 人民币",
    "cent": "cents? pence 分钱",
    "tablet": "tablets? pills? caplets? capsules? 片 粒 颗",
    "unit": "units? iu 单位",
    "mmol": "mmol(?:/l)? millimoles?",
    "beat": "beats? bpm",
    "cm": "centimet(?:er|re)s? cm 厘米 公分",
    "step": "steps? 步",
    "stone": "stones?",
}
_UNITS = [
    (
        name,
        re.compile(
            rf"[\s-]*(?:{'|'.join(sorted(ways.split(), key=len, reverse=True))})(?![a-zA-Z])", re.IGNORECASE
        ),
    )
    for name, ways in _UNIT_NAMES.items()
]
_CURRENCY = {"$": "dollar", "£": "pound", "€": "euro", "¥": "yuan", "￥": "yuan"}
_OTHER_END = re.compile(r"\s*(?:to|or|and|through|-|–|—|~|～|至|到|或)\s*$", re.IGNORECASE)
# Characters that are numbers, in words that count nothing.
_NO_NUMBER_ZH = re.compile(
    r"一(?:定|般|样|直|些|点(?!\d)|下|起|旦|切|边|并|律|致|方面|共|旁|向|路|时|会儿|次性|个人|种|个(?!月|小时|星期|钟头))"
    r"|万一|万(?:能|分)|十分(?!钟|之)|千万(?=不|别|要)|百(?:姓|科|度)|第一|统一|唯一|之一|进一步|另一|同一|任一|某一|哪一|这一|那一|每一|星期[一二三四五六日]|周[一二三四五六]|三餐|四肢|五官"
)


@dataclass(frozen=True, slots=True)
class Quantity:
    """A number, and the unit that it has in the text."""

    value: float
    unit: str | None  # a name of this module's; None: it counts something else
    start: int
    end: int

    def is_like(self, other: Quantity) -> bool:
        """Whether both are the same number of the same thing, as far as that is said."""
        return self.value == other.value and (self.unit == other.unit or None in (self.unit, other.unit))


@lru_cache(maxsize=1024)
def quantities(text: str) -> tuple[Quantity, ...]:
    """Return the numbers of a text in order; "one" only where it has a unit: it is a pronoun too."""
    found = list(_read(text))
    for at in range(len(found) - 2, -1, -1):  # two to three days: both are days
        one, next_ = found[at], found[at + 1]
        if one.unit is None and _OTHER_END.fullmatch(text[one.end : next_.start] or " "):
            found[at] = Quantity(one.value, next_.unit, one.start, one.end)
    return tuple(each for each in found if not _is_pronoun(each, text))


def without_quantities(text: str) -> str:
    """Return a text without its numbers and their units, however they are written."""
    left, at = "", 0
    for quantity in quantities(text):
        left += text[at : quantity.start] + " "
        units = (pattern.match(text, quantity.end) for _, pattern in _UNITS)
        at = max([quantity.end, *(unit.end() for unit in units if unit)])
    return left + text[at:]


def _is_pronoun(quantity: Quantity, text: str) -> bool:
    said = text[quantity.start : quantity.end].casefold()
    if said in ("first", "second", "third") and quantity.unit is None:
        return True  # an order or a share of something: nothing is counted
    return (
        said in ("one", "一", "once")
        and quantity.unit in ((None,) if said != "once" else ("times",))
        and not (said == "once" and re.match(r"\s+(?:a|per|every|daily|weekly)\b", text[quantity.end :]))
    )


def _read(text: str) -> Iterator[Quantity]:
    idle = [(found.start(), found.end()) for found in _NO_NUMBER_ZH.finditer(text)]
    for match in _TOKEN.finditer(text):
        if any(start <= match.start() < end for start, end in idle):
            continue
        if match["digits"] and match.start() and re.match(r"[A-Za-z]", text[match.start() - 1]):
            continue  # B12, H1N1: a name
        for value, start, end in _values(match):
            yield Quantity(value, _unit(text, start, end, match), start, end)


def _values(match: re.Match[str]) -> Iterator[tuple[float, int, int]]:
    start, end = match.span()
    if match["digits"]:
        scale = (match["scale"] or "").strip().casefold()
        yield float(re.sub("[,，]", "", match["digits"])) * _SCALES.get(scale, 1.0), start, end
    elif match["fixed"]:
        yield _FIXED[match["fixed"].casefold()], start, end
    elif match["share"] or match["han"]:
        said = match[0].removeprefix("百分之")
        for part in said if re.fullmatch("[一二两三四五六七八九]{2}", said) else [said]:  # 两三: two or three
            if (value := _chinese(part)) is not None:
                yield value, start, end
    else:
        yield from _english(match["spelt"], start)


def _english(spelt: str, start: int) -> Iterator[tuple[float, int, int]]:
    try:
        yield float(text2num(spelt.casefold(), "en")), start, start + len(spelt)
    except ValueError:  # "five ten": more than one number
        for word in re.finditer(r"[A-Za-z]+", spelt):
            if word[0].casefold() != "and":
                name = word[0].casefold()
                value = (
                    1.0
                    if name in ("hundred", "thousand", "million", "billion")
                    else float(text2num(name, "en"))
                )
                yield value, start + word.start(), start + word.end()


def _chinese(said: str) -> float | None:
    if said == "半":
        return 0.5
    if said[0].isdigit():
        return float(said)
    try:
        return float(cn2an.cn2an(said.replace("两", "二").replace("〇", "零"), "smart"))
    except (ValueError, KeyError):  # 三四十, 二十八八十二: they are left open
        return None


def _unit(text: str, start: int, end: int, match: re.Match[str]) -> str | None:
    if match["share"]:
        return "%"
    if start and text[start - 1] in _CURRENCY:
        return _CURRENCY[text[start - 1]]
    behind = text[end : end + 24]
    for name, pattern in _UNITS:
        if pattern.match(behind):
            return name
    return "times" if match["fixed"] and match["fixed"].casefold() in _TIMES else None
