"""Turn-taking: who may speak now. Pure: no clock, no I/O; time is samples received.

    LISTENING ──ONSET──▶ SPEAKING ──PAUSE──▶ CLOSING ──LAPSE──▶ REPLYING ──ENDED──▶ LISTENING
                            ▲                   │                ▲    │
                            ├──────VOICE────────┘          NOISE │    │ ONSET
                            └─────────────WORDS──────────────── DUCKED ◀

While CLOSING, the answer is already being computed (PREPARE) but nothing leaves the server. It leaves at
LAPSE: when the silence is long enough for what was said, *and* there is something to say. Speech before that
costs the user nothing: the prepared answer is withdrawn.
"""

from __future__ import annotations

from enum import Enum, auto

from assistant.barge_in import Reading, Sound, Verdict, without_echo
from assistant.turn_policy import TurnPolicy, words_of


class State(Enum):
    """Whose turn it is."""

    LISTENING = auto()  # nobody speaks
    SPEAKING = auto()  # the user speaks
    CLOSING = auto()  # the user fell silent; the answer is prepared, held back
    REPLYING = auto()  # the turn is the assistant's: it speaks, or is about to
    DUCKED = auto()  # the user made a sound during the answer; not yet known whether it is words


class Event(Enum):
    """What changes it."""

    ONSET = auto()  # voice began
    PAUSE = auto()  # voice ceased for `TurnPolicy.eager_s`
    VOICE = auto()  # voice again, before the turn was over
    LAPSE = auto()  # the silence says that the turn is over, and the answer is ready
    NOTHING = auto()  # the utterance held no words
    WORDS = auto()  # the sound during the answer was words
    NOISE = auto()  # the sound during the answer was a noise or a backchannel
    ENDED = auto()  # the answer was played to its end, or failed
    COMMIT = auto()  # the client ended the user's turn by hand
    CLEAR = auto()  # the client threw away the open audio
    REQUEST = auto()  # the client (or a typed message) asked for an answer
    CANCEL = auto()  # the client cancelled the answer


class Action(Enum):
    """What the session does about it."""

    OPEN = auto()  # start an utterance, and say so
    PREPARE = auto()  # eagerly: final transcript, completeness, answer
    WITHDRAW = auto()  # throw the prepared answer away
    CONFIRM = auto()  # the turn is over: let the answer out
    DROP = auto()  # close the utterance without a turn
    ANSWER = auto()  # answer the dialogue as it stands
    DUCK = auto()  # hold the answer's audio back
    RESUME = auto()  # go on from the same sample
    STOP = auto()  # the user broke in: stop the answer; keep what was heard
    ABORT = auto()  # the client asked to stop the answer


_S, _E, _A = State, Event, Action

TABLE: dict[tuple[State, Event], tuple[State, tuple[Action, ...]]] = {
    (_S.LISTENING, _E.ONSET): (_S.SPEAKING, (_A.OPEN,)),
    (_S.LISTENING, _E.COMMIT): (_S.REPLYING, (_A.PREPARE, _A.CONFIRM)),
    (_S.LISTENING, _E.REQUEST): (_S.REPLYING, (_A.ANSWER,)),
    (_S.SPEAKING, _E.PAUSE): (_S.CLOSING, (_A.PREPARE,)),
    (_S.SPEAKING, _E.COMMIT): (_S.REPLYING, (_A.PREPARE, _A.CONFIRM)),
    (_S.SPEAKING, _E.CLEAR): (_S.LISTENING, (_A.DROP,)),
    (_S.SPEAKING, _E.REQUEST): (_S.REPLYING, (_A.PREPARE, _A.CONFIRM)),
    (_S.CLOSING, _E.VOICE): (_S.SPEAKING, (_A.WITHDRAW,)),
    (_S.CLOSING, _E.LAPSE): (_S.REPLYING, (_A.CONFIRM,)),
    (_S.CLOSING, _E.COMMIT): (_S.REPLYING, (_A.CONFIRM,)),
    (_S.CLOSING, _E.NOTHING): (_S.LISTENING, (_A.WITHDRAW, _A.DROP)),
    (_S.CLOSING, _E.CLEAR): (_S.LISTENING, (_A.WITHDRAW, _A.DROP)),
    (_S.CLOSING, _E.REQUEST): (_S.REPLYING, (_A.CONFIRM,)),
    (_S.REPLYING, _E.ONSET): (_S.DUCKED, (_A.DUCK,)),
    (_S.REPLYING, _E.ENDED): (_S.LISTENING, ()),
    (_S.REPLYING, _E.NOTHING): (_S.LISTENING, (_A.STOP,)),
    (_S.REPLYING, _E.CANCEL): (_S.LISTENING, (_A.ABORT,)),
    (_S.REPLYING, _E.COMMIT): (_S.REPLYING, (_A.STOP, _A.PREPARE, _A.CONFIRM)),
    (_S.DUCKED, _E.WORDS): (_S.SPEAKING, (_A.STOP, _A.OPEN)),
    (_S.DUCKED, _E.NOISE): (_S.REPLYING, (_A.RESUME,)),
    (_S.DUCKED, _E.ENDED): (_S.SPEAKING, (_A.OPEN,)),
    (_S.DUCKED, _E.CANCEL): (_S.SPEAKING, (_A.ABORT, _A.OPEN)),
    (_S.DUCKED, _E.COMMIT): (_S.REPLYING, (_A.STOP, _A.OPEN, _A.PREPARE, _A.CONFIRM)),
}
"""What is not in the table changes nothing: a late result of something already withdrawn."""


