from __future__ import annotations

import base64

import numpy as np
import pytest
from numpy.typing import NDArray

from assistant.observer import SAMPLE_RATE_HZ, TurnObserver

SPEECH_END_S = 100.0


class Service:
    """Plays a service's events into an observer; times are seconds after the end of speech."""

    def __init__(self) -> None:
        self.observer = TurnObserver(SPEECH_END_S)

    def tell(self, kind: str, at_s: float = 0.5, **fields: object) -> None:
        self.observer.observe({"type": kind, **fields}, SPEECH_END_S + at_s)

    def create(self, response: str, at_s: float) -> None:
        self.tell("response.created", at_s, response={"id": response, "status": "in_progress"})

    def say(self, response: str, at_s: float, *, silent_s: float = 0.0, loud_s: float = 0.1) -> None:
        pcm = pcm16(silent_s, loud_s)
        self.tell(
            "response.output_audio.delta", at_s, response_id=response, delta=base64.b64encode(pcm).decode()
        )

    def write(self, response: str, text: str, at_s: float = 0.4) -> None:
        self.tell("response.output_audio_transcript.delta", at_s, response_id=response, delta=text)

    def finish(self, response: str, status: str = "completed", details: object = None) -> None:
        self.tell("response.done", response={"id": response, "status": status, "status_details": details})

    def hear(self, item: str, transcript: str) -> None:
        self.tell(
            "conversation.item.input_audio_transcription.completed", item_id=item, transcript=transcript
        )


def pcm16(silent_s: float, loud_s: float) -> bytes:
    samples: NDArray[np.int16] = np.concatenate(
        [
            np.zeros(round(silent_s * SAMPLE_RATE_HZ), "<i2"),
            np.full(round(loud_s * SAMPLE_RATE_HZ), 9000, "<i2"),
        ]
    )
    return samples.tobytes()


@pytest.fixture
def service() -> Service:
    return Service()


def test_a_plain_turn_has_its_words_its_answer_and_its_time(service: Service) -> None:
    service.hear("item_1", "What should I do?")
    service.create("resp_1", 0.4)
    service.write("resp_1", "Rest, ")
    service.say("resp_1", 0.45)
    service.write("resp_1", "and drink.")
    service.say("resp_1", 0.5)
    service.finish("resp_1")
    service.tell("liushui.turn.timings", marks={"noticed_ms": 96.0})

    turn = service.observer.turn()

    assert (turn.transcript, turn.reply, turn.status) == (
        "What should I do?",
        "Rest, and drink.",
        "completed",
    )
    assert turn.v2v_ms == pytest.approx(450)
    assert len(turn.audio) == round(0.2 * SAMPLE_RATE_HZ)
    assert turn.marks == {"noticed_ms": 96.0}
    assert not turn.cut_off


def test_silence_at_the_start_of_the_answer_counts_as_waiting(service: Service) -> None:
    service.create("resp_1", 0.3)
    service.say("resp_1", 0.3, silent_s=0.2)
    assert service.observer.turn().v2v_ms == pytest.approx(500)


def test_a_silent_delta_is_played_before_the_loud_one_that_came_with_it(service: Service) -> None:
    service.create("resp_1", 0.3)
    service.say("resp_1", 0.3, silent_s=0.25, loud_s=0)
    service.say("resp_1", 0.31)
    assert service.observer.turn().v2v_ms == pytest.approx(550)


def test_an_answer_before_the_question_was_over_is_a_cut_off(service: Service) -> None:
    service.create("resp_1", -0.6)
    service.say("resp_1", -0.6)
    service.finish("resp_1", "cancelled")
    service.create("resp_2", 0.7)
    service.say("resp_2", 0.7)

    turn = service.observer.turn()

    assert turn.cut_off
    assert turn.v2v_ms == pytest.approx(700)


def test_an_answer_to_half_the_question_is_no_fast_answer(service: Service) -> None:
    service.create("resp_1", -0.1)
    service.say("resp_1", 0.05)
    service.finish("resp_1")

    turn = service.observer.turn()

    assert turn.cut_off
    assert (turn.v2v_ms, turn.status) == (None, "unanswered")


def test_an_answer_taken_back_before_it_was_heard_cuts_nobody_off(service: Service) -> None:
    service.create("resp_1", -0.2)
    service.finish("resp_1", "cancelled")
    service.create("resp_2", 0.4)
    service.say("resp_2", 0.4)

    turn = service.observer.turn()

    assert not turn.cut_off
    assert turn.v2v_ms == pytest.approx(400)


def test_an_utterance_split_in_two_reads_as_one(service: Service) -> None:
    service.hear("item_1", " I took it on")
    service.hear("item_2", "Tuesday. ")
    assert service.observer.transcript == "I took it on Tuesday."


def test_live_words_are_replaced_by_the_final_ones(service: Service) -> None:
    service.tell("conversation.item.input_audio_transcription.delta", item_id="item_1", delta="I have add")
    assert (service.observer.transcript, service.observer.transcribed) == ("I have add", False)
    service.hear("item_1", "I have had")
    assert (service.observer.transcript, service.observer.transcribed) == ("I have had", True)


def test_a_written_answer_has_words_and_no_time(service: Service) -> None:
    service.tell("liushui.mode", mode="text", reason="the voice failed")
    service.create("resp_1", 0.4)
    service.tell("response.output_text.delta", response_id="resp_1", delta="Rest.")
    service.finish("resp_1")

    turn = service.observer.turn()

    assert (turn.reply, turn.v2v_ms, len(turn.audio)) == ("Rest.", None, 0)
    assert turn.problems == ("text mode: the voice failed",)


def test_errors_and_failures_are_told(service: Service) -> None:
    service.tell("error", error={"message": "bad audio"})
    service.create("resp_1", 0.4)
    service.finish("resp_1", "failed", {"type": "failed", "error": {"message": "the decoder failed"}})
    assert service.observer.turn().problems == ("bad audio", "the decoder failed")


def test_events_that_say_nothing_about_the_turn_are_passed_over(service: Service) -> None:
    service.tell("session.updated", session={})
    service.say("resp_of_an_earlier_turn", 0.1)
    assert service.observer.turn().status == "unanswered"
