"""Where a reader breaks a Chinese clause without a mark: after a long topic, before a connective.

Marks alone leave clauses of twenty syllables in one breath. A phrase has 4 to 12 of them, and ends where a
topic, an adverbial or a condition does (M. Chu and Y. Qian, "Locating boundaries for prosodic constituents in
unrestricted Mandarin texts", 2001). The lengths and words below were chosen on the development half of
`tests/data/chinese_phrases.txt` and on other sentences.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise, takewhile

from llm.words_zh import HAN, Word, clauses, whole_words

LONG = 13  # syllables that ask for a break on the way
TOPIC = 5  # syllables a topic has before a reader rests after it; a shorter one leans on what follows
SHORTEST = 4  # syllables of any phrase
AHEAD = 8  # syllables to look ahead for the 的 of a relative clause; few are longer

_CONNECTIVES = """
但 但是 可是 不过 因为 所以 如果 而且 并且 然后 除非 否则 却 还是 而是 而不是 即使 哪怕 甚至
"""
# After these a topic or an adverbial is over; after places, if no relative clause follows.
_TOPIC_ENDS = """
时候 之前 以前 之后 以后 之外 以外 以来 期间 之间 以内 之内 来说 来讲 来看 开始 起 时
"""
_PLACES = "后 前 里 里面 中 上 上面 下 内 以上 以下"
# They begin the predicate of the whole clause, seldom that of a relative clause.
_PREDICATES = """
是 会 能 能够 可以 可能 应该 应当 必须 需要 最好 往往 一般 通常 常常 多半 多数 大约 大概
一共 已经 正在 将 就 都 也 才 却 更 只有 不能 不要 不会 没有 千万 尽量 一定 至少 请 不但 不仅
首先 最多 即将 仍然 取决于 就是 虽然 其实 确实 正好 一起 一直 只能 比
"""
_PURPOSES = "来 以便 用来 作为 为"  # they begin a predicate, if not a relative clause
# What they report follows as a clause of its own.
_REPORTS = """
显示 结果显示 建议 规定 决定 以为 觉得 表示 表明 发现 宣布 认为 指出 在于 意味着 说 提醒您
建议您 想清楚 知道
"""
# A phrase ends in none of these.
_LEANING = """
是 的 地 得 在 和 与 及 或 或者 以及 把 被 对 从 向 到 按 按照 根据 由 给 让 使 比 用 为 为了
关于 每 这 那 哪 很 太 最 更 不 没 也 都 就 才 还 又 再 先 只 会 能 要 可 可以 可能 应该
一 个 第 约 超过 低于 高于 不到 将近 大约 大概 大都 直到
"""
CONNECTIVES = frozenset(_CONNECTIVES.split())
TOPIC_ENDS = frozenset(_TOPIC_ENDS.split())
PLACES = frozenset(_PLACES.split())
PREDICATES = frozenset(_PREDICATES.split())
PURPOSES = frozenset(_PURPOSES.split())
REPORTS = frozenset(_REPORTS.split())
LEANING = CONNECTIVES.union(_LEANING.split())
TRAILING = TOPIC_ENDS | PLACES | frozenset("的地得了着过们吗呢吧啊")  # these lean on what is before them
CLOSE = frozenset("给对跟比向用到不没")  # what follows these and its verb go together
# Parts of speech: a topic ends in the first, what is said of it begins with the second.
NOMINAL = frozenset("ntfsejlb")
BEGINNINGS = frozenset("vpdtraz")
PRONOUN = re.compile("[我你您他她它]们?[会要想能在是有]?$")  # a subject, and what its predicate begins with
DAY = re.compile("[今明昨每][天日晚早年月周]")


def phrase_breaks(text: str) -> list[int]:
    """Return where a reader breaks without a mark, or at a 、, in order; certain whatever follows `text`."""
    return [start + offset for start, clause, ended in clauses(text) for offset in _breaks(clause, ended)]


def word_gaps(text: str, *, complete: bool = True) -> list[int]:
    """Return every place between two words one of which is Chinese, in order.

    `complete`: only those that a part may end at. The last word counts when its end has been seen.
    """
    return [
        start + right.start
        for start, clause, ended in clauses(text)
        for left, right in pairwise(whole_words(clause, ended))
        if (HAN.match(left.text) or HAN.match(right.text)) and (not complete or _complete(left, right))
    ]


@lru_cache(maxsize=64)
def _breaks(clause: str, ended: bool) -> tuple[int, ...]:
    """Return the breaks inside a clause, from the left, up to the first that asks for more text."""
    words, first, found = whole_words(clause, ended), 0, list[int]()
    for i in range(1, len(words)):
        verdict = _breaks_at(words[first:i], words[i : i + LONG + AHEAD], ended)
        if verdict is None:
            break
        if verdict:
            found.append(words[i].start)
            first = i
    return tuple(found)


def _breaks_at(before: Sequence[Word], after: Sequence[Word], ended: bool) -> bool | None:
    """Whether a reader breaks here; None when more must be seen. `before` begins at the last break."""
    left, right = before[-1], after[0]
    ahead = (right, *takewhile(lambda word: word.text not in CONNECTIVES, after[1:]))
    n_before, n_after = (sum(word.syllables for word in words) for words in (before, ahead))
    connects = right.text in CONNECTIVES
    if n_before < SHORTEST - connects or not _complete(left, right):
        return False
    unseen = False if ended else None
    if right.text in REPORTS:  # the break comes after it
        return False
    if right.listed:  # only between long items
        last = max((i for i, word in enumerate(before) if word.listed), default=0)
        return _item(before[last:]) >= TOPIC and (_item(after) >= TOPIC or unseen)
    if connects:
        return n_before + sum(word.syllables for word in after) >= LONG - 1 or unseen
    if left.text.endswith("的话"):
        return n_after >= SHORTEST or unseen
    if left.text in REPORTS:
        return n_after >= AHEAD or unseen
    if right.text == "和":
        if n_before < TOPIC or not PREDICATES.isdisjoint(word.text for word in after):
            return False
        return n_before + n_after >= LONG and _last_item(after) if ended else None
    predicate = right.text in PREDICATES and n_before >= TOPIC
    said_of = n_before >= TOPIC and ((_topic(before) and _begins(left, right)) or right.text in PURPOSES)
    if not (left.text in TOPIC_ENDS | PLACES or predicate or said_of):
        return False
    if n_after < SHORTEST or n_before + n_after < LONG:
        return unseen if len(ahead) == len(after) else False
    return left.text in TOPIC_ENDS or predicate or right.tag in "dtrn" or _main(after, ended)


def _complete(left: Word, right: Word) -> bool:
    """Whether a part may end in `left` when `right` comes next."""
    counted = left.tag == "m" and right.text not in PREDICATES and right.text not in CONNECTIVES
    dated = (left.tag in "tq" or left.text in "上下") and right.tag in "tqm"  # 周二上午, 下周二
    nominalised = left.text == "的" and right.text == "是"  # 想到的是
    leans = left.tag in "dpc" or left.text in LEANING or PRONOUN.match(left.text) or right.text in TRAILING
    return nominalised or not (leans or counted or dated)


def _item(words: Sequence[Word]) -> int:
    """Return how many syllables these words have up to the next 、 or 和."""
    rest = takewhile(lambda word: not word.listed and word.text not in ("和", "以及"), words[1:])
    return words[0].syllables + sum(word.syllables for word in rest)


def _topic(words: Sequence[Word]) -> bool:
    """Whether the words are a noun phrase that something will be said of: no verb after its last 的."""
    if words[-1].tag not in NOMINAL:
        return False
    if len(words) > 2 and words[-2].tag == "v" and words[-3].text == "的":  # 医院的消化内科
        return True
    for word in reversed(words):
        if word.text == "的":
            return True
        if word.tag == "v" or word.text in CLOSE or word.text in PREDICATES:
            return False
    return True


def _begins(topic: Word, word: Word) -> bool:
    """Whether what is said of the topic may begin with this word."""
    of_people = topic.text[-1] in "人者们" and word.tag == "n"  # 血糖高的人|早餐最好
    return word.tag in BEGINNINGS or of_people or bool(PRONOUN.match(word.text) or DAY.match(word.text))


def _last_item(words: Sequence[Word]) -> bool:
    """Whether 和 and these, the end of the clause, are a long item: 和提前还款的条件."""
    return _item(words) > TOPIC and any(word.text == "的" for word in words[:-1])


def _main(words: Sequence[Word], ended: bool) -> bool | None:
    """Whether these begin the clause's predicate; None when more must be seen.

    They may begin a relative clause (医生开的药), or say what kind a noun is (黄金抢救时间只有).
    """
    n, verb = 0, words[0].tag == "v"
    for i, word in enumerate(words):
        if i in (1, 2) and verb and word.text in ("了", "着", "过"):
            return True
        if word.text == "的" or (i and verb and (word.text == "为" or word.text in PREDICATES)):
            return False
        n += word.syllables
        if n >= AHEAD:
            return True
    return True if ended else None
