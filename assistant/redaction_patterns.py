"""How a text names a person: patterns in English and Chinese. What they find, `redaction.py` checks."""

from __future__ import annotations

import re

# Addresses that are written, and those that are spelt: "jo dot smith at example dot com".
# RFC 5321: 64 characters before the @; bounds keep a hostile text from taking quadratic time.
EMAIL = re.compile(r"[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,8}", re.ASCII)
SPELT_EMAIL = re.compile(
    r"\b[\w+-]{1,64}(?:(?: dot | underscore |\.)[\w+-]{1,64}){0,4} at [\w-]{1,63}"
    r"(?:(?: dot |\.)[\w-]{1,63}){0,4}"
    r"(?: dot |\.)(?:com|org|net|edu|gov|info|io|co|uk|de|cn|fr|eu)\b",
    re.IGNORECASE,
)

# Runs of digits as people group them. A thousands separator joins no groups: "4,000" is an amount.
DIGITS = re.compile(r"(?<![\d.,])\+?\d(?:[ \-]?\d){6,}[xX]?(?![\d]|[.,]\d)")
IBAN = re.compile(r"\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{2,4}){3,8}\b")
NINO = re.compile(r"\b[A-CEGHJ-PR-TW-Z]{2} ?\d{2} ?\d{2} ?\d{2} ?[A-D]\b")  # of the United Kingdom
# What makes a number an amount, before it and behind it.
CURRENCY_BEFORE = re.compile(r"(?:[$€£¥₹]|(?:usd|eur|gbp|cny|rmb|人民币)) ?$", re.IGNORECASE)
UNIT_BEHIND = re.compile(
    r" ?(?:%|mg|mcg|µg|μg|ug|kg|g|ml|dl|l|iu|units?|mmol|mm|cm|km|m|bpm|kcal|cal|drops?|tablets?|pills?"
    r"|puffs?|capsules?|grams?|milligrams?|micrograms?|millilit(?:er|re)s?|dollars?|euros?|pounds?|yuan|rmb|cents?"
    r"|percent|thousand|million|billion|shares?|people|steps?"
    r"|元|块|美元|欧元|英镑|毫克|微克|克|毫升|升|单位|片|粒|股|人|步|万|亿|千)(?![a-z])",
    re.IGNORECASE,
)
# A number that is said to be one to be called at, however short.
NUMBER_IS = re.compile(
    r"\b(?:(?:phone|telephone|mobile|cell|contact|account|passport|policy|insurance|member(?:ship)?|patient"
    r"|social security|id|nhs|card|licen[cs]e)(?: number| no\.?| #)(?: is|:)?"
    r"|(?:call|ring|text|phone|reach) (?:me|us|him|her|them) (?:at|on)|my number(?: is|'s|:))"
    r" ?((?:[A-Z]{0,3}[ -]?)?\d(?:[ \-]?\d){3,}\b)",
    re.IGNORECASE,
)
NUMBER_IS_ZH = re.compile(
    r"(?:电话|手机|号码|账号|帐号|卡号|身份证|护照|保单|医保卡?|病历)(?:号码?)?(?:是|为|：|:)?"
    r" ?([A-Z]{0,3}\d(?:[ \-]?\d){3,}[xX]?)"
)

_NAME = (
    r"(?:(?:Dr|Mr|Mrs|Ms)\.? )?[A-Z][\w'’-]*(?: (?:(?:van|von|de|del|la|bin|al|O')[ -]?)*[A-Z][\w'’-]*){0,3}"
)
NAME_IS = re.compile(
    r"\b(?i:my (?:full |first |last |family |given )?name(?: is|'s|’s|:)|(?:i am|i'm|i’m) called|call me"
    rf"|(?:his|her|their) name(?: is|'s|’s)|(?:patient|client)(?:'s|’s)? name(?: is|:)?|name:) ({_NAME})"
)
# As papers have it, at the start of a line: what a photo says counts as the user's words. Behind "For:" may
# stand an illness, which has rarely two capitals.
ON_PAPER = re.compile(
    r"^(?i:(?:patient|client|customer|insured|policy ?holder|account holder|surname|(?:first |full )?name)"
    rf"(?: name)? ?:) ?({_NAME})",
    re.MULTILINE,
)
FOR_ON_PAPER = re.compile(rf"^(?i:for|to|bill to|attn\.?) ?: ?(?=[A-Z]\S* [A-Z])({_NAME})", re.MULTILINE)
# A transcript may have a name without its capital: the next word, if it can be one.
NAME_IS_LOWER = re.compile(
    r"\b(?:my name(?: is|'s|’s)|(?:i am|i'm) called) (?!not\b|on\b|in\b|the\b|a\b|spelled\b|spelt\b)"
    r"([a-z][a-z'-]+)\b"
)
SPEAKING = re.compile(rf"\b(?i:this is) ({_NAME}) (?i:speaking|calling|here)\b")

