"""Units and doses in Chinese: "5 mg/kg" is 每公斤五毫克."""

from __future__ import annotations

import re

from tts.aligned import AlignedText
from tts.rules import group
from tts.shown_numbers import NUMBER

UNITS = {
    "kg": "公斤",
    "g": "克",
    "mg": "毫克",
    "mcg": "微克",
    "ug": "微克",
    "µg": "微克",  # micro sign
    "μg": "微克",  # Greek mu
    "ng": "纳克",
    "pg": "皮克",
    "mIU": "毫国际单位",
    "μIU": "微国际单位",
    "pmol": "皮摩尔",
    "L": "升",
    "l": "升",
    "dL": "分升",
    "dl": "分升",
    "mL": "毫升",
    "ml": "毫升",
    "ML": "毫升",
    "μL": "微升",
    "cc": "毫升",
    "mol": "摩尔",
    "mmol": "毫摩尔",
    "μmol": "微摩尔",
    "umol": "微摩尔",
    "nmol": "纳摩尔",
    "mEq": "毫当量",
    "IU": "国际单位",
    "U": "单位",
    "mmHg": "毫米汞柱",
    "kPa": "千帕",
    "bpm": "次每分钟",
    "kcal": "千卡",
    "kJ": "千焦",
    "km": "公里",
    "m": "米",
    "cm": "厘米",
    "mm": "毫米",
    "μm": "微米",
    "nm": "纳米",
    "km²": "平方公里",
    "m²": "平方米",
    "m2": "平方米",
    "㎡": "平方米",
    "cm²": "平方厘米",
    "m³": "立方米",
    "m3": "立方米",
    "h": "小时",
    "min": "分钟",
    "s": "秒",
    "ms": "毫秒",
    "d": "天",
    "Mbps": "兆比特每秒",
    "GB": "G B",
    "MB": "M B",
    "TB": "T B",
    "kWh": "千瓦时",
    "kW": "千瓦",
    "W": "瓦",
    "V": "伏",
    "Hz": "赫兹",
    "kHz": "千赫",
    "MHz": "兆赫",
    "GHz": "吉赫",
    "dB": "分贝",
    "bp": "个基点",
    "bps": "个基点",
    "BP": "个基点",
    "℃": "摄氏度",
    "°C": "摄氏度",
    "℉": "华氏度",
    "°F": "华氏度",
    "°": "度",
}
SHORT = {"分": "分钟", "时": "小时", "日": "天", "d": "天"}  # after a slash
_UNIT = "|".join(re.escape(unit) for unit in sorted(UNITS, key=len, reverse=True))
_AMOUNT = rf"{NUMBER}(?:[到至]{NUMBER})?[百千万亿]*"
_PER_HAN = "公斤|千克|毫升|分钟|小时|平方米|个?月|[日天次周年人片粒支瓶袋盒分时秒升克个只斤股张件份晚]"
_PER = rf"(?:\s?[/／]\s?(?:(?:{NUMBER}\s?)?(?:{_UNIT})(?![A-Za-z\d²³])|{_PER_HAN})){{1,3}}"
# 5 mg/kg/天, 72次/分, 3000元/月, 10万/年
RATE = re.compile(
    rf"(?<![A-Za-z\d.,])({_AMOUNT})(\s?(?:{_UNIT})|[\u4e00-\u9fff]{{1,3}}|(?<=[百千万亿]))({_PER})"
)
BARE_RATE = re.compile(rf"(?<![A-Za-z\d/])({_UNIT})({_PER})(?![A-Za-z\d²³])")
MEASURE = re.compile(rf"(?<=[\d百千万亿])[\s-]?({_UNIT})(?![A-Za-z\d²³])")
LATIN = {  # of prescriptions, without its full stops
    "bid": "每天两次",
    "tid": "每天三次",
    "qid": "每天四次",
    "qd": "每天一次",
    "qod": "隔天一次",
    "qn": "每晚一次",
    "qhs": "每晚一次",
    "prn": "必要时",
    "po": "口服",
}
_LATIN = "|".join(r"\.?".join(letters) for letters in LATIN)


def _every(match: re.Match[str]) -> str:
    return f"每{match[1]}{f'到{match[2]}' if match[2] else ''}小时一次"


def _latin(match: re.Match[str]) -> str:
    return LATIN[match[1].replace(".", "").lower()]


PRESCRIPTIONS = group(
    rf"(?i:q\s?\d|(?<![a-z])(?:{_LATIN})(?![a-z]))",
    (r"(?<![A-Za-z])[qQ]\s?(\d{1,2})(?:\s?[-–~]\s?(\d{1,2}))?\s?[hH](?![A-Za-z])", _every),
    (rf"\s?(?<![A-Za-z])(?i:({_LATIN}))(?![A-Za-z])\.?\s?", _latin),
)


def with_units_said(text: AlignedText) -> AlignedText:
    """Return the text with units and rates in words; digits stay."""
    text = text.sub(RATE, _rate).sub(BARE_RATE, lambda match: _unit(match[1]) + _said_per(match[2]))
    return text.sub(MEASURE, lambda match: UNITS[match[1]])


def _rate(match: re.Match[str]) -> str:
    return _said_per(match[3]) + match[1] + _unit(match[2].strip())


def _said_per(per: str) -> str:
    parts = re.split(r"\s?[/／]\s?", per)[1:]
    return "".join("每" + SHORT.get(part, _counted(part)) for part in parts)


def _counted(shown: str) -> str:
    unit = shown.lstrip("0123456789,. ")
    return shown[: len(shown) - len(unit)].strip() + _unit(unit)


def _unit(shown: str) -> str:
    return UNITS.get(shown, shown)
