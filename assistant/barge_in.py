"""What a sound during the answer is: an interruption, or a noise, a backchannel, the answer's own echo.

The answer is silent from the first moment of the sound on, so the verdict may take the time to be right:
while somebody speaks, half a word reads as anything ("mm-hmm" as "mom"); when the sound is over, the same
recognizer is right nearly always, and knows it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from difflib import SequenceMatcher
from enum import Enum, auto

from assistant.turn_policy import TurnPolicy, word_set, words_of

ECHO_SHARE = 0.6  # of the words overheard: recognizers misread what a loudspeaker says in a room

# Mean log-probabilities of a token. Of 120 backchannels of seven voices, and as many interruptions ("Why?",
# "How long?", "Say again?"), a sound that is over scored below ENDED_SCORE when misread and above it when
# right, but for one in twenty.
ENDED_SCORE = -0.65
GOING_ON_SCORE = -0.7  # of a sound that goes on, two words or more
GOING_ON_S = 0.2  # of voice: less is no word
BABBLE_SCORE = -1.0  # people talking in the background read as words, below that mostly

_PHRASES = re.compile(r"\b(?:no way|of course|got it|i see|o[ -]?i[ -]?c|go on|thank you|makes sense)\b")
_BACKCHANNELS = word_set(
    "yeah yes yep yup yah right okay ok sure exactly really true great good nice cool fine thanks wow"
    " 嗯 对 好 是 的 哦 啊 噢 呃 行"
)
_BIDS = word_set("well um uh er erm")  # who says so wants to say more
_MURMUR = re.compile(r"[mhuoa]+")  # "mm-hmm", "uh-huh", "oh", "aha", however they are spelled
_STOPS = re.compile(
    r"\b(?:stop|wait|hold on|hang on|pause|enough|be quiet|shut up|no no|one moment|never mind)\b"
    r"|停|等等|等一下|不用了|别说了|够了|打住"
)


@dataclass(frozen=True, slots=True)
class Reading:
    """What a sound during the answer reads as so far."""

    text: str
    score: float  # mean log-probability of a token; -inf: not to be relied on
    ended: bool  # it was over before the reading began, and still is


class Verdict(Enum):
    """What a sound is."""

    WORDS = auto()
    ECHO = auto()


class Sound:
    """One sound during the answer: tell it how long the voice lasts, and what is read."""

    def __init__(self, policy: TurnPolicy) -> None:
        self._policy = policy
        self._speech = False  # it lasted long enough to be one
        self._voiced_s = 0.0  # since then
        self._first = ""  # word of the last reading
        self._judged = False  # it was read to its end, and is no interruption

    def voice(self, voiced_s: float, *, speech: bool) -> None:
        """The voice lasted so much longer, 0: it ceased; `speech`: it is no click."""
        if self._speech:
            self._voiced_s += voiced_s
        self._speech = self._speech or speech
        self._judged = self._judged and voiced_s == 0.0

    def over(self, silence_s: float) -> bool:
        """True when, after so much silence, it was no interruption."""
        if not self._speech:
            return True
        return silence_s >= (self._policy.noise_s if self._judged else self._policy.unread_s)

    def read(self, reading: Reading, saying: str) -> Verdict | None:
        """Judge by a reading; None: not yet, or nothing. `saying`: what the answer says at that time."""
        own = without_echo(reading.text, saying)
        if words_of(reading.text) and not words_of(own):
            return Verdict.ECHO
        said = _units(own)
        new = set(_units(_PHRASES.sub("", own.lower()))) - {word for word in said if _assents(word)}
        again = bool(said) and said[0] == self._first
        self._first = said[0] if said else ""
        if self._speaks(reading, own, new, again):
            return Verdict.WORDS
        self._judged = reading.ended and not (said and said[-1] in _BIDS)
        return None

    def _speaks(self, reading: Reading, own: str, new: set[str], again: bool) -> bool:
        """`own`: its words, `new`: those that are no backchannels, `again`: it began like that before."""
        if asks_to_stop(own) and reading.score >= GOING_ON_SCORE:
            return True
        if len(_units(own)) < self._policy.barge_in_words:
            return False
        if self._voiced_s >= self._policy.barge_in_voiced_s and not is_backchannel(own):
            return reading.score >= BABBLE_SCORE
        if reading.ended:
            return bool(new) and reading.score >= ENDED_SCORE
        return again and len(new) > 1 and reading.score >= GOING_ON_SCORE and self._voiced_s >= GOING_ON_S


def is_backchannel(text: str) -> bool:
    """True for "uh-huh", "right, okay", "I see": at most four words that say "go on"; and for no words."""
    words = _units(_PHRASES.sub("", text.lower()))
    return len(words) <= 4 and all(map(_assents, words))


def _assents(word: str) -> bool:
    return word in _BACKCHANNELS or _MURMUR.fullmatch(word.replace("-", "")) is not None


def asks_to_stop(text: str) -> bool:
    """True for "stop", "wait a moment", "不用了": an answer ends at such words at once."""
    return _STOPS.search(text.lower()) is not None


def without_echo(text: str, saying: str) -> str:
    """What of an overheard `text` is not the assistant's own voice, which says `saying` about that time.

    Most words are, in their order: then all of it is, for the rest are its words misread; unless those ask to
    stop. Fewer are: then somebody speaks, who may repeat some of them.
    """
    heard, said = _units(text), _units(saying)
    blocks = SequenceMatcher(None, heard, said, autojunk=False).get_matching_blocks()
    if sum(block.size for block in blocks) < ECHO_SHARE * len(heard):
        return text
    ends = [0, *(block.a + block.size for block in blocks)]
    rest = " ".join(
        " ".join(heard[end : block.a]) for end, block in zip(ends, blocks, strict=False) if end < block.a
    )
    return rest if asks_to_stop(rest) else ""


def _units(text: str) -> list[str]:
    """Words, of Chinese its characters."""
    return [unit for word in words_of(text) for unit in (word if "\u3400" <= word[0] <= "\u9fff" else [word])]
