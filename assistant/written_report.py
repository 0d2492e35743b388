"""The reports of answers that are written beside conversations: single requests over HTTP, and asides."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from types import TracebackType

from assistant.advice import Advice
from assistant.metrics import Stopwatch
from assistant.reports import Reports
from assistant.turn_report import SessionBegan, SessionEnded, Setting, Status, TurnReport
from llm.engine import Message
from transport.chat_completions import ChatEnd

ASKED_CHARS = 20_000  # of what was asked; the rest of a longer text is not reported
CONTEXT_CHARS = 200_000  # of what came before, in which names are looked for: a second's work of the record
NO_DOMAIN = "(http)"  # of single requests that are under no domain's prompt


class Written:
    """One such answer, while it is made."""

    def __init__(
        self,
        response: str,
        asked: str = "",
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self.response = response
        self.asked = asked
        self.context = ""  # what the client sent before
        self.calls: tuple[str, ...] = ()  # names of the tools asked for
        self.tokens = 0
        self.advice: Advice | None = None
        self._said: list[str] = []
        self._clock = clock
        self._stopwatch = Stopwatch(clock())
        self._at_s = wall()

    def add(self, text: str) -> None:
        """A piece of it leaves."""
        self._said.append(text)
        for moment in ("first_token", "sent"):  # both at once: nothing is held back
            self._stopwatch.mark(moment, self._clock())

    def report(
        self, session_id: str, number: int, setting: Setting, status: Status, reason: str | None
    ) -> TurnReport:
        """Return what is told of it; `number`: in the session."""
        said = "".join(self._said)
        return TurnReport(
            session_id=session_id,
            number=number,
            at_s=self._at_s,
            setting=setting,
            status=status,
            reason=reason,
            modality="text",
            typed=True,
            user_text=self.asked[:ASKED_CHARS],
            said=said,
            heard=said,
            response=self.response,
            calls=self.calls,
            marks=self._stopwatch.as_dict(),
            settled_ms=self._stopwatch.elapsed_ms(self._clock()),
            tokens=self.tokens,
            passages=self.advice.passages if self.advice else (),
            safety=self.advice.safety if self.advice else None,
            aside=True,
            context=self.context[-CONTEXT_CHARS:],
        )


class CompletionReport:
    """Tells of one chat completion, when its block is left, as of a conversation of one turn."""

    def __init__(self, reports: Reports, response: str, domain: str | None = None) -> None:
        """`response`: its id, the conversation's too."""
        self._reports = reports.of(NO_DOMAIN if domain is None else domain)
        self._written = Written(response)
        self._status: Status = "left"

    def __enter__(self) -> CompletionReport:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        failed = isinstance(error, Exception)  # else its reader left
        self._tell("failed" if failed else self._status, str(error) if failed else None)

    def asked(self, messages: Sequence[Message]) -> None:
        """The dialogue as the client sent it: what followed its last answer is the question."""
        last = max((at for at, each in enumerate(messages) if each.role == "assistant"), default=-1)
        question = [each for each in messages[last + 1 :] if each.role != "system"]
        self._written.asked = "\n".join(each.text for each in question)
        self._written.context = "\n".join(each.text for each in messages if each not in question)

    def take(self, piece: str | Advice | ChatEnd) -> None:
        """A piece of the answer leaves, what is told of it, or its end."""
        if isinstance(piece, Advice):
            self._written.advice = piece
        elif isinstance(piece, ChatEnd):
            self._written.tokens = piece.completion_tokens
            self._status = "completed" if piece.finish == "stop" else "incomplete"
        else:
            self._written.add(piece)

    def _tell(self, status: Status, reason: str | None) -> None:
        if not self._reports:
            return
        setting = self._reports.setting
        turn = self._written.report(self._written.response, 1, setting, status, reason)
        self._reports.tell(SessionBegan(turn.session_id, turn.at_s, setting))
        self._reports.tell(turn)
        self._reports.tell(SessionEnded(turn.session_id, turn.at_s + turn.settled_ms / 1000))
