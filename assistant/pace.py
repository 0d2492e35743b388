"""How fast to speak to one listener. Pure: no clock, no I/O.

What the listener or the client asks for is taken at its word. Until somebody asks, it is learnt, gently:
from how fast the listener speaks, whether they break in early, and whether they ask to hear it again.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from enum import Enum
from statistics import median

from assistant.barge_in import asks_to_stop
from assistant.pace_wishes import Kind, wish_in

SLOWEST, FASTEST = 0.5, 2.0  # that may be asked for: outside, voices are not understood
SLOWEST_LEARNT, FASTEST_LEARNT = 0.8, 1.25
STEP = 0.05  # of what is learnt: the least change of tempo that is noticed (Quené 2007, J. Phonetics 35)
SLACK = 0.045  # a target so near is met: well over half a step, or the pace would go to and fro
ASKED_STEP = 1.15  # "slower": three noticeable steps
LONGEST_PAUSES, SHORTEST_PAUSES = 2.0, 0.5  # times their usual length

# Of the listener's speech. 76 recordings of read English by 45 people have 4.5 syllables in a voiced second
# (median), 5 % below 1.8 or above 5.7; one person's utterances differ by 12 % (standard deviation).
USUAL_SYLLABLES_S = 4.5
LEAST_VOICED_S, LEAST_SYLLABLES = 1.0, 5  # an utterance that says how fast somebody speaks
UTTERANCES = 15  # whose median counts
ENOUGH_UTTERANCES = 4
MOST_MATCHED = 0.1  # by their speech alone

TURNS = 12  # whose reactions count
EARLY_S = 4.0  # of an answer: who breaks in before that has heard enough
HASTE = 0.05  # for each early interruption but the first
CARE = 0.05  # for each time it was not understood

_SYLLABLES = re.compile(r"[aeiouyà-öø-ÿ]+")
_MUTE_E = re.compile(r"[^aeiouyl]e$")
_SPOKEN = re.compile(r"[\u3400-\u9fff]|[^\W\d_\u3400-\u9fff]+(?:['’][^\W\d_]+)*")


class Reaction(Enum):
    """What the listener did about an answer."""

    NONE = "none"
    EARLY = "early"  # broke in soon after its start
    AGAIN = "again"  # did not understand it


@dataclass(frozen=True, slots=True)
class Pace:
    """A speaking rate, and what it is learnt from. Raises ValueError out of the bounds above."""

    asked: float | None = None  # by the listener or the client; None: it is learnt
    learnt: float = 1.0
    speeds: tuple[float, ...] = ()  # syllables in a voiced second of the listener's last utterances
    reactions: tuple[Reaction, ...] = ()  # to the last answers
    reason: str = "the usual pace"  # why the rate is what it is

    def __post_init__(self) -> None:
        if self.asked is not None and not SLOWEST <= self.asked <= FASTEST:
            raise ValueError(f"asked is {self.asked}: a speaking rate is {SLOWEST} to {FASTEST}")
        if not SLOWEST_LEARNT <= self.learnt <= FASTEST_LEARNT:
            raise ValueError(f"learnt is {self.learnt}: it is {SLOWEST_LEARNT} to {FASTEST_LEARNT}")
        if len(self.speeds) > UTTERANCES or len(self.reactions) > TURNS:
            raise ValueError(f"at most {UTTERANCES} speeds and {TURNS} reactions count")
        if not all(0.0 < speed < 100.0 for speed in self.speeds):
            raise ValueError(f"speeds are syllables a second, above 0: {self.speeds}")

    @property
    def rate(self) -> float:
        """Speaking rate: 1.0 is the voice's own, 2.0 twice as fast."""
        return self.learnt if self.asked is None else self.asked

    @property
    def pause_scale(self) -> float:
        """What pauses are multiplied by: slow speech is mostly longer pauses (Goldman-Eisler 1968)."""
        return round(_within(self.rate**-2, SHORTEST_PAUSES, LONGEST_PAUSES), 2)

    def set(self, rate: float) -> Pace:
        """The client wants this rate, at its word as far as voices go."""
        return replace(
            self, asked=_within(rate, SLOWEST, FASTEST), reason=f"the client set the speed to {rate:g}"
        )

    def released(self) -> Pace:
        """The client leaves it to us again."""
        return replace(self, asked=None, reason="the client leaves the speed to the service")

    def heard(
        self, text: str, voiced_s: float = 0.0, *, answering: bool = False, broke_in_s: float | None = None
    ) -> Pace:
        """The listener said `text`, in `voiced_s` of voice (0: typed, or unknown).

        `answering`: to a question of ours. `broke_in_s`: into an answer, of which so much was heard.
        """
        wish = wish_in(text, answering=answering)
        if wish is not None and wish.kind is not Kind.AGAIN:
            return self._asked_for(wish.kind, wish.degree)
        if self.asked is not None:
            return self
        reaction = Reaction.NONE
        if wish is not None:
            reaction = Reaction.AGAIN
        elif broke_in_s is not None and broke_in_s < EARLY_S and not asks_to_stop(text):
            reaction = Reaction.EARLY
        speed = speed_of(text, voiced_s)
        return replace(
            self,
            speeds=(*self.speeds, *([speed] if speed else []))[-UTTERANCES:],
            reactions=(*self.reactions, reaction)[-TURNS:],
        )._drawn()

    def _asked_for(self, kind: Kind, degree: float) -> Pace:
        if kind is Kind.NORMAL:
            return replace(self, asked=1.0, reason="the user asked for the normal pace")
        factor = ASKED_STEP ** (degree if kind is Kind.FASTER else -degree)
        rate = _within(_on_grid(self.rate * factor), SLOWEST, FASTEST)
        word = "faster" if kind is Kind.FASTER else "slower"
        return replace(self, asked=rate, reason=f"the user asked to speak {word}")

    def _drawn(self) -> Pace:
        """One step nearer to what the listener's speech and reactions call for."""
        target, reason = self._target()
        if abs(target - self.learnt) <= SLACK:
            return self
        step = STEP if target > self.learnt else -STEP
        learnt = _within(_on_grid(self.learnt + step), SLOWEST_LEARNT, FASTEST_LEARNT)
        return self if learnt == self.learnt else replace(self, learnt=learnt, reason=reason)

    def _target(self) -> tuple[float, str]:
        matched, reason = 1.0, "the user gets along"
        if len(self.speeds) >= ENOUGH_UTTERANCES:
            speed = median(self.speeds)
            # The square root: people, too, go half the way.
            matched = _within((speed / USUAL_SYLLABLES_S) ** 0.5, 1 - MOST_MATCHED, 1 + MOST_MATCHED)
            reason = f"the user speaks {speed:.1f} syllables a second"
        early, again = (self.reactions.count(each) for each in (Reaction.EARLY, Reaction.AGAIN))
        react = HASTE * max(0, early - 1) - CARE * again
        if abs(react) > abs(matched - 1):
            reason = "the user breaks in early" if react > 0 else "the user asked to hear it again"
        return _within(matched + react, SLOWEST_LEARNT, FASTEST_LEARNT), reason


def speed_of(text: str, voiced_s: float) -> float | None:
    """Syllables in a voiced second; None: too short, or with digits, whose words are not known."""
    if voiced_s < LEAST_VOICED_S or re.search(r"\d", text):
        return None
    count = sum(map(_syllables, _SPOKEN.findall(text.lower())))
    return round(min(count / voiced_s, 20.0), 2) if count >= LEAST_SYLLABLES else None


def _syllables(word: str) -> int:
    """Groups of vowels, without a mute e at the end; a Chinese character is one."""
    groups = len(_SYLLABLES.findall(word))
    return max(1, groups - bool(groups > 1 and _MUTE_E.search(word)))


def _on_grid(rate: float) -> float:
    return round(round(rate / STEP) * STEP, 2)


def _within(value: float, low: float, high: float) -> float:
    return min(max(value, low), high)