class Turns:
    """The turn state of one conversation. Tell it what happened; perform the actions it returns, in order."""

    def __init__(self, policy: TurnPolicy) -> None:
        self.policy = policy
        self.state = State.LISTENING
        self.silence_s = 0.0  # since the last voiced frame
        self._voiced_s = 0.0  # voice since the closing silence was broken
        self._sound = Sound(policy)  # during the answer
        self._completeness: float | None = None  # of the closing utterance
        self._text: str | None = None  # its transcript
        self._ready = False  # its answer could be heard at once
        self._turn_over: float | None = None  # the probability that it is a whole turn, by its words
        self.echoes = False  # the answer was heard back: its own sound is no reason to hold it back

    def voice(
        self, speaking: bool, silence_s: float, frame_s: float, voiced_s: float = 0.0
    ) -> tuple[Action, ...]:
        """One VAD frame of `frame_s`: is the user `speaking`, and how long since the last voiced frame.

        `voiced_s`: how long there is voice in a row, which need not be speech yet.
        """
        self.silence_s = silence_s
        voiced = speaking and silence_s == 0.0
        if self.state is State.LISTENING:
            return self._step(Event.ONSET) if voiced else ()
        if self.state is State.REPLYING:
            if not voiced and voiced_s < self.policy.hold_s:
                return ()
            actions = self._step(Event.ONSET)
            self._sound.voice(frame_s, speech=voiced)
            return actions
        if self.state is State.SPEAKING:
            return self._step(Event.PAUSE) if silence_s >= self.policy.eager_s else ()
        if self.state is State.CLOSING:
            self._voiced_s = self._voiced_s + frame_s if voiced else 0.0
            return self._step(Event.VOICE) if self._voiced_s >= self.policy.resume_s else self._lapse()
        rising = voiced or voiced_s >= self.policy.hold_s
        self._sound.voice(frame_s if rising else 0.0, speech=voiced)
        return self._step(Event.NOISE) if self._sound.over(silence_s) else ()

    def waited(self, silence_s: float) -> tuple[Action, ...]:
        """Between two frames: so long since the last voiced one, for all that is known."""
        self.silence_s = max(self.silence_s, silence_s)
        return self._lapse()

    def scored(self, completeness: float) -> tuple[Action, ...]:
        """The closing utterance sounds complete with this probability."""
        self._completeness = completeness
        return self._lapse()

    def transcribed(self, text: str, said: str = "") -> tuple[Action, ...]:
        """The closing utterance's words; `said`: an answer's last ones, if it has only just ended."""
        if not words_of(without_echo(text, said) if self.echoes else text):
            return self._step(Event.NOTHING)
        self._text = text
        return self._lapse()

    def answer_ready(self, turn_over: float | None = None) -> tuple[Action, ...]:
        """The prepared answer has something to say, or failed.

        `turn_over`: the probability, by its words, that what it answers is a whole turn; None: unknown.
        """
        self._ready, self._turn_over = True, turn_over
        return self._lapse()

    def overheard(self, reading: Reading, saying: str = "") -> tuple[Action, ...]:
        """What the sound during the answer reads as so far; `saying`: what the answer says at that time."""
        if self.state is not State.DUCKED:
            return ()
        verdict = self._sound.read(reading, saying)
        if verdict is Verdict.ECHO:
            self.echoes = True
            return self._step(Event.NOISE)
        return self._step(Event.WORDS) if verdict is Verdict.WORDS else ()

    def tell(self, event: Event) -> tuple[Action, ...]:
        """What is no inference: COMMIT, CLEAR, REQUEST, CANCEL of the client, ENDED of the answer."""
        return self._step(event)

    def _lapse(self) -> tuple[Action, ...]:
        if self.state is not State.CLOSING or self._text is None or not self._ready:
            return ()
        wait_s = self.policy.wait_s(self._completeness, self._text, self._turn_over)
        return self._step(Event.LAPSE) if self.silence_s >= wait_s else ()

    def _step(self, event: Event) -> tuple[Action, ...]:
        self.state, actions = TABLE.get((self.state, event), (self.state, ()))
        if Action.PREPARE in actions:
            self._completeness, self._text, self._ready = None, None, False
            self._voiced_s = 0.0
        if Action.DUCK in actions:
            self._sound = Sound(self.policy)
        return actions