SURNAMES = (
    "王李张刘陈杨黄赵吴周徐孙马朱胡郭何高林罗郑梁谢宋唐许韩冯邓曹彭曾肖田董袁潘于蒋蔡余杜叶程苏魏吕丁任沈姚卢姜崔钟谭陆汪"
    "范金石廖贾夏韦付方白邹孟熊秦邱江尹薛闫段雷侯龙史陶黎贺顾毛郝龚邵万钱严覃武戴莫孔向汤温康施文牛樊葛邢安齐易乔伍庞颜倪庄"
    "聂章鲁岳翟殷詹申欧耿关兰焦俞左柳甘祝包宁尚符舒阮柯纪梅童凌毕单季裴霍涂成苗谷盛曲翁冉骆蓝路游辛靳管柴蒙鲍华喻祁蒲房滕屈"
    "張劉陳楊黃趙吳孫馬羅鄭謝許韓馮鄧蕭蔣葉程蘇魏呂盧鍾譚陸賈鄒閻龍賀顧龔邵萬錢嚴湯溫齊喬龐顏莊聶魯關蘭紀畢單塗蓋"
)
_GIVEN_ZH = r"[\u4e00-\u9fff](?:(?![今是住来我的在想有，就也和家男女从得发很刚最现，])[\u4e00-\u9fff])?"
NAME_IS_ZH = re.compile(
    r"(?:我叫(?:做)?|我的?名字(?:叫做?|是)|(?:他|她|患者|病人|孩子|老公|丈夫|妻子|老婆|妈妈|爸爸)(?:名字)?叫"
    r"|姓名(?:是|：|:)?|(?:患者|病人|受检者|就诊人|户主|业主|客户) ?[：:])"
    rf" ?((?:欧阳|司马|上官|诸葛|歐陽|司馬|[{SURNAMES}小阿]){_GIVEN_ZH})"
)

_STREET = (
    r"(?:street|st|road|rd|avenue|ave|lane|ln|drive|boulevard|blvd|court|crescent|terrace|place|square|highway"
    r"|parkway|alley|grove|mews|close|gardens)"
)
# Between number and street stand names, not what a sentence says of a number of things.
_NO_STREET_NAME = (
    r"(?:the|a|an|on|in|of|at|to|for|from|my|your|this|that|and|or|with|by|down|up|per|every|each|times"
    r"|years?|days?|hours?|minutes?|weeks?|months?|mg|ml|pills?|tablets?|percent|people|cars?|dollars?|euros?|pounds?|more|less)"
)
ADDRESS = re.compile(
    rf"\b\d{{1,5}}[A-Za-z]?,? (?:(?!{_NO_STREET_NAME}\b)[A-Za-z0-9'’.-]+ ){{1,3}}{_STREET}\b\.?"
    r"(?:,? (?:apartment|apt\.?|flat|suite|unit|no\.?|#) ?\w{1,5}\b)?",
    re.IGNORECASE,
)
_COUNT_ZH = r"[\d一二三四五六七八九十百千零〇]"
_PLACE_ZH = r"(?:(?![我你他她住在于是址])[\u4e00-\u9fff])"
ADDRESS_ZH = re.compile(
    rf"(?:{_PLACE_ZH}{{2,8}}(?:省|市|区|县|镇)){{0,3}}{_PLACE_ZH}{{1,8}}?(?:路|街|巷|弄|大道|胡同|村|小区)"
    rf"{_COUNT_ZH}{{1,6}}(?:号院?|弄)(?:楼)?(?:{_COUNT_ZH}{{1,5}}(?:栋|号楼|单元|楼|层|室|号))*"
)

_MONTH = (
    r"(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sep(?:t(?:ember)?)?"
    r"|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)\.?"
)
_DAY = r"(?:the )?\d{1,2}(?:st|nd|rd|th)?"
_YEAR = r"(?:19|20)\d\d"
_DATE = (
    rf"(?:{_DAY}(?: of)? {_MONTH}(?:,? (?:{_YEAR}|\d\d))?|{_MONTH} {_DAY}(?:,? {_YEAR})?"
    rf"|\d{{1,2}}[./-]\d{{1,2}}[./-](?:{_YEAR}|\d\d)|{_YEAR}[./-]\d{{1,2}}[./-]\d{{1,2}}"
    rf"|{_MONTH},? {_YEAR}|{_YEAR})"
)
BORN = re.compile(
    r"\b(?:born(?: in| on)?|(?:date of birth|birth ?date|birthday|dob|d\.o\.b\.)"
    rf"(?: is| was|'s|’s|:|,)?(?: on)?) ({_DATE})(?!\w)",
    re.IGNORECASE,
)
_N_ZH = r"[\d一二三四五六七八九十]"
_DATE_ZH = (
    rf"(?:[\d一二三四五六七八九零〇]{{2,4}}年(?:{_N_ZH}{{1,2}}月)?(?:{_N_ZH}{{1,3}}[日号])?"
    rf"|{_N_ZH}{{1,2}}月{_N_ZH}{{1,3}}[日号])"
)
BORN_ZH = re.compile(
    rf"(?:(?:出生日期|出生年月|生日|生于|出生(?:于|在)?)(?:是|为|：|:)? ?({_DATE_ZH}))"
    rf"|(?:({_DATE_ZH})(?:出生|生的|生日))"
)
