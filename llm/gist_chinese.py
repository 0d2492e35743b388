"""The two wordings of a Chinese question, made alike. Every character that is left counts, in its place."""

from __future__ import annotations

import re

HAN = "[\u3400-\u4dbf\u4e00-\u9fff]"
PAUSE = re.compile(rf"(?<={HAN}) (?={HAN})")  # a space between characters is a pause: 不，疼 is not 不疼
# 你好像: you seem to; 医生说: the doctor said. Neither is a greeting.
GREETING = re.compile(
    r"^(?:[你您]好(?:医生|大夫)?(?:[,.! ]+|(?=请问|我))|(?:医生|大夫)[,.! ]+|[嗯呃][,. ]+"
    r"|麻烦问一下[, ]*|请问(?:一下)?[, ]*|我?想(?:咨询|请问|问)一下[, ]*|我想知道[, ]*)+"
)
THANKS = re.compile(r"[,.?! ]*(?:谢谢|多谢)(?:[你您]|医生|大夫)?$")
HOW = re.compile(r"如何|怎样(?!的)")
# 能不能吃, 能吃吗: verb-not-verb asks what the verb with 吗 asks. 不会不会 does not.
VERB_NOT_VERB = re.compile(r"(?<!不)([能可会是要该应需])不\1|有没有")
SOFT_END = re.compile(r"(?<=.)[呢啊呀]$")  # after a question word, in 怎么办呢, it only softens
QUESTION_WORD = re.compile(r"(?<![不没])怎么(?!样)|为什么|多少")  # 不怎么疼 and 没什么 do not ask


def asks_in_chinese(sentence: str) -> bool:
    """Whether the words ask, so that a question mark behind them adds nothing."""
    return bool(sentence.endswith("吗") or QUESTION_WORD.search(sentence) or VERB_NOT_VERB.search(sentence))


def without_courtesy(text: str) -> str:
    """Leave out greetings and thanks, unless there is nothing else."""
    return THANKS.sub("", GREETING.sub("", text)) or text


def plain_chinese(sentence: str) -> str:
    """Give one wording to the forms that a question has. `sentence` has no mark at its end."""
    sentence = HOW.sub("怎么", PAUSE.sub(",", sentence.replace("您", "你")))
    if VERB_NOT_VERB.search(sentence):
        sentence = VERB_NOT_VERB.sub(lambda found: found[1] or "有", sentence).removesuffix("吗") + "吗"
    return SOFT_END.sub("", sentence) if QUESTION_WORD.search(sentence) else sentence
