"""Mandarin numbers in digits.

The characters that rules look at make a run; only it and the character after it decide what becomes of it.
"""

from __future__ import annotations

import re
from collections.abc import Callable

import cn2an

_DIGITS = "零〇幺一二三四五六七八九"
_TO_DIGITS = str.maketrans(_DIGITS + "两兩", "00112345678922")
_POWERS = "十百千万萬亿億"
_ABOUT = "几幾数數双雙"  # leave a number open, or make a name of it
_UNITS = (
    "毫克|微克|千克|公斤|克(?![服隆拉])|斤|毫升|升(?![级高温起])|毫米|厘米|公分|元(?![旦化素])|块钱|塊錢|周?[岁歲]"
    "|摄氏度|度|型|[万萬亿億]"
)
_OTHERWISE = ("一度", "两度", "兩度", "一元", "二元", "三元")  # once, twice; the variables of an equation
_COUNTED = "个個天年月日号號次片粒颗顆秒周週点點块塊名位人倍米里级級楼層层多种種瓶支盒滴小分"  # by a lone 十
_PERIODS = "上午|下午|中午|早上|晚上|凌晨|傍晚"
_KEPT = (
    rf"[{_DIGITS}{_POWERS}]+分之|十分(?!钟|鐘)|二百五(?!十)|十几二十|十万火急|十万八千里|三十而立|四十不惑"
    "|五十步笑百步|三十六计|十八般|七十二变|七七八八|十[六七八九]大|二十大|九一八|一点一[点滴]"
    "|十一(?:假期|长假|黄金周)"
)
_LOOKED_AT = "".join(
    re.findall(r"\w", f"{_DIGITS}{_POWERS}{_ABOUT}{_UNITS}{_COUNTED}{_PERIODS}{_KEPT}两兩到至刻半整左")
)
RUN = re.compile(rf"(?:{_PERIODS}|[{_DIGITS}{_POWERS}{_ABOUT}两兩\d])[{_LOOKED_AT}\d.%]*")

_WHOLE = (
    rf"(?:[{_DIGITS}十]|[两兩](?=[{_POWERS}点點]|{_UNITS}))"
    rf"(?:[{_DIGITS}十百万萬亿億]|千(?![克米])|[两兩](?=[{_POWERS}]))*"
)
_NUMBER = rf"{_WHOLE}(?:[点點][{_DIGITS}]+(?![{_DIGITS}十点點分刻]))?"
_GOES_ON = rf"(?!百分之)[{_DIGITS}{_POWERS}{_ABOUT}多\d]"


def rewritten(run: re.Match[str]) -> str:
    """Return a run with its numbers in digits."""
    after = run.string[run.end() :][:1]
    text = run[0] + after
    for pattern, replacement in _RULES:
        text = pattern.sub(replacement, text)
    return text.removesuffix(after)


def _value(number: str) -> str | None:
    """The number in digits; None for what is none: 七八 and 三四十 are guesses, 一二三 is counting."""
    whole, *decimals = re.split("[点點]", number)
    shown = _parsed(whole) if set(whole) & set(_POWERS) else _one_by_one(whole)
    return shown and ".".join([shown, *(part.translate(_TO_DIGITS) for part in decimals)])


def _one_by_one(whole: str) -> str | None:
    digits = whole.translate(_TO_DIGITS)
    guessed = len(digits) == 2 and not digits.startswith("0")
    counting = len(digits) > 1 and digits in "0123456789"
    return None if guessed or counting else digits


def _parsed(whole: str) -> str | None:
    try:
        value = cn2an.cn2an(whole, "normal")
    except (ValueError, KeyError):  # the latter for some that make no sense, such as 一百一万
        return None
    size = {"万": 10**4, "萬": 10**4, "亿": 10**8, "億": 10**8}.get(whole[-1])
    return f"{value // size}{whole[-1]}" if size else str(value)


def _in_digits(match: re.Match[str]) -> str:
    return re.sub(_WHOLE, lambda number: _value(number[0]) or number[0], match[0])


def _year(match: re.Match[str]) -> str:
    digits = match[0].translate(_TO_DIGITS)
    return match[0] if digits in "0123456789" else digits


def _percent(match: re.Match[str]) -> str:
    values = ["100" if number == "百" else _value(number) for number in (match[1], match[3]) if number]
    return (match[2] or "").join(f"{value}%" for value in values) if all(values) else match[0]


def _degrees(match: re.Match[str]) -> str:
    value = _value(match[1])
    return f"{value}.{match[2].translate(_TO_DIGITS)}度" if value and len(value) > 1 else match[0]


def _number(match: re.Match[str]) -> str:
    least, joint, number, unit = match.groups()
    before, after = match.string[: match.start()][-1:], match.string[match.end() :][:1]
    if not number or _unclear(before, least or "十", number, unit or "", after):
        return match[0]
    values = [_value(part) or "" for part in (least, number) if part]
    measured = unit and number + unit not in _OTHERWISE
    counted = max(map(len, values)) > 1 and (number != "十" or (after and after in _COUNTED))
    return (joint or "").join(values) + (unit or "") if (measured or counted) and all(values) else match[0]


def _unclear(before: str, least: str, number: str, unit: str, after: str) -> bool:
    guess = re.match(rf"[{_DIGITS}{_POWERS}{_ABOUT}两兩\d]", before) or re.match(r"[几幾\d]", after)
    hundreds = not re.search(f"[{_POWERS}]", least) and re.match("[^一].*[百千]", number)  # 三到五百
    for_one = re.search(f"[{_POWERS}]一$", number) and number[-2] != "十"  # 一百一次 is not 110 times
    return bool(guess or hundreds or (for_one and (unit or (after and after in _COUNTED))))


_RULES: tuple[tuple[re.Pattern[str], Callable[[re.Match[str]], str]], ...] = tuple(
    (re.compile(pattern), replacement)
    for pattern, replacement in (
        (rf"百分之(百|{_NUMBER})(?:([到至])(?:百分之)?({_NUMBER}))?(?!{_GOES_ON})", _percent),
        (rf"(?<![{_DIGITS}{_POWERS}])(?:[{_DIGITS}]{{4}}|[零〇六七八九][{_DIGITS}])(?=年)", _year),
        (rf"({_WHOLE})度([{_DIGITS}])(?=$|[\W了到的左以吗呢吧啊就])", _degrees),  # not 三十九度三天
        (rf"{_WHOLE}[点點](?:{_WHOLE}(?=分(?!钟|鐘|之))|[{_DIGITS}]?十[{_DIGITS}]?)", _in_digits),
        (rf"(?<={_PERIODS})(?!一[点點](?![半多整钟鐘左到十{_DIGITS}])){_WHOLE}(?=[点點])", _in_digits),
        (rf"{_KEPT}|(?:({_NUMBER})([到至]))?({_NUMBER})({_UNITS})?", _number),
        (rf"(?<=\d年){_WHOLE}(?=月)|{_WHOLE}(?=月(?:\d+|{_WHOLE})[日号號])", _in_digits),
        (rf"(?<=\d月){_WHOLE}(?=[日号號])", _in_digits),
        (rf"(?<=\d[岁歲]){_WHOLE}(?=个半?月)", _in_digits),
    )
)
