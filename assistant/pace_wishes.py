"""What a listener says about the speaking itself: slower, faster, as usual, once more. English and Chinese.

A clause must be such a wish as a whole, courtesy aside: "slower, please", not "the slower drug".
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum, auto


class Kind(Enum):
    """What is asked for."""

    SLOWER = auto()
    FASTER = auto()
    NORMAL = auto()
    AGAIN = auto()  # it was not understood


@dataclass(frozen=True, slots=True)
class Wish:
    """A wish and how strong it is: 0.5 "a bit", 1, or 2 "much"."""

    kind: Kind
    degree: float = 1.0


LONGEST_CLAUSE = 100  # characters: no wish is as long, and the patterns take time
LONGEST_AGAIN = 60  # characters: in a longer turn "sorry?" and "what?" stand for something else

_CLAUSE = re.compile(r"[.,!?;:—。，！？；：、…\n]+|\b(?:and|but|then)\b")
_LITTLE = r"(?:(?:just )?(?:a (?:little )?bit|a (?:little|touch|tad)|slightly|somewhat))"
_MUCH = r"(?:(?:very |so )?much|a lot|way|far|even)"
_DEGREE = rf"(?:(?:{_LITTLE}|{_MUCH}) )?"
_AFTER = rf"(?: (?:{_LITTLE}|{_MUCH}|please|for me|now|again|than that|thanks|thank you))*"
_SAY = r"(?:(?:speak|talk|go|read|say (?:it|that|this)|repeat (?:it|that|this))(?: again)?(?: to me)?)"
_ADDRESS = (  # who asks so speaks to us; "how can you ..." does not ask us to
    r"(?:(?!(?:how|why|what|when|where|which|who|if|should|do|does|is|are)\b).*\b)?"
    r"(?:please|(?:can|could|would|will) you(?: please| just| maybe)*|"
    r"(?:need|want|like|ask|prefer|appreciate it if|mind if) you(?: to| could)?|would you mind|you can|"
    r"let's|try to|just|ok|okay|hey|sorry|no|well|um|uh|whoa) "
)
_SLOWLY = r"(?:slow(?:er|ly)?|more slowly|less (?:fast|quickly))"
_QUICKLY = r"(?:fast(?:er)?|quick(?:er|ly)|more quickly|less slowly)"
_SPEAK = r"(?:speak|talk|go|read)(?:ing)?"
_YOU = rf"(?:(?:that|this|it) (?:was|is)|(?:that|this)'s|you(?:'re| are| were)?(?: {_SPEAK})?)"
_TOO_FAST = rf"(?:{_YOU} )?{_DEGREE}(?:too|so|very) (?:fast|quick(?:ly)?)"
_TOO_SLOW = rf"(?:{_YOU} )?{_DEGREE}(?:too|so|very) slow(?:ly)?"
_NOT_SO = rf"(?:don't |do not |not )(?:{_SPEAK} )?(?:too|so|that) "
_TEMPO = r"(?:speed|pace|rate|tempo)"

_SLOWER = (
    rf"{_SAY} {_DEGREE}(?:{_SLOWLY})|slow (?:it |that )?down|{_DEGREE}(?:slower|more slowly)|slowly please"
    rf"|{_TOO_FAST}|{_NOT_SO}(?:fast|quick(?:ly)?)|(?:speaking|talking|going) {_DEGREE}(?:{_SLOWLY})"
    rf"|slowing down|i (?:can't|cannot|can not) (?:follow|keep up with) you"
)
_FASTER = (
    rf"{_SAY} {_DEGREE}(?:{_QUICKLY})|speed (?:it |that |things )?up|{_DEGREE}(?:faster|quicker|more quickly)"
    rf"|{_TOO_SLOW}|{_NOT_SO}slow(?:ly)?|(?:speaking|talking|going) {_DEGREE}(?:{_QUICKLY})|speeding up"
    rf"|hurry up|pick up the {_TEMPO}"
)
_NORMAL = (
    rf"{_SAY} (?:normally|as usual|as before)"
    rf"|(?:{_SAY} )?(?:go )?(?:back )?(?:to |at |in )?(?:your |the |a )?(?:normal|usual|regular) {_TEMPO}"
    r"|back to normal"
)
_AGAIN = (
    r"sorry|pardon(?: me)?|excuse me|what|huh|come again|what was that|what did you (?:just )?say"
    r"|(?:say|repeat) (?:that|it)(?: again| once more)?|say again|once more|one more time|repeat"
    r"|i (?:didn't|did not|couldn't|could not) (?:quite |really )?"
    r"(?:(?:catch|get|hear|understand)(?: (?:that|you|it|what you said))?)"
)
_ENGLISH = {
    kind: re.compile(rf"(?:{_ADDRESS}){{0,2}}(?:{core}){_AFTER}")
    for kind, core in (
        (Kind.SLOWER, _SLOWER),
        (Kind.FASTER, _FASTER),
        (Kind.NORMAL, _NORMAL),
        (Kind.AGAIN, _AGAIN),
    )
}
_CALLED = re.compile(r"\b(?:please|you|you're|speak|talk|say|slow (?:it |that )?down|speed (?:it )?up)\b")

_SIMPLIFIED = str.maketrans("說講點讀語復請麼嗎遍沒聽", "说讲点读语复请么吗遍没听")
_ASIDE = re.compile(
    r"请问?|麻烦|拜托|能不能|可不可以|可以|能否|能|您|你|吗|吧|啊|呢|呀|啦|哦|嗯|好的?|行|谢谢|我说|一下"
)
_BIT_ZH = r"(?:很多|得多|一点儿|一点点|一点|一些|点儿|点|些)"
_SAY_ZH = r"(?:(?:说|讲|念|读)(?:话|得|的)?)"
_CHINESE = {
    Kind.SLOWER: re.compile(
        rf"(?:再|稍微|把)?{_SAY_ZH}?再?(?:太快|有点快|快)了|(?:再|稍微)?{_SAY_ZH}?(?:再|稍微)?慢{_BIT_ZH}{_SAY_ZH}?"
        rf"|慢慢地?{_SAY_ZH}|(?:把)?语速(?:太快了?|再?慢{_BIT_ZH}|放慢{_BIT_ZH}?)|放慢(?:语速|速度|{_BIT_ZH})"
        rf"|(?:别|不要){_SAY_ZH}?(?:那么|这么|太)快|{_SAY_ZH}?太快"
    ),
    Kind.FASTER: re.compile(
        rf"(?:再|稍微|把)?{_SAY_ZH}?太慢了?|(?:再|稍微)?{_SAY_ZH}?(?:再|稍微)?快{_BIT_ZH}{_SAY_ZH}?"
        rf"|(?:把)?语速(?:太慢了?|再?快{_BIT_ZH}|加快{_BIT_ZH}?)|加快(?:语速|速度|{_BIT_ZH})"
        rf"|(?:别|不要){_SAY_ZH}?(?:那么|这么|太)慢"
    ),
    Kind.NORMAL: re.compile(
        r"(?:恢复|用|按|以|回到)?(?:正常|平常|原来)的?(?:语速|速度)(?:说|讲|就)?|恢复正常|正常(?:说|讲)(?:话)?"
    ),
    Kind.AGAIN: re.compile(
        r"(?:再|重新)(?:说|讲)一?(?:遍|次)|(?:再)?重复一?(?:遍|次)?|(?:我)?没(?:有)?听(?:清楚?|懂|见|到|明白)"
        r"|什么|(?:刚才|刚刚)?(?:说|讲)(?:的)?(?:是)?什么|(?:刚才|刚刚)说的?我?没听清楚?"
    ),
}
_BARE_ZH = re.compile(r"[太快慢了一点些儿]+")


def wish_in(text: str, *, answering: bool = False) -> Wish | None:
    """What `text`, a whole turn of the user, asks about the speaking; None: nothing. The last wish counts.

    `answering`: it follows a question of ours, so a bare "faster" is the answer to that.
    """
    lowered = text.lower().replace("’", "'").translate(_SIMPLIFIED)
    found = None
    for clause in filter(None, (clause.strip(" \"'“”-") for clause in _CLAUSE.split(lowered))):
        kind = _kind(clause)
        if kind is Kind.AGAIN and (len(text) > LONGEST_AGAIN or not _stands_alone(lowered, clause)):
            continue
        if kind is None or (answering and _bare(lowered, clause)):
            continue
        if found is None or kind is not Kind.AGAIN:  # "slower, what?" asks for more than to hear it again
            found = Wish(kind, _degree(clause))
    return found


def _kind(clause: str) -> Kind | None:
    if len(clause) > LONGEST_CLAUSE:
        return None
    chinese = _ASIDE.sub("", clause.replace(" ", ""))
    for kind, english in _ENGLISH.items():
        if english.fullmatch(clause) or _CHINESE[kind].fullmatch(chinese):
            return kind
    return None


def _stands_alone(text: str, clause: str) -> bool:
    """Whether a "sorry" or "what" is all there is, or the clause says what it wants."""
    asks = {"sorry", "what", "excuse me", "huh", "什么", "pardon", "repeat"}
    if clause not in asks:
        return True
    return all(_kind(other.strip()) is Kind.AGAIN for other in _CLAUSE.split(text) if other.strip()) and (
        clause != "sorry" or "?" in text or "？" in text
    )


def _bare(text: str, clause: str) -> bool:
    """Whether nothing shows that the clause is meant for us."""
    return not _CALLED.search(text) and (clause.isascii() or _BARE_ZH.fullmatch(clause) is not None)


def _degree(clause: str) -> float:
    if re.search(rf"\b{_LITTLE}\b|稍微", clause):
        return 0.5
    return 2.0 if re.search(r"\b(?:much|a lot|way|far)\b|很多|得多", clause) else 1.0
