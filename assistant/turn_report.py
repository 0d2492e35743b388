"""What is told of a conversation to whoever keeps, counts or draws it: frozen, and made once.

Times of a turn are in ms after the user's last voiced sample; a typed turn counts from its request.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, Protocol

# How a turn ended. `left`: the client went away before all was heard; `unanswered`: the client wanted the
# words alone; `withdrawn`: the user went on, so there was no turn, and its answer is thrown away.
Status = Literal[
    "completed", "incomplete", "interrupted", "cancelled", "failed", "left", "unanswered", "withdrawn"
]
By = Literal["client", "voice", "text", "chat"]  # who rated: a button, the user's own words, a command


@dataclass(frozen=True, slots=True)
class Setting:
    """What all turns of a service have in common."""

    domain: str
    model: str
    recognizer: str | None = None  # None: it does not listen
    voice: str | None = None  # None: it does not speak


@dataclass(frozen=True, slots=True)
class SessionBegan:
    """A client connected."""

    session_id: str
    at_s: float  # Unix time, here and below
    setting: Setting


@dataclass(frozen=True, slots=True)
class SessionEnded:
    """It left."""

    session_id: str
    at_s: float


@dataclass(frozen=True, slots=True)
class TurnReport:
    """One turn, from the user's words to the last word heard of the answer."""

    session_id: str
    number: int  # in the session, from 1; 0: withdrawn
    at_s: float  # when the user had said the last of it: 0 of the times in ms
    setting: Setting
    status: Status
    reason: str | None  # why it failed, or was cancelled
    modality: Literal["audio", "text"]  # of the answer
    typed: bool  # the user's words were written, not spoken
    user_text: str
    said: str  # what was generated
    heard: str  # and what reached the ear of it
    user_item: str | None = None  # ids on the wire
    response: str | None = None
    item: str | None = None
    calls: tuple[str, ...] = ()  # names of the tools asked for
    pace: float = 1.0  # speaking rate
    marks: Mapping[str, float] | None = None  # metrics.TurnTimings, what happened of it
    settled_ms: float = 0.0  # the end of it all
    voiced_s: float = 0.0  # the user's voice; 0: unknown
    audio_s: float = 0.0  # made of the answer
    heard_s: float = 0.0
    underruns: int = 0  # times that the answer's sound was not made in time
    acknowledged: bool = False  # the client told what it played; else that is an estimate
    held: int = 0  # sounds during the answer that silenced it
    resumed: int = 0  # of those, false alarms
    tokens: int = 0
    thinking_s: float = 0.0  # the language model's time for them
    passages: tuple[str, ...] = ()  # ids of the knowledge that was used
    safety: str | None = None  # kind of a red flag that was noticed
    aside: bool = False  # beside a conversation: a request over HTTP, or a response out of band
    context: str = ""  # what a client sent before: names in it are taken out of the rest; it is not kept

    @property
    def v2v_ms(self) -> float | None:
        """Voice to voice, as the service sees it: until the first audible sample was given to the wire."""
        if self.typed or self.modality != "audio" or self.marks is None:
            return None
        return self.marks.get("sent_ms")

    @property
    def tokens_per_s(self) -> float | None:
        """How fast the language model was; None: it was not asked."""
        return self.tokens / self.thinking_s if self.tokens and self.thinking_s > 0 else None


@dataclass(frozen=True, slots=True)
class Rating:
    """Was it fluent, was it right? None: not said."""

    fluent: bool | None = None
    right: bool | None = None
    comment: str | None = None

    def then(self, later: Rating) -> Rating:
        """What stands after a later word: what that leaves out."""
        return Rating(
            self.fluent if later.fluent is None else later.fluent,
            self.right if later.right is None else later.right,
            self.comment if later.comment is None else later.comment,
        )


@dataclass(frozen=True, slots=True)
class Feedback:
    """What stands of a user's opinion on a turn."""

    turn: TurnReport
    rating: Rating
    by: By
    at_s: float


Report = SessionBegan | SessionEnded | TurnReport | Feedback


class Sink(Protocol):
    """Keeps, counts or draws reports. Called on the event loop: what takes long is left to a thread."""

    def take(self, report: Report) -> None:
        """Take one report, in the order of events."""

    def close(self) -> None:
        """No more will come: finish what was begun."""
