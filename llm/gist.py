"""What a question asks, in words that can be compared: what never changes a meaning is made alike.

Every other word counts, in its place: an article (the pill, a pill), a plural (for a week, for weeks), a
comma (no, more pain; no more pain). Two questions that this module makes equal are the same question,
whatever they are about; so it needs no list of drugs, body parts or opposites, which would have gaps.
"""

from __future__ import annotations

import re
import unicodedata

from llm.gist_chinese import HAN, asks_in_chinese, plain_chinese, without_courtesy

# Full-width forms and typographic marks, as they are typed elsewhere.
PLAIN = {code: chr(code - 0xFEE0) for code in range(0xFF01, 0xFF5F)} | str.maketrans(
    {"　": " ", "’": "'", "‘": "'", "。": ". ", "？": "? ", "！": "! ", "、": ","}
)
END_MARKS = " .!?,;…~"
LETTERS = rf"(?:(?!{HAN})[^\W\d_])+"
TOKEN = re.compile(rf"{HAN}|\.?\d+(?:[.,:/]\d+)*|{LETTERS}(?:['-]{LETTERS})*|\S")  # .5 keeps its point
SENTENCE_END = re.compile(r" ?([.?!])(?: |$)")

QUESTION_WORDS = {"what", "which", "who", "whose", "when", "where", "why", "how"}
AUXILIARIES = {"is", "was", "can", "could", "should", "must", "may", "might", "will", "would", "shall"}
ASK_FIRST = QUESTION_WORDS | AUXILIARIES | {"do", "did"}
SUBJECTS = {"i", "we", "you", "he", "she", "it", "they", "my", "our"}

# With its subject, which counts.
AGREEMENT = {"does": "do", "are": "is", "am": "is", "has": "have", "were": "was"}
SPELLINGS = {"cannot": "can not", "can't": "can not", "won't": "will not", "okay": "ok", "OK": "ok"}
SUFFIXES = {"n't": " not", "'re": " are", "'m": " am", "'ve": " have", "'ll": " will"}
SHORT_IS = QUESTION_WORDS | {"it", "that", "there"}  # what's; of others, 's may be the owner's

_UNITS = ("two", "three", "four", "five", "six", "seven", "eight", "nine")
_TENS = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
COUNTS = {word: str(n) for n, word in enumerate(_UNITS, start=2)}
# After these, a count is the end of a longer number.
NUMBERS = {"one", *_UNITS, *_TENS, "hundred", "thousand", "million", "billion", "point"}

FILLERS = re.compile(r"(?<!\S)(?:please|um|uh|uhm|erm)(?!\S)(?: ,)? ?")
_CLAUSE = "|".join(sorted(ASK_FIRST | SUBJECTS | {"tell", "explain"}))
# The first kind before a pause or a clause: "good morning sickness" and "hey fever" are no greetings.
# The second before a pause only: "so do I" is no question.
GREETING = re.compile(
    r"^(?:(?:hi|hello|hey|good (?:morning|afternoon|evening)|sorry|excuse me)(?: doctor)?"
    rf"(?: [,.!] | (?=(?:{_CLAUSE})\b))"
    r"|(?:so|ok|well|hi there|hello there|doctor|thanks|thank you) [,.!] )+"
)
_AT_END = r"(?= \?$|$)"
THANKS = re.compile(rf"(?: [,.!])* (?:thanks|thank you)(?: very much| so much| a lot)?(?: doctor)?{_AT_END}")
LOOSE_COMMA = re.compile(rf"(?: ,)+{_AT_END}")  # that a courtesy stood behind
FRAME = re.compile(
    r"(?:(?:(?:can|could|would|will) you )?(?:tell me|explain(?: to me)?|let me know)"
    r"|i (?:want|need|would like) to know|i'd like to know|i (?:was|is) wondering|i wonder|do you know"
    r"|(?:can|could|may) i ask(?: you)?) "
)
_AUX = rf"({'|'.join(sorted(AUXILIARIES))})\b"
_ASKED = r"((?:what|which|who|when|where|why|how)(?: (?!(?:if|when|that|after|before)\b)\S+){0,2}?)"
# What follows a frame, and how it is asked without one.
DIRECT = (
    (re.compile(rf"(?:if|whether) (i|we|you|he|she|they|it) {_AUX}"), r"\2 \1"),
    (re.compile(r"(?:if|whether) (i|we|you|they) (?=(?:need|have)\b)"), r"do \1 "),
    (re.compile(rf"{_ASKED} (i|we|you|he|she|they) {_AUX}"), r"\1 \3 \2"),
    (re.compile(rf"{_ASKED} (i|we|you|they) (?=(?:need|have)\b)"), r"\1 do \2 "),
    (re.compile(r"(what|who|where) (?!is )(.+) is$"), r"\1 is \2"),
    (re.compile(r"(what|which|who|why|how) "), r"\1 "),  # not "when": "when it hurts" may be an answer
)
HOW = re.compile(r"^how (?:to|can i)\b")


