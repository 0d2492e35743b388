"""Whole conversations in virtual time: scripted engines, the real session, turns, playback and protocol."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.dialogues import ANSWER, LONG, QUESTION, Room, converse, loud_room, room
from tests.fakes import WORD_S, LevelVoice
from transport.settings import SessionSettings, TurnDetection


def test_a_client_that_waits_for_the_session_before_it_sends_anything_is_greeted() -> None:
    async def script(here: Room) -> None:
        await asyncio.sleep(0.01)
        assert [event["type"] for _, event in here.client.received] == ["session.created"]

    converse(room(), script)


def test_a_spoken_question_is_answered_and_both_sides_are_kept() -> None:
    async def script(here: Room) -> None:
        await here.say(f"{QUESTION} " + "~ " * 20)

    here = converse(room(), script)
    assert here.heard("user") == [QUESTION]
    assert here.heard("assistant") == [ANSWER + " "]
    assert here.statuses() == ["completed"]


def test_an_answer_says_what_tokens_it_took_also_when_it_is_broken_off() -> None:
    async def script(here: Room) -> None:
        await here.say(f"{QUESTION} " + "~ " * 20)
        await here.say("tell me a story. " + "~ " * 8 + "and then? " + "~ " * 14)

    here = converse(room(), script)
    took: Any = [event["response"]["usage"] for event in here.client.of_type("response.done")]  # type: ignore[index]
    assert here.statuses() == ["completed", "cancelled", "completed"]
    first, broken, after = ((each["input_tokens"], each["output_tokens"]) for each in took)
    assert first == (len(QUESTION.split()), len(ANSWER.split()))
    assert broken[0] > sum(first) and 0 < broken[1] <= len(LONG.split())
    assert after[0] > broken[0]


def test_the_answer_begins_soon_after_the_last_word_and_not_before() -> None:
    async def script(here: Room) -> None:
        await here.say(f"{QUESTION} " + "~ " * 20)

    here = converse(room(), script)
    said_s = 4 * 0.32
    first_s = next(t for t, event in here.client.received if event["type"] == "response.output_audio.delta")
    assert said_s < first_s < said_s + 0.6


def test_what_answers_the_assistants_own_question_is_a_turn_though_the_model_expects_a_question() -> None:
    waits_s: list[float] = []

    async def script(here: Room) -> None:
        here.chat.turn_over = 0.0
        here.chat.answers["i feel ill."] = "Since when is that?"
        for _ in range(2):
            start_s = asyncio.get_running_loop().time()
            await here.say("i feel ill. " + "~ " * 12)
            started = [t for t, event in here.client.received if event["type"] == "response.created"]
            waits_s.append(started[-1] - start_s)

    converse(room(), script)
    unasked_s, answering_s = waits_s
    assert answering_s < unasked_s - 0.3


def test_a_pause_inside_a_question_is_no_end() -> None:
    async def script(here: Room) -> None:
        await here.say("what is um... ~ ~ ~ a fever? " + "~ " * 20)

    here = converse(room(), script)
    assert here.heard("user") == ["what is um... a fever?"]
    assert len(here.statuses()) == 1


def test_words_during_the_answer_stop_it_and_only_what_was_heard_is_kept() -> None:
    async def script(here: Room) -> None:
        await here.say("tell me a story. " + "~ " * 8 + "and then? " + "~ " * 14)

    here = converse(room(), script)
    assert here.statuses() == ["cancelled", "completed"]
    assert here.heard("user") == ["tell me a story.", "and then?"]
    first, second = here.heard("assistant")
    assert 0 < len(first) < len(LONG) and LONG.startswith(first)
    assert second == "Then it ended. "


def test_a_slow_recognizer_silences_the_answer_at_once_and_stops_it_within_three_readings() -> None:
    reading_s, silent = 0.3, 10

    async def script(here: Room) -> None:
        await here.say("tell me a story. " + "~ " * silent + "and then and then? " + "~ " * 20)

    here = converse(room(reading_s=reading_s), script)
    breaks_in_s = (4 + silent) * WORD_S
    done_s = next(t for t, event in here.client.received if event["type"] == "response.done")
    held_s = next(t for t, event in here.client.received if event["type"] == "liushui.playback.hold")
    assert breaks_in_s < held_s < breaks_in_s + 0.13
    assert held_s < done_s < held_s + 3 * reading_s + 0.1
    assert here.statuses()[0] == "cancelled"


def test_numbers_are_shown_and_answered_as_digits() -> None:
    said = (
        "i have taken five milligrams twice a day since the twenty third of may and it does not help at all."
    )

    async def script(here: Room) -> None:
        await here.say(f"{said} " + "~ " * 40)

    here = converse(room(), script)
    (turn,) = here.heard("user")
    assert turn == "i have taken 5 mg twice a day since the 23rd of may and it does not help at all."
    deltas = here.client.of_type("conversation.item.input_audio_transcription.delta")
    shown = "".join(str(event["delta"]) for event in deltas)
    assert "5 mg" in shown and turn.startswith(shown)
    partials = [str(event["text"]) for event in here.client.of_type("liushui.transcript.partial")]
    assert len(partials) > 10 and "23rd" in partials[-1]
    (done,) = here.client.of_type("conversation.item.input_audio_transcription.completed")
    assert done["transcript"] == turn


def test_a_noise_during_the_answer_only_ducks_it() -> None:
    async def script(here: Room) -> None:
        await here.say("tell me a story. " + "~ " * 6 + "# " + "~ " * 50)

    here = converse(room(), script)
    assert here.statuses() == ["completed"]
    assert here.heard("assistant") == [LONG + " "]


def test_without_echo_cancellation_the_assistant_does_not_interrupt_itself_and_a_person_still_can() -> None:
    async def listen(here: Room) -> None:
        await here.say("tell me a story. " + "~ " * 60)

    here = converse(loud_room(), listen)
    assert here.statuses() == ["completed"]
    assert here.heard("assistant") == [LONG + " "]

    async def interrupt(here: Room) -> None:
        await here.say("tell me a story. " + "~ " * 12 + "and then? " + "~ " * 20)

    here = converse(loud_room(), interrupt)
    assert here.statuses()[0] == "cancelled"
    assert here.heard("user") == ["tell me a story.", "and then?"]


def test_a_client_may_truncate_what_it_did_not_play() -> None:
    async def script(here: Room) -> None:
        await here.say("tell me a story. " + "~ " * 8)
        item = here.client.of_type("response.output_item.added")[0]["item"]
        truncation = {"type": "conversation.item.truncate", "content_index": 0, "audio_end_ms": 700}
        here.client.send({**truncation, "item_id": item["id"]})  # type: ignore[index]
        await here.say("~ ~")

    here = converse(room(), script)
    assert here.statuses() == ["cancelled"]
    assert here.heard("assistant") == ["Sentence one"]


def test_a_typed_message_is_answered_on_request() -> None:
    async def script(here: Room) -> None:
        here.type_in(QUESTION)
        await here.say("~ " * 20)

    here = converse(room(), script)
    assert here.heard("user") == [QUESTION]
    assert here.statuses() == ["completed"]


def test_a_client_that_asks_for_text_gets_no_audio() -> None:
    async def script(here: Room) -> None:
        await here.say(f"{QUESTION} " + "~ " * 10)

    here = converse(room(settings=SessionSettings(modality="text")), script)
    assert here.client.of_type("response.output_audio.delta") == []
    assert (
        "".join(str(event["delta"]) for event in here.client.of_type("response.output_text.delta"))
        == ANSWER + " "
    )


def test_without_hearing_the_conversation_is_typed_and_says_so() -> None:
    async def script(here: Room) -> None:
        await here.say("~")
        here.type_in(QUESTION)
        await here.say("~ " * 20)

    here = converse(room(deaf=True), script)
    assert [event["mode"] for event in here.client.of_type("liushui.mode")] == ["text"]
    assert len(here.client.of_type("error")) == 1, "told once, not with every chunk"
    assert here.statuses() == ["completed"]


def test_a_voice_that_dies_leaves_the_answer_as_text_and_the_session_alive() -> None:
    async def script(here: Room) -> None:
        await here.say(f"{QUESTION} " + "~ " * 14)
        here.type_in(QUESTION)
        await here.say("~ " * 6)

    here = converse(room(voice=LevelVoice(fails_at="body")), script)
    assert [event["mode"] for event in here.client.of_type("liushui.mode")] == ["text"]
    assert here.heard("assistant") == [ANSWER + " "] * 2
    assert here.statuses() == ["completed", "completed"]


def test_a_recognizer_that_dies_ends_the_turn_with_an_event_and_typing_goes_on() -> None:
    async def script(here: Room) -> None:
        await here.say("please explode now " + "~ " * 8)
        here.type_in(QUESTION)
        await here.say("~ " * 20)

    here = converse(room(), script)
    assert [event["mode"] for event in here.client.of_type("liushui.mode")] == ["text"]
    assert here.heard("user") == [QUESTION]
    assert here.statuses() == ["completed"]


@pytest.mark.parametrize("asked", [False, True])
def test_push_to_talk_commits_by_hand_and_answers_only_when_asked(asked: bool) -> None:
    async def script(here: Room) -> None:
        await here.say(QUESTION)
        here.client.send({"type": "input_audio_buffer.commit"})
        if asked:
            here.client.send({"type": "response.create"})
        await here.say("~ " * 20)

    here = converse(room(settings=SessionSettings(turn_detection=None)), script)
    assert here.heard("user") == [QUESTION]
    assert here.statuses() == (["completed"] if asked else [])


def test_cancelling_stops_the_answer() -> None:
    async def script(here: Room) -> None:
        await here.say("tell me a story. " + "~ " * 6)
        here.client.send({"type": "response.cancel"})
        await here.say("~ " * 4)

    here = converse(room(), script)
    assert here.statuses() == ["cancelled"]


def test_a_client_that_leaves_in_the_middle_of_an_answer_ends_the_session() -> None:
    async def script(here: Room) -> None:
        await here.say("tell me a story. " + "~ " * 4)

    assert converse(room(), script).statuses() == []


def test_a_client_may_keep_the_turns_but_not_the_answers_to_itself() -> None:
    async def script(here: Room) -> None:
        await here.say(f"{QUESTION} ~ ~ ~ and then? ~ ~ ~")

    detection = TurnDetection(create_response=False)
    here = converse(room(settings=SessionSettings(turn_detection=detection)), script)
    assert here.heard("user") == [QUESTION, "and then?"]
    assert here.statuses() == []
