"""The reports of one session: each turn once it is settled, and what the user thinks of its answer."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import replace

from assistant.answer import Answer
from assistant.feedback_wishes import rating_in
from assistant.reports import Reports
from assistant.turn_report import By, Feedback, Rating, SessionBegan, SessionEnded, Status, TurnReport
from assistant.written_report import Written
from transport.events import FeedbackGiven
from transport.protocol import RealtimeProtocol

RATED_ANSWERS = 32  # that can be rated, the last ones; see docs/protocol.md
TYPED_CHARS = 20_000  # of what was typed before an answer; the rest of a longer text is not reported


class SessionReports:
    """Numbers the turns, and remembers the last ones: a rating may come late."""

    def __init__(
        self,
        reports: Reports,
        wire: RealtimeProtocol,
        clock: Callable[[], float],
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._reports = reports
        self._wire = wire
        self._clock = clock
        self._wall = wall
        self._number = 0
        self._typed = ""  # by the user, since the last answer
        self._rated: OrderedDict[str, tuple[TurnReport, Rating]] = OrderedDict()  # by response
        self._early: dict[str, tuple[Rating, By]] = {}  # of the open answer's response
        self._begun = False

    def begin(self) -> None:
        """The session begins: the client is told what is kept of it."""
        self._begun = True
        if self._reports.record_days is not None:
            self._wire.notice("liushui.recording", days=self._reports.record_days)
        if self._reports.feedback:
            self._wire.notice("liushui.feedback.wanted")
        self._reports.tell(SessionBegan(self._wire.session_id, self._wall(), self._reports.setting))

    def end(self) -> None:
        """The session is over."""
        if self._begun:
            self._reports.tell(SessionEnded(self._wire.session_id, self._wall()))

    def typed(self, text: str) -> None:
        """The user wrote so."""
        if self._reports:
            self._typed = f"{self._typed}\n{text}".strip()[:TYPED_CHARS]
            self.said(text, "text")

    def said(self, text: str, by: By = "voice") -> None:
        """The user said so, and it stands: it may be about the last answer."""
        if not (self._reports.feedback and self._rated):
            return
        response, (turn, _) = next(reversed(self._rated.items()))
        rating = rating_in(text, answering=turn.said.rstrip().endswith(("?", "？")))
        if rating is not None:
            self._rate(response, rating, by)

    def rate(self, command: FeedbackGiven, answer: Answer | None) -> None:
        """The client tells what the user thinks of an answer; `answer` is the open one."""
        rating = Rating(command.fluent, command.right, command.comment)
        if not self._reports.feedback:
            message = "this service keeps no feedback: it has to be started with --feedback or --record"
            self._wire.error(message, "feedback_not_kept", command.event_id)
        elif command.response_id in self._rated:
            self._rate(command.response_id, rating, "client")
        elif answer is not None and answer.response == command.response_id:
            before, _ = self._early.get(command.response_id, (Rating(), "client"))
            self._early[command.response_id] = before.then(rating), "client"
            self._tell_saved(command.response_id, before.then(rating), "client")
        else:
            message = f"response_id {command.response_id!r} is none of the last {RATED_ANSWERS} answers"
            self._wire.error(message, "response_not_found", command.event_id, param="response_id")

    def settled(self, answer: Answer, heard: str, reason: str | None) -> None:
        """The turn is over; `reason`: why the answer was stopped, None: it was not."""
        if self._reports:
            self._tell(answer, _status(answer, reason), heard, reason)

    def withdrawn(self, answer: Answer) -> None:
        """The user went on, or else the client left in the middle of the answer."""
        if self._reports:
            now_s = self._clock()
            self._tell(answer, "left" if answer.confirmed else "withdrawn", answer.heard(now_s), None)

    def aside(self, written: Written, status: Status, reason: str | None = None) -> None:
        """A response out of band is over. No words of the user rate it: it was no answer to any."""
        if self._reports:
            self._number += 1
            report = written.report(
                self._wire.session_id, self._number, self._reports.setting, status, reason
            )
            self._reports.tell(report)

    def _tell(self, answer: Answer, status: Status, heard: str, reason: str | None) -> None:
        counts = status != "withdrawn"
        self._number += counts
        typed = answer.user_text is None
        now_s, playback, reply, setting = self._clock(), answer.playback, answer.reply, self._reports.setting
        settled_ms = answer.stopwatch.elapsed_ms(now_s)
        report = TurnReport(
            session_id=self._wire.session_id,
            number=self._number if counts else 0,
            at_s=self._wall() - settled_ms / 1000,
            setting=replace(setting, voice=answer.voice) if answer.voice else setting,
            status=status,
            reason=str(answer.error) if answer.error is not None else reason,
            modality=answer.modality,
            typed=typed,
            user_text="\n".join(filter(None, (self._typed, answer.user_text))),
            said=playback.said,
            heard=heard,
            user_item=answer.user_item,
            response=answer.response,
            item=answer.item,
            calls=tuple(call.name for call in answer.calls.calls),
            pace=answer.pace,
            marks=answer.stopwatch.as_dict(),
            settled_ms=settled_ms,
            voiced_s=answer.voiced_s,
            audio_s=playback.length_s,
            heard_s=playback.playhead_s(now_s),
            underruns=playback.underruns,
            acknowledged=playback.acknowledged,
            held=answer.held,
            resumed=answer.resumed,
            tokens=reply.tokens if reply else 0,
            thinking_s=reply.thinking_s if reply else 0.0,
            passages=answer.passages,
            safety=answer.safety,
        )
        self._reports.tell(report)
        if counts:
            self._typed = ""
            self._remember(report)

    def _remember(self, turn: TurnReport) -> None:
        if turn.response is None:
            return
        self._rated[turn.response] = turn, Rating()
        if len(self._rated) > RATED_ANSWERS:
            self._rated.popitem(last=False)
        early = self._early.pop(turn.response, None)
        if early is not None:
            self._keep(turn.response, *early)

    def _rate(self, response: str, rating: Rating, by: By) -> None:
        self._tell_saved(response, self._keep(response, rating, by), by)

    def _keep(self, response: str, rating: Rating, by: By) -> Rating:
        turn, before = self._rated[response]
        now = before.then(rating)
        self._rated[response] = turn, now
        self._reports.tell(Feedback(turn, now, by, self._wall()))
        return now

    def _tell_saved(self, response: str, rating: Rating, by: By) -> None:
        self._wire.notice(
            "liushui.feedback.saved",
            response_id=response,
            fluent=rating.fluent,
            right=rating.right,
            comment=rating.comment is not None and self._reports.record_days is not None,
            by=by,
        )


def _status(answer: Answer, reason: str | None) -> Status:
    if answer.error is not None:
        return "failed"
    if reason is not None:
        return "interrupted" if reason == "turn_detected" else "cancelled"
    if answer.request is None:
        return "unanswered"
    return "incomplete" if answer.cut_short else "completed"
