"""Numbers of a transcript, as a reader expects them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asr.numbers import settled, with_digits
from asr.text import words_of

ENGLISH = {
    # doses and measures
    "take five milligrams twice": "take 5 mg twice",
    "Take two tablets, five hundred milligrams each.": "Take two tablets, 500 mg each.",
    "five to ten milligrams": "5 to 10 mg",
    "between one hundred and two hundred milligrams": "between 100 and 200 mg",
    "zero point two five milligrams": "0.25 mg",
    "point five milligrams": "0.5 mg",
    "one and a half grams of it": "1.5 g of it",
    "fifty to a hundred milligrams": "50 to 100 mg",
    "fifty micrograms a day": "50 mcg a day",
    "five hundred mcg": "500 mcg",
    "two five hundred milligram tablets": "two 500 mg tablets",
    "a five-milligram tablet": "a 5 mg tablet",
    "ten millilitres of syrup": "10 ml of syrup",
    "seventy two point five kilograms": "72.5 kg",
    "eight units of insulin": "8 units of insulin",
    "FIVE MILLIGRAMS": "5 mg",
    "three point five percent": "3.5%",
    "five to ten per cent": "5 to 10%",
    "six point twenty five percent": "6.25%",
    "a hundred percent": "100%",
    "thirty seven point five degrees": "37.5 degrees",
    "minus five degrees": "minus 5 degrees",
    "a hundred and two degrees": "102 degrees",
    "one oh two point four degrees": "102.4 degrees",
    "my blood pressure is one hundred twenty over eighty": "my blood pressure is 120/80",
    "one forty over ninety": "140/90",
    "one oh five over seventy": "105/70",
    "an eight out of ten": "an 8 out of 10",
    "type two diabetes": "type 2 diabetes",
    "stage four": "stage 4",
    # money
    "two hundred and fifty dollars": "$250",
    "It cost two hundred and fifty dollars.": "It cost $250.",
    "one thousand two hundred dollars": "$1,200",
    "five dollars and five cents": "$5.05",
    "fifty cents": "50 cents",
    "fifty to sixty dollars": "$50 to $60",
    "two million dollars": "$2 million",
    "a hundred dollar bill": "a $100 bill",
    "a hundred dollars": "$100",
    "twenty euros": "20 euros",
    # counts
    "I have had it for ten days": "I have had it for 10 days",
    "five or ten days": "5 or 10 days",
    "a hundred people": "100 people",
    "two hundred and fifty thousand people": "250,000 people",
    "two point five million people": "2.5 million people",
    "one in ten": "1 in 10",
    "from one to ten": "from 1 to 10",
    "ten and a half hours": "10.5 hours",
    "Twenty-five of them": "25 of them",
    "COVID-nineteen": "COVID-19",
    "three point one four": "3.14",
    # ages
    "thirty five years old": "35 years old",
    "thirty-five-year-old": "35-year-old",
    "my son is five years old": "my son is 5 years old",
    # clock times
    "seven thirty p.m.": "7:30 p.m.",
    "at seven oh five am": "at 7:05 am",
    "nine to five p.m.": "9 to 5 p.m.",
    "five o'clock": "5 o'clock",
    # years and dates
    "in nineteen ninety nine": "in 1999",
    "in twenty twenty four": "in 2024",
    "nineteen oh five": "1905",
    "two thousand and ten": "2010",
    "the nineteen eighties": "the 1980s",
    "the twenty third of May": "the 23rd of May",
    "the fourth of July": "the 4th of July",
    "May third nineteen fourteen": "May 3rd 1914",
    "may ten eighteen fifty one": "may 10 1851",
    "the twenty second of March": "the 22nd of March",
    "the twenty first century": "the 21st century",
    # digits one by one
    "four one five five five five": "415555",
    "call nine one one": "call 911",
    "four one five, five five five, oh one two": "415, 555, oh one two",
    "room two oh five": "room 205",
}
ENGLISH_STAYS = """
one of them
no one
two friends
a second opinion
for one thing
first of all
one third of patients
two or three times a day
one and a half
half past ten
quarter to ten
at seven thirty
a few hundred dollars
hundreds of them
one two three
one fifty milligrams
two three hundred milligrams
four or five hundred milligrams
two to three hundred dollars
ten to fifteen thousand
one hundred two hundred milligrams
eight hundred five five five one two one two
a twenty second break
twenty twenty minutes
to one degree or another
you may first rest
the two of us
someone
take 5 mg twice, $250, 3.5%, 120/80
5 milligrams or ten
""".strip().splitlines()
MANDARIN = {
    "每次五毫克": "每次5毫克",
    "零点五毫克": "0.5毫克",
    "两点五毫克": "2.5毫克",
    "两百五十毫克": "250毫克",
    "五百毫升": "500毫升",
    "五到十毫克": "5到10毫克",
    "一公斤": "1公斤",
    "五千克": "5千克",
    "五十两": "50两",
    "三百五十元": "350元",
    "两万五千块钱": "25000块钱",
    "一百二十万元": "120万元",
    "三点五万": "3.5万",
    "十三亿人": "13亿人",
    "百分之三点五": "3.5%",
    "百分之一百": "100%",
    "百分之五到十": "5%到10%",
    "三十七度五": "37.5度",
    "三十七点五度": "37.5度",
    "发烧三十九度三天了": "发烧39度三天了",
    "三十八度一直不退": "38度一直不退",
    "零下五度": "零下5度",
    "高压一百四十低压九十": "高压140低压90",
    "二型糖尿病": "2型糖尿病",
    "我今年三十五岁": "我今年35岁",
    "一岁三个月": "1岁3个月",
    "二十多岁": "20多岁",
    "二零二四年": "2024年",
    "一九九九年": "1999年",
    "九八年": "98年",
    "二零二四年三月五号": "2024年3月5号",
    "三月五号": "3月5号",
    "十五号": "15号",
    "三点十五分": "3点15分",
    "下午三点半": "下午3点半",
    "十一点": "11点",
    "十分钟": "10分钟",
    "五到十天": "5到10天",
    "十个": "10个",
    "三百六十五天": "365天",
    "一百零五": "105",
    "三百五": "350",
    "一三五六六七三零七一七": "13566730717",
    "打幺幺零": "打110",
    "不到五千元": "不到5000元",
    "兩百五十萬": "250萬",
}
MANDARIN_STAYS = """
一个
一下
一起
一点
一点一点
一度
十分
有点十分严重
万一
千万不要
三心二意
不三不四
十全十美
一五一十
不管三七二十一
一天三次，每次两片
两三天
七八年
三四十岁
十七八岁
一两百
十几年
几十个
几百块
百八十
三分之一
第一次
星期三
半个月
一二三
双十一
血压一百四十九十
五百一盒
一百一斤
三到五百毫克
晚上一点都睡不着
二元方程
克服
十九大
每天5毫克，38.5度，3.5%，2024年
""".strip().splitlines()
CASES = [
    *(("en", said, shown) for said, shown in ENGLISH.items()),
    *(("en", said, said) for said in ENGLISH_STAYS),
    *(("zh", said, shown) for said, shown in MANDARIN.items()),
    *(("zh", said, said) for said in MANDARIN_STAYS),
]
VOCABULARY = {
    "en": sorted(
        {word for _, said, _ in CASES[: len(ENGLISH) + len(ENGLISH_STAYS)] for word in words_of(" " + said)}
    ),
    "zh": sorted(
        {word for language, said, _ in CASES if language == "zh" for word in words_of(said)} | {"，"}
    ),
}


@st.composite
def transcripts(draw: st.DrawFn) -> tuple[str, list[str]]:
    language = draw(st.sampled_from(sorted(VOCABULARY)))
    return language, draw(st.lists(st.sampled_from(VOCABULARY[language]), max_size=12))


@pytest.mark.parametrize(("language", "said", "shown"), CASES, ids=[said for _, said, _ in CASES])
def test_a_number_is_shown_as_a_reader_expects_it(language: str, said: str, shown: str) -> None:
    assert with_digits(said, language) == shown
    assert with_digits(shown, language) == shown


def test_other_languages_stay_as_they_are() -> None:
    assert with_digits("fünf Milligramm, two hundred", "de") == "fünf Milligramm, two hundred"
    assert settled("two hundred", "de") == len("two hundred")


@given(transcripts())
def test_what_is_rewritten_stays_so(transcript: tuple[str, list[str]]) -> None:
    language, words = transcript
    shown = with_digits("".join(words), language)
    assert with_digits(shown, language) == shown


@given(transcripts())
def test_no_later_word_changes_what_is_settled(transcript: tuple[str, list[str]]) -> None:
    language, words = transcript
    whole = with_digits("".join(words), language)
    for count in range(len(words)):
        text = "".join(words[:count])
        assert whole.startswith(with_digits(text[: settled(text, language)], language))


@given(st.text())
def test_any_text_can_be_rewritten(text: str) -> None:
    for language in VOCABULARY:
        assert 0 <= settled(text, language) <= len(text)
        with_digits(text, language)


def test_a_number_is_held_back_until_a_word_that_ends_it() -> None:
    text = "Take two hundred"
    assert settled(text, "en") == len("Take ")
    assert settled(text + " milligrams", "en") == len("Take ")
    assert settled(text + " milligrams now", "en") == len(text + " milligrams now")
    assert settled(text + ".", "en") == len(text + ".")
    assert settled("每次二百", "zh") == len("每次")
    assert settled("每次二百毫克吧", "zh") == len("每次二百毫克吧")
