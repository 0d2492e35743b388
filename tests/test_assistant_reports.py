"""What is reported of whole conversations, in virtual time; and that nobody's failure ends one."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any

import pytest

from assistant.reports import Reports
from assistant.turn_report import Feedback, Rating, Report, SessionBegan, SessionEnded, TurnReport
from tests.dialogues import ANSWER, LONG, QUESTION, STORY, Room, converse, play, room
from tests.fakes import LevelVoice
from tests.reports import SETTING, Listed
from tests.test_assistant_pictures import ScriptedFinder, place, show

PLAYED = """
    says what is a fever?
    waits until it speaks
    waits until it is silent
    waits 1
"""


def told(
    script: str, here: Room | None = None, *, record_days: int | None = 30, feedback: bool = True
) -> tuple[Room, Listed]:
    sink = Listed()
    here = here or room()
    here.reports = Reports(SETTING, [sink], record_days=record_days, feedback=feedback)
    return play(script, here), sink


def response(here: Room, number: int = 0) -> str:
    event: Any = here.client.of_type("response.done")[number]
    return str(event["response"]["id"])


def test_a_spoken_turn_is_reported_once_with_all_that_is_known_of_it() -> None:
    here, sink = told(PLAYED)
    began, turn, ended = sink.reports
    assert isinstance(began, SessionBegan) and isinstance(ended, SessionEnded)
    assert isinstance(turn, TurnReport)
    assert (turn.session_id, turn.number, turn.setting) == ("sess_1", 1, SETTING)
    assert (turn.status, turn.reason, turn.modality, turn.typed) == ("completed", None, "audio", False)
    assert (turn.user_text, turn.said, turn.heard) == (QUESTION, ANSWER + " ", ANSWER + " ")
    assert turn.response == response(here) and turn.item and turn.user_item
    assert turn.audio_s == pytest.approx(turn.heard_s) and turn.audio_s > 3
    assert turn.voiced_s == pytest.approx(4 * 0.32, abs=0.05)
    assert turn.tokens == len(ANSWER.split()) and turn.tokens_per_s is not None
    marks = turn.marks or {}
    assert turn.v2v_ms == marks["sent_ms"] and 0 < marks["noticed_ms"] < marks["first_token_ms"]
    assert turn.settled_ms == pytest.approx(marks["sent_ms"] + turn.audio_s * 1000, abs=100)


def test_of_an_answer_that_was_broken_into_the_heard_words_are_told_apart() -> None:
    _, sink = told("""
        says tell me a story.
        waits until it speaks
        waits 2
        says and then?
        waits until it speaks
        waits until it is silent
        waits 1
    """)
    broken, after = sink.turns()
    assert (broken.status, broken.reason) == ("interrupted", "turn_detected")
    assert broken.user_text == STORY and broken.said.startswith(broken.heard)
    assert 0 < len(broken.heard) < len(broken.said) <= len(LONG) + 1
    assert (broken.held, broken.resumed) == (1, 0)
    assert (after.number, after.user_text, after.status) == (2, "and then?", "completed")


def test_a_cough_during_an_answer_is_a_false_alarm() -> None:
    _, sink = told("""
        says tell me a story.
        waits until it speaks
        waits 1
        coughs
        waits until it is silent
        waits 1
    """)
    (turn,) = sink.turns()
    assert (turn.status, turn.held, turn.resumed) == ("completed", 1, 1)


def test_what_is_typed_is_reported_as_the_users_words() -> None:
    _, sink = told("""
        types what is a fever?
        waits until it speaks
        waits until it is silent
    """)
    (turn,) = sink.turns()
    assert (turn.typed, turn.user_text, turn.v2v_ms) == (True, QUESTION, None)


def test_a_client_that_cancels_or_leaves_is_told_apart_from_a_user_who_breaks_in() -> None:
    _, sink = told("""
        says tell me a story.
        waits until it speaks
        waits 1
        cancels
        waits 1
        says tell me a story.
        waits until it speaks
        waits 1
    """)
    assert [(turn.status, turn.reason) for turn in sink.turns()] == [
        ("cancelled", "client_cancelled"),
        ("left", None),
    ]


def test_a_pause_inside_a_question_withdraws_the_answer_and_is_no_turn() -> None:
    _, sink = told("""
        says what is um... ~ ~ ~ a fever?
        waits until it speaks
        waits until it is silent
        waits 1
    """)
    assert [turn.status for turn in sink.turns()][-1] == "completed"
    assert {turn.number for turn in sink.turns() if turn.status == "withdrawn"} <= {0}
    assert sink.turns()[-1].number == 1


def test_a_turn_that_failed_says_why() -> None:
    def fails(here: Room) -> Callable[..., Any]:
        def reply(*_: object) -> Any:
            raise RuntimeError("the model broke")
            yield

        return reply

    here = room()
    here.chat.reply = fails(here)  # type: ignore[method-assign]
    _, sink = told("says what is a fever?\nwaits 3", here)
    (turn,) = sink.turns()
    assert (turn.status, turn.reason) == ("failed", "the model broke")


def test_a_voice_that_is_too_slow_is_an_underrun() -> None:
    from tests.fakes import InlineWorker

    quick, slow = room(), room(voice=LevelVoice())
    object.__setattr__(slow.engines, "voice_worker", InlineWorker("voice", 4.0))
    script = "says tell me a story.\nwaits until it speaks\nwaits until it is silent\nwaits 1"
    assert told(script, quick)[1].turns()[0].underruns == 0
    assert told(script, slow)[1].turns()[0].underruns > 0


def test_the_client_is_told_at_the_start_that_it_is_recorded() -> None:
    here, _ = told("waits 1")
    kinds = [event["type"] for _, event in here.client.received]
    assert kinds[:3] == ["session.created", "liushui.recording", "liushui.feedback.wanted"]
    (recording,) = here.client.of_type("liushui.recording")
    assert recording["days"] == 30
    silent = play("waits 1")
    assert not silent.client.of_type("liushui.recording", "liushui.feedback.wanted")


def rate(here: Room, **fields: object) -> None:
    here.client.send({"type": "liushui.feedback", **fields})


def rated(sink: Listed) -> list[Feedback]:
    return [report for report in sink.reports if isinstance(report, Feedback)]


class Rater(Listed):
    """Rates each answer when it is settled, as a user with buttons would."""

    def __init__(self, here: Room, *ratings: dict[str, object]) -> None:
        super().__init__()
        self._here = here
        self._ratings = ratings

    def take(self, report: Report) -> None:
        super().take(report)
        if isinstance(report, TurnReport):
            for rating in self._ratings:
                rate(self._here, **{"response_id": report.response, **rating})


def test_a_rating_is_kept_with_its_turn_and_answered() -> None:
    here = room()
    sink = Rater(
        here, {"right": True}, {"fluent": False, "comment": "Slow."}, {"response_id": "resp_x", "right": True}
    )
    here.reports = Reports(SETTING, [sink], record_days=30, feedback=True)
    play(PLAYED, here)
    first, second = rated(sink)
    assert first.turn.user_text == QUESTION and first.rating == Rating(right=True)
    assert second.rating == Rating(fluent=False, right=True, comment="Slow.") and second.by == "client"
    saved = here.client.of_type("liushui.feedback.saved")
    assert [(each["fluent"], each["right"], each["comment"]) for each in saved] == [
        (None, True, False),
        (False, True, True),
    ]
    (error,) = here.client.of_type("error")
    assert error["error"]["code"] == "response_not_found"  # type: ignore[index]


def test_an_answer_can_be_rated_while_it_is_heard() -> None:
    here = room()
    flush = here.client.flush

    async def flush_and_rate() -> None:
        await flush()
        created: Any = here.client.of_type("response.created")
        if created and not here.client.of_type("liushui.feedback.saved"):
            rate(here, response_id=created[0]["response"]["id"], right=False)
            await flush()

    here.client.flush = flush_and_rate  # type: ignore[method-assign]
    _, sink = told(PLAYED, here)
    turn, feedback = sink.reports[1:3]
    assert isinstance(turn, TurnReport) and isinstance(feedback, Feedback)
    assert feedback.rating == Rating(right=False) and feedback.turn == turn


def test_a_service_that_keeps_no_feedback_says_so() -> None:
    here = room()
    sink = Rater(here, {"right": True})
    here.reports = Reports(SETTING, [sink])
    play(PLAYED, here)
    (error,) = here.client.of_type("error")
    assert "--feedback" in error["error"]["message"] and not rated(sink)  # type: ignore[index]


def test_a_spoken_judgement_rates_the_answer_before_it_and_is_answered_like_any_turn() -> None:
    here, sink = told(
        PLAYED + "says that was wrong.\nwaits until it speaks\nwaits until it is silent\nwaits 1"
    )
    (feedback,) = rated(sink)
    assert (feedback.rating, feedback.by) == (Rating(right=False), "voice")
    assert feedback.turn.user_text == QUESTION
    assert here.heard("user") == [QUESTION, "that was wrong."] and len(here.statuses()) == 2
    (saved,) = here.client.of_type("liushui.feedback.saved")
    assert saved["by"] == "voice" and saved["response_id"] == response(here)


def test_without_feedback_what_a_user_says_is_kept_nowhere() -> None:
    _, sink = told(PLAYED + "says that was wrong.\nwaits 3", record_days=None, feedback=False)
    assert not rated(sink)


def test_a_sink_that_fails_ends_no_conversation_and_is_told_once(caplog: pytest.LogCaptureFixture) -> None:
    class Broken(Listed):
        def take(self, report: Report) -> None:
            raise OSError("no space left")

    here, rest = room(), Listed()
    here.reports = Reports(SETTING, [Broken(), rest])
    with caplog.at_level(logging.ERROR):
        play(PLAYED, here)
    assert here.statuses() == ["completed"] and len(rest.turns()) == 1
    assert sum("Broken failed" in record.message for record in caplog.records) == 1


ASIDE = {
    "conversation": "none",
    "output_modalities": ["text"],
    "instructions": "Name the topic.",
    "input": [{"type": "message", "role": "user", "content": [{"type": "input_text", "text": "bye."}]}],
}


def beside(leave: Callable[[Room], None], asked: dict[str, object] | None = None) -> list[TurnReport]:
    """What is told of a response out of band after a spoken turn; `leave`: what the client does then."""
    sink, here = Listed(), room()
    here.chat.answers["bye."] = "Goodbye."
    here.reports = Reports(SETTING, [sink], record_days=30, feedback=True)

    async def script(here: Room) -> None:
        await here.say(f"{QUESTION} ~ ~ ~ ~ ~ ~ ~ ~ ~ ~ ~ ~ ~ ~ ~ ~ ~ ~ ~")
        here.client.send({"type": "response.create", "response": asked or ASIDE})
        await asyncio.sleep(0.03)
        leave(here)
        await asyncio.sleep(1)

    converse(here, script)
    return sink.turns()


def test_a_response_out_of_band_is_a_turn_that_rates_nothing() -> None:
    spoken, aside = beside(lambda here: None)
    assert (spoken.aside, spoken.user_text) == (False, QUESTION)
    assert (aside.aside, aside.number, aside.status, aside.typed) == (True, 2, "completed", True)
    assert (aside.user_text, aside.said) == ("Name the topic.\nbye.", "Goodbye. ")
    assert aside.tokens == 1 and (aside.marks or {})["first_token_ms"] > 0
    assert aside.settled_ms >= (aside.marks or {})["sent_ms"]


def test_a_response_out_of_band_that_is_cancelled_is_told_as_far_as_it_came() -> None:
    def cancel(here: Room) -> None:
        created: Any = here.client.of_type("response.created")[-1]
        here.client.send({"type": "response.cancel", "response_id": created["response"]["id"]})

    _, aside = beside(cancel, {**ASIDE, "input": []})
    assert aside.status == "cancelled"


def test_what_was_read_in_a_picture_belongs_to_the_spoken_question_about_it() -> None:
    sink, here = Listed(), place(ScriptedFinder())
    here.reports = Reports(SETTING, [sink], record_days=30, feedback=True)

    async def script(here: Room) -> None:
        show(here)
        await asyncio.sleep(4)
        await here.say(f"{QUESTION} " + "~ " * 20)
        here.type_in(QUESTION)
        await asyncio.sleep(8)

    converse(here, script)
    spoken, typed = sink.turns()
    assert not spoken.typed and spoken.user_text.endswith(QUESTION) and "Ferritin 8" in spoken.user_text
    assert typed.typed and typed.user_text == QUESTION