def normalised(question: str) -> str:
    """Make case, spaces and final punctuation alike.

    A word in capitals keeps them (AIDS is not aids), and a question mark stays where the words do not ask.
    """
    text = unicodedata.normalize("NFC", question).translate(PLAIN)
    shouted = text.upper() == text
    text = " ".join((text.casefold() if shouted else re.sub(LETTERS, _lower, text)).split())
    body = text.rstrip(END_MARKS)
    asked = "?" in text[len(body) :] and not _asks(SENTENCE_END.split(_words(body))[-1])
    return f"{body}?" if asked else body or text


def gist(question: str) -> tuple[str, ...]:
    """Return the words of the question in order, each sentence with its mark, without what is courtesy."""
    words = _without_courtesy(_words(normalised(question)))
    parts = [*SENTENCE_END.split(words), "."]  # a sentence, its mark, and so on
    said = zip(parts[::2], parts[1::2], strict=True)
    return tuple(word for sentence, mark in said if sentence for word in _marked(_direct(sentence), mark))


def _lower(found: re.Match[str]) -> str:
    word = found[0]
    return word if word.isupper() and len(word) > 1 else word.casefold()


def _words(text: str) -> str:
    """Return the words with a space between them, long forms for short ones."""
    words: list[str] = []
    for token in TOKEN.findall(_plain_chinese(text)):
        for word in _long_form(token).split():
            counts = word in COUNTS and not (words and _is_number(words[-1]))
            words.append(COUNTS[word] if counts else AGREEMENT.get(word, word))
    return " ".join(words)


def _plain_chinese(text: str) -> str:
    if not re.search(HAN, text):
        return text
    parts = re.split(r"([.?!](?: |$))", without_courtesy(text))  # a sentence, its mark, and so on
    return "".join(plain_chinese(part) if at % 2 == 0 else part for at, part in enumerate(parts))


def _is_number(word: str) -> bool:
    return word in NUMBERS or word[-1].isdigit()


def _long_form(token: str) -> str:
    if token in SPELLINGS:
        return SPELLINGS[token]
    for suffix, word in SUFFIXES.items():
        if token.endswith(suffix):
            return token.removesuffix(suffix) + word
    word, short, _ = token.partition("'s")
    return f"{word} is" if short and word in SHORT_IS else token


def _without_courtesy(words: str) -> str:
    for courtesy in (FILLERS, GREETING, LOOSE_COMMA, THANKS):
        words = courtesy.sub("", words).rstrip() or words
    return words


def _direct(sentence: str) -> str:
    """Turn a question inside a polite frame into the question itself."""
    if frame := FRAME.match(sentence):
        clause = sentence[frame.end() :]
        for pattern, order in DIRECT:
            if pattern.match(clause):
                sentence = pattern.sub(order, clause, count=1)
                break
    return HOW.sub("how do i", sentence)


def _asks(sentence: str) -> bool:
    """Whether the words ask, so that a question mark adds nothing."""
    first, _, _ = sentence.partition(" ")
    return first in ASK_FIRST or asks_in_chinese(sentence.replace(" ", ""))


def _marked(sentence: str, mark: str) -> list[str]:
    return [*sentence.split(), "?" if mark == "?" or _asks(sentence) else "."]
