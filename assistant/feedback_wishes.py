"""What a user says about the last answer: it was right or wrong, fluent or choppy. English and Chinese.

A whole turn must be such a judgement, courtesy aside: "that was wrong", not "that was the wrong drug for me".
It changes nothing in the dialogue; it is only kept. What may as well answer a question of ours is none.
"""

from __future__ import annotations

import re

from assistant.turn_report import Rating

LONGEST = 80  # characters of a turn: a judgement is short, and the patterns take time

_CLAUSE = re.compile(r"[.,!?;:—。，！？；：、…\n]+|\b(?:and|but)\b|但是?|而且")
_COURTESY = re.compile(
    r"(?:ok(?:ay)?|yes|yeah|no|well|oh|hm+|um|uh|sorry|thanks?(?: you)?(?: very much| a lot| so much)?"
    r"|great|good|perfect|nice|cool|please|actually|i'm afraid|i think"
    r"|好的?|嗯|谢谢(?:你|您)?|不|不好意思|抱歉|对不起|是的)"
)
_LEAD = r"(?:(?:no|yes|well|sorry|i think|i'm afraid|actually|i'm sure|thanks|ok|okay) )*"
_MUCH = (
    r"(?:(?:really|very|quite|so|totally|completely|absolutely|just|all|a bit|a little|simply|exactly|too) )*"
)
# "is" and "'s" may speak of what is talked about; "was" and "your answer" speak of the answer.
_ANSWER = r"(?:(?:that|this|the|your) (?:last )?(?:answer|reply|response)|what you (?:just )?said)"
_WAS = rf"(?:(?:that|this|it) was|that's|that is|{_ANSWER} (?:is|was)|you(?:'re| are| were))"
_SPEAKER = r"(?:you|(?:your|the) voice|your (?:answer|speech))"
_VOICE = (
    rf"(?:{_SPEAKER} (?:sound(?:s|ed)?|(?:is|are|was|were)(?: sounding)?)|(?:that|it) sounded"
    r"|you're(?: sounding)?)"
)

_RIGHT = rf"{_LEAD}{_WAS} {_MUCH}(?:right|correct|accurate|true)|{_LEAD}you got (?:it|that) right"
_WRONG = (
    rf"{_LEAD}{_WAS} {_MUCH}(?:wrong|incorrect|inaccurate|false|not {_MUCH}(?:right|correct|accurate|true))"
    rf"|{_LEAD}(?:(?:that|this|it|{_ANSWER}) (?:isn't|wasn't)|you(?:'re not| aren't| weren't)) {_MUCH}"
    r"(?:right|correct|accurate|true)"
    rf"|{_LEAD}you got (?:it|that|this) {_MUCH}wrong|(?:wrong|incorrect) answer"
)
_FLUENT = (
    rf"{_LEAD}(?:{_VOICE}|that was) {_MUCH}(?:fluent(?:ly)?|smooth)|{_LEAD}{_VOICE} {_MUCH}natural"
    rf"|{_LEAD}{_SPEAKER} sound(?:s|ed)? {_MUCH}(?:good|great|clear|natural)(?: this time| now)?"
)
_CHOPPY = (
    rf"{_LEAD}{_VOICE} {_MUCH}(?:choppy|jerky|broken(?: up)?|robotic|unnatural|garbled|stuttering|stilted"
    r"|not (?:fluent|smooth|natural))"
    r"|(?:you (?:keep|kept)|you're|you were) (?:breaking|cutting) (?:up|out)"
    r"|you (?:stuttered|broke up|cut out)"
    r"|your voice (?:broke up|cut out|(?:is|was|keeps|kept) (?:breaking|cutting) (?:up|out))"
)
_ENGLISH = tuple(
    (re.compile(pattern), rating)
    for pattern, rating in (
        (_WRONG, Rating(right=False)),
        (_RIGHT, Rating(right=True)),
        (_CHOPPY, Rating(fluent=False)),
        (_FLUENT, Rating(fluent=True)),
    )
)
# Meant for our answer, not for what a question of ours asks about.
_OF_THE_ANSWER = re.compile(rf"\bwas\b|\bwere\b|{_ANSWER}|\byou\b|wasn't|weren't|sound|说|讲|回答|答案|声音")

_SIMPLIFIED = str.maketrans("說講對錯誤確答順暢聲聽謝連", "说讲对错误确答顺畅声听谢连")
_ASIDE = re.compile(
    r"[你您]?刚才|刚刚|这个|这次|那个|我觉得|你|您|好像|非常|很|太|真|挺|有点儿?|都|的|了|啊|呢|呀|吧|哦"
)
_SAID = r"(?:说|讲|回答|答|答案|这|那|说话|声音|语音)"
_CHINESE = tuple(
    (re.compile(pattern), rating)
    for pattern, rating in (
        (rf"{_SAID}(?:得|是)?(?:不对|不正确|不准确|错)|(?:答|说|讲|搞|弄)错|错误答案", Rating(right=False)),
        (rf"{_SAID}(?:得|是)?(?:没错|对|正确|准确)|(?:说|答)对", Rating(right=True)),
        (
            rf"{_SAID}(?:得|是|听起来)?(?:不流利|不流畅|不顺畅?|不连贯|不自然|断断续续|卡|卡顿|一顿一顿)|断断续续",
            Rating(fluent=False),
        ),
        (rf"{_SAID}(?:得|是|听起来)?(?:流利|流畅|顺畅|自然)", Rating(fluent=True)),
    )
)


def rating_in(text: str, *, answering: bool = False) -> Rating | None:
    """What `text`, a whole turn of the user, says about the answer before it; None: nothing.

    `answering`: that answer ended with a question, so a bare "that's right" answers it.
    """
    if len(text) > LONGEST:
        return None
    lowered = text.lower().replace("’", "'").translate(_SIMPLIFIED)
    if answering and not _OF_THE_ANSWER.search(lowered):
        return None
    if lowered.rstrip().endswith(("?", "？")):  # "was that right?" wants to know
        return None
    found = Rating()
    for clause in filter(None, (clause.strip(" \"'“”-") for clause in _CLAUSE.split(lowered))):
        if _COURTESY.fullmatch(clause):
            continue
        if (rating := _judgement(clause)) is None:
            return None
        found = found.then(rating)
    return found if found != Rating() else None


def _judgement(clause: str) -> Rating | None:
    for pattern, rating in _ENGLISH:
        if pattern.fullmatch(clause):
            return rating
    chinese = _ASIDE.sub("", clause.replace(" ", ""))
    for pattern, rating in _CHINESE:
        if pattern.fullmatch(chinese):
            return rating
    return None
