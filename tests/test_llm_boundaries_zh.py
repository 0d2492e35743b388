"""Breaks in Chinese: those of a good reader, never inside a word, and final as soon as they are named."""

from __future__ import annotations

import subprocess
import sys
from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from llm.boundaries import Strength, cuts, edges
from llm.boundaries_zh import phrase_breaks, word_gaps
from tests.chinese_phrases import DEVELOPMENT, SENTENCES, TEST, Sentence, agreement

PIECES = (
    *("医生", "建议您", "在", "饭后", "半小时", "服用", "的时候", "血压", "是", "会", "但是", "和", "不要"),
    *("，。、“”（） \n.5人的下"),
    *("2.5", "毫克", "ETF", "周二"),
)
made_up = st.lists(st.sampled_from(PIECES), max_size=40).map("".join)


def phrased(text: str) -> list[str]:
    return [text[start:end] for start, end in pairwise([0, *phrase_breaks(text), len(text)])]


def paused(sentence: Sentence) -> set[int]:
    strong = {cut.offset for cut in cuts(sentence.text, {}) if cut.strength >= Strength.PHRASE}
    return strong - {len(sentence.text)}


def test_the_labelled_sentences_are_well_formed() -> None:
    assert len(SENTENCES) >= 120
    assert len({sentence.text for sentence in SENTENCES}) == len(SENTENCES)
    for sentence in SENTENCES:
        assert 12 <= len(sentence.text) <= 60
        assert sentence.text[-1] in "。？！"
        assert all(0 < offset < len(sentence.text) for offset in sentence.breaks)


@pytest.mark.parametrize("sentences", [DEVELOPMENT, TEST], ids=["development", "test"])
def test_the_breaks_are_a_good_readers(sentences: tuple[Sentence, ...]) -> None:
    marks_alone = agreement(sentences, lambda sentence: sentence.marks)
    found = agreement(sentences, paused)
    assert found.f1 > 0.86 > marks_alone.f1 + 0.1
    assert agreement(sentences, paused, unmarked=True).f1 > 0.7


@pytest.mark.parametrize(
    "phrases",
    [
        ("小朋友们在老师的带领下", "参观了位于市中心的自然博物馆。"),  # after an adverbial
        ("那个穿红色衣服的女孩", "是我妹妹的大学同学。"),  # after a long topic, not in its relative clause
        ("他昨天晚上", "因为工作太累", "所以没有吃晚饭就睡着了。"),  # before connectives
        ("您提前还款的话", "需要支付剩余本金百分之一的违约金，大约是1,500元。"),  # after a condition
        ("科学家们发现", "生活在深海里的某些鱼类", "自己能够发光。"),  # after what is reported
        ("过节前要买新鲜的水果、", "孩子喜欢的零食、", "老人要吃的药。",),  # between long items
        ("请买苹果、香蕉和牛奶。",),  # not between short ones
        ("他的血压有点高。",),  # not in what is said in one breath
    ],
)  # fmt: skip
def test_a_long_clause_breaks_where_its_parts_meet(phrases: tuple[str, ...]) -> None:
    assert phrased("".join(phrases)) == list(phrases)


@given(st.sampled_from([sentence.text for sentence in SENTENCES]) | made_up)
@example("医生医生的时候医生建议您半小时")
def test_a_break_stays_whatever_follows(text: str) -> None:
    final = set(phrase_breaks(text))
    for end in range(len(text)):
        assert final.issuperset(phrase_breaks(text[:end]))


@given(made_up)
def test_every_break_is_a_gap_between_words(text: str) -> None:
    gaps = word_gaps(text, complete=False)
    assert gaps == sorted(set(gaps))
    assert set(phrase_breaks(text)) <= set(gaps) | set(edges(text))
    assert set(word_gaps(text)) <= set(gaps)
    assert all(0 < gap < len(text) for gap in gaps)


@pytest.mark.parametrize(
    "whole",
    [
        "对乙酰氨基酚",
        "腰椎间盘",
        "和平",
        "2.5毫克",
        "三百二十公里",
        "38.5度",
        "3,480元",
        "USB-C",
        "下周二上午",
        "iPhone15",
    ],
)
def test_nothing_cuts_a_word_or_a_number_with_its_unit(whole: str) -> None:
    text = f"医生说{whole}的事情已经办好了。"
    at = text.index(whole)
    surely = dict.fromkeys(range(len(text)), 1.0)
    assert not [cut for cut in cuts(text, surely) if at < cut.offset < at + len(whole)]


def test_a_mark_that_the_decoder_nearly_wrote_breaks_only_between_words() -> None:
    text = "血压计要放在桌子上面"
    assert [cut.offset for cut in cuts(text, {2: 0.9, 3: 0.9})] == [3]
    assert cuts(text, {3: 0.1}) == []


def test_english_needs_no_chinese_dictionary() -> None:
    asks = (
        "from llm.boundaries import cuts, edges; cuts('Rest, (now) x-ray.', {}); edges('Rest, (now) x-ray.')"
    )
    subprocess.run(
        [sys.executable, "-c", f"import sys; {asks}; assert 'rjieba' not in sys.modules"], check=True
    )
