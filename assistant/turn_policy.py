"""When a silence ends a turn, and how long sounds during an answer are given."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, replace

from transport.settings import TurnDetection

# What each kind of evidence adds to the log-odds that a turn is over, near what a logistic regression gives
# it on 194 pauses and ends in 101 recordings of read speech and consultations. The language model says most
# (area under the curve 0.72; smart-turn 0.63, the look of the text 0.64, all together 0.73).
VOICE_WEIGHT = 0.1  # log-odds of how complete it sounds
WORDS_WEIGHT = 0.4  # log-odds of how likely the language model thinks that nothing follows
WHOLE_WEIGHT = 0.8  # the text looks whole
MOST_LOG_ODDS = 5.0  # no single witness is surer than 99 %

# For want of the language model's opinion: what it usually says.
QUESTION_OVER = 0.8
STATEMENT_OVER = 0.05


@dataclass(frozen=True, slots=True)
class TurnPolicy:
    """How long a silence ends a turn: the surer, the shorter.

    On recorded consultations smart-turn rates hesitations ("I took it on, um") below 0.1 and nearly all
    else above 0.3, pauses between two sentences included; only the words tell those from the end.
    """

    eager_s: float = 0.032  # one VAD frame: as soon as the detector says so
    sure_s: float = 0.45  # between two questions of one turn, people pause for up to 0.42 s
    even_s: float = 0.7  # at even odds
    likely_s: float = 0.9  # the longest, if it sounds and reads like a whole sentence
    unsure_s: float = 1.5  # the longest; a pause for thought
    hesitant: float = 0.06  # completeness below which the voice says "I am not done"
    doubtful: float = 0.3  # and below which it does not say much
    resume_s: float = 0.064  # voice that breaks the closing silence: a click, a breath is shorter
    hold_s: float = 0.064  # voice that holds the answer; it goes on when that does not become speech
    barge_in_voiced_s: float = 1.0  # that much voice during the answer is no cough, however unsure the words
    barge_in_words: int = 1  # fewer words do not stop an answer, unless they ask it to
    noise_s: float = 0.15  # silence after which the answer goes on, if the sound was read and is nothing
    unread_s: float = 1.0  # and if it could not be read so soon

    def __post_init__(self) -> None:
        if not 0 < self.eager_s <= self.sure_s <= self.even_s <= self.likely_s <= self.unsure_s:
            raise ValueError(f"waiting times must rise from eager_s to unsure_s, not {self}")
        if self.barge_in_words < 1:
            raise ValueError(f"barge_in_words is {self.barge_in_words}; an interruption has at least 1")

    def wait_s(self, completeness: float | None, text: str, turn_over: float | None = None) -> float:
        """Silence after which `text` is a whole turn.

        `completeness`: the probability by its sound, None: not scored. `turn_over`: the probability by its
        words, None: the language model does not say.
        """
        voice = self.doubtful if completeness is None else completeness
        if voice < self.hesitant:
            return self.unsure_s
        whole = text_is_whole(text)
        if turn_over is None:
            turn_over = QUESTION_OVER if is_question(text) else STATEMENT_OVER
        evidence = (
            VOICE_WEIGHT * _log_odds(voice) + WORDS_WEIGHT * _log_odds(turn_over) + WHOLE_WEIGHT * whole
        )
        longest_s = self.likely_s if whole and voice >= self.doubtful else self.unsure_s
        return min(max(self.even_s * math.exp(-evidence), self.sure_s), longest_s)


def _log_odds(probability: float) -> float:
    least = 1 / (1 + math.exp(MOST_LOG_ODDS))
    within = min(max(probability, least), 1 - least)
    return math.log(within / (1 - within))


def word_set(text: str) -> frozenset[str]:
    """The words of a list that is written as a line."""
    return frozenset(text.split())


# Words that no sentence ends with, and fillers: the speaker goes on.
_OPEN_ENDED = word_set(
    "a an and or but because so if the my your his her their our to of for with from at in on um uh er erm "
    "hmm like that which who when while i'm it's is are was were have has had i than about into as"
)
_SUBORDINATE = word_set(
    "if when because although while since unless after before whenever"
)  # a main clause follows
_FINAL_MARKS = (".", "!", "?", "。", "！", "？")
_SENTENCE = re.compile(r"[^.!?。！？]+")
_WORD = re.compile(r"[^\W_]+(?:['’-][^\W_]+)*")


def words_of(text: str) -> list[str]:
    """Lower-case words of `text`, without punctuation."""
    return [word.lower().replace("’", "'") for word in _WORD.findall(text)]


def is_question(text: str) -> bool:
    """True when the last sentence asks; the recognizer hears that in words and in melody."""
    return text.rstrip().endswith(("?", "？"))


def text_is_whole(text: str) -> bool:
    """False when the words ask for more: no final mark, an open-ended last word, a lone "if ..." clause."""
    last = _SENTENCE.findall(text)[-1:]
    words = words_of(last[0]) if last else []
    if not words or words[-1] in _OPEN_ENDED or not text.rstrip().endswith(_FINAL_MARKS):
        return False
    return words[0] not in _SUBORDINATE or is_question(text) or "," in last[0]


def policy_for(detection: TurnDetection | None, policy: TurnPolicy) -> TurnPolicy:
    """The waiting times under a client's turn detection.

    A silence it asks for is taken at its word; eagerness scales our own times ("low" is patient).
    """
    if detection is None:
        return policy
    if detection.silence_duration_ms is not None:
        silence_s = max(policy.eager_s, detection.silence_duration_ms / 1000)
        return replace(policy, sure_s=silence_s, even_s=silence_s, likely_s=silence_s, unsure_s=silence_s)
    scale = {"low": 2.0, "medium": 1.0, "high": 0.7, "auto": 1.0}[detection.eagerness]
    return replace(
        policy,
        sure_s=policy.sure_s * scale,
        even_s=policy.even_s * scale,
        likely_s=policy.likely_s * scale,
        unsure_s=policy.unsure_s * scale,
    )
