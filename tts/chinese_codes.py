"""Chinese telephones, codes, dates and clock times: digits said one by one, or with 年月日 and 点分."""

from __future__ import annotations

import re

from tts.chinese_numbers import cardinal, digit_by_digit
from tts.rules import group

_CODED = "代码|编号|账号|房间|房号|验证码|邮编|密码|卡号|单号|航班|车次|学号|工号|门牌"
_CALLED = "拨打|拨|打|呼叫|致电|电话|热线|报警|急救|火警|转"
_EXCHANGES = "(?:SH|SZ|HK|BJ)(?![A-Za-z])"
_TO = r"\s?[-–—~～]\s?"
_RATIO = "比例|比分|比率|配比|比值|稀释|以|按"


def _telephone(match: re.Match[str]) -> str:
    groups = re.findall(r"\d+", match[0])
    if len(match[0]) == 11 and len(groups) == 1:
        groups = [match[0][:3], match[0][3:7], match[0][7:]]
    said = "，".join(digit_by_digit(run, one="幺") for run in groups)
    return f"加{said}" if match[0].startswith("+") else said


def _code(match: re.Match[str]) -> str:
    return digit_by_digit(match["said"], one="幺")


def _date(match: re.Match[str]) -> str:
    year, month, day = match.groups()
    if not (1 <= int(month) <= 12 and 1 <= int(day) <= 31):
        return match[0]
    return f"{digit_by_digit(year)}年{int(month)}月{int(day)}日"


def _year(match: re.Match[str]) -> str:
    return digit_by_digit(match["said"])


def _each_digit(match: re.Match[str]) -> str:
    return digit_by_digit(match[0])


def _clock(match: re.Match[str]) -> str:
    hour, minute = int(match[1]), int(match[2])
    if hour > 24 or minute > 59:
        return f"{match[1]}比{match[2]}"
    words = ("两" if hour == 2 else cardinal(str(hour))) + "点"
    if minute == 30:
        return words + "半"
    return words + (f"{'零' if minute < 10 else ''}{cardinal(str(minute))}分" if minute else "")


def _clock_with_seconds(match: re.Match[str]) -> str:
    return f"{int(match[1])}点{int(match[2])}分{int(match[3])}秒"


def _meridiem(match: re.Match[str]) -> str:
    return ("上午" if match[2] in "aA" else "下午") + match[1]


CODES = group(
    rf"\d{{3}}|\+\d|\.{_EXCHANGES}",
    (r"(?<!\d)1[3-9]\d{9}(?!\d)|(?<!\d)1[3-9]\d[- ]\d{4}[- ]\d{4}(?!\d)", _telephone),
    (r"(?<![\d.])[(（]?0\d{2,3}[-)） ]{1,2}\d{3,4}[- ]?\d{4}(?!\d)", _telephone),
    (r"(?<!\d)\d{3}-\d{3}-\d{4}(?!\d)|\+\d{1,3}(?:[- ]\d{2,11}){1,4}", _telephone),
    (rf"(?:{_CALLED})[：:是 ]{{0,2}}(?P<said>\d{{3,8}})(?![\d.,%分折个万元人股-])", _code),
    (r"[零幺二三四五六七八九]{3,8}[或和、](?P<said>\d{3,8})(?![\d.,%])", _code),
    (r"(?<!\d)(?P<said>1[12]\d)(?=急救|报警|火警)", _code),
    (rf"(?:{_CODED})[：:是为 ]{{0,2}}[A-Za-z]*(?P<said>\d{{3,}})(?!\d|\.\d)", _code),
    (r"(?<=[(（])(?P<said>\d{6})(?=[)）])", _code),  # of a share
    (rf"(?<!\d)(?P<said>\d{{5,6}})(?=\.{_EXCHANGES})", _code),
    (rf"\.(?={_EXCHANGES})", " "),
    (r"(?<![A-Za-z\d])[A-Z]{1,3}(?P<said>\d{4,})(?![\d.])", _code),  # G1234次列车
    (r"(?<![A-Za-z\d])(\d{3})\(([a-z])\)", lambda match: digit_by_digit(match[1]) + match[2].upper()),
)
DATES = group(
    r"\d",
    (r"(?<=\d{4})年?\s?Q([1-4])(?!\d)", r"年第\1季度"),
    (r"(?<!\d)(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})(?![\d.])", _date),
    (rf"(?<!\d)\d{{4}}年?(?P<said>{_TO})(?=\d{{4}}年)", "到"),
    (r"(?<![\d.])(?P<said>(?!\d000年[前后来以])\d{4})(?=(?:[到至]\d{4})?(?:年|财|款|届))", _year),
    (r"(?<!\d)\d{2}(?=年\d{1,2}月)|(?<!\d)(?:[5-9][05]|0[05]|10)(?=后)", _each_digit),
)
TIMES = group(
    "[:：]",
    (rf"(?:{_RATIO})[^，。；\d]{{0,3}}\d+(?P<said>\s?[:：]\s?)(?=\d)", "比"),
    (r"(?<![\d:：])\d+(?P<said>[:：])(?=\d(?![\d:：]))", "比"),
    (rf"\d[:：]\d\d(?P<said>{_TO})(?=\d{{1,2}}[:：]\d\d)", "到"),
    (r"(?<![\d:：])(\d{1,2}[:：]\d\d)\s?(?i:([ap])\.?m\.?)(?![A-Za-z])", _meridiem),
    (r"(?<![\d:：.])(\d{1,2})[:：](\d\d)[:：](\d\d)(?![\d:：])", _clock_with_seconds),
    (r"(?<![\d:：.])(\d{1,3})[:：](\d\d)(?![\d:：])", _clock),
)
