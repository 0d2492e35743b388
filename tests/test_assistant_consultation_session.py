"""Consultations through the real session, in virtual time: what is spoken, told and kept."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from assistant.advised import AdvisedModel
from assistant.consultation import Consultation
from assistant.persona import load_persona
from tests.consult_domains import tea_house
from tests.dialogues import Room, play, room
from transport.settings import SessionSettings

HOT = "how hot should green tea be?"
COOL = "Hold it under cool running water for 20 minutes."
BITTER = "Boiling water makes it bitter."


@pytest.fixture(scope="module")
def consultation(tmp_path_factory: pytest.TempPathFactory) -> Consultation:
    return Consultation(load_persona(tea_house(tmp_path_factory.mktemp("domains") / "tea")))


def tea_room(consultation: Consultation, answer: str, most: int | None = None) -> Room:
    prompt = consultation.persona.prompt
    here = room(settings=SessionSettings(instructions=prompt, max_output_tokens=most))
    here.chat.answers[HOT] = answer
    model = AdvisedModel(here.engines.model, {prompt: consultation})
    here.engines = replace(here.engines, model=model)
    return here


def notices(here: Room, kind: str) -> list[Any]:
    return here.client.of_type(f"liushui.{kind}")


def test_a_spoken_question_is_answered_from_its_passage_which_is_cited(consultation: Consultation) -> None:
    here = play(
        f"says {HOT}\nwaits until it speaks\nwaits until it is silent\nwaits 1",
        tea_room(consultation, BITTER),
    )
    assert here.heard("user") == [HOT]
    assert here.heard("assistant")[0].startswith("Green tea is brewed at 75 degrees for 2 minutes.")
    (citation,) = notices(here, "citation")
    assert [passage["id"] for passage in citation["passages"]] == ["green-tea"]
    assert citation["response_id"] and citation["disclaimer"] == "Only about tea."
    assert notices(here, "safety") == []


@pytest.mark.parametrize(
    ("question", "answer", "told"),
    [
        ("i burned my hand", COOL, {"kind": "red_flag", "id": "burn"}),
        ("do you sell cars?", "I only know tea; please ask the waiter.", {"kind": "unknown"}),
    ],
)
def test_what_is_said_without_the_model_is_told_and_kept(
    consultation: Consultation, question: str, answer: str, told: dict[str, str]
) -> None:
    here = play(
        f"says {question}\nwaits until it speaks\nwaits until it is silent\nwaits 1",
        tea_room(consultation, ""),
    )
    assert here.chat.asked == [] and here.statuses() == ["completed"]
    assert here.heard("assistant") == [answer]
    (safety,) = notices(here, "safety")
    assert {key: safety[key] for key in told} == told


@pytest.mark.parametrize(("question", "most"), [("i burned my hand", 4), (HOT, 10)])
def test_words_that_stood_ready_are_not_counted_as_the_models(
    consultation: Consultation, question: str, most: int
) -> None:
    """All of `BITTER` is 5 tokens; with the sentence before it and the fixed answer, more than the most."""
    here = play(
        f"types {question}\nwaits until it speaks\nwaits until it is silent\nwaits 1",
        tea_room(consultation, BITTER, most),
    )
    assert here.statuses() == ["completed"]


def test_what_is_withheld_of_a_typed_answer_is_told_before_it_ends(consultation: Consultation) -> None:
    here = play(
        f"types {HOT}\nwaits until it speaks\nwaits until it is silent\nwaits 1",
        tea_room(consultation, f"{BITTER} Some say 95 degrees."),
    )
    (answer,) = here.heard("assistant")
    assert "95" not in answer and answer.endswith("For the rest, ask the waiter.")
    types = [event["type"] for _, event in here.client.received]
    assert types.index("liushui.safety") < types.index("response.done")


def test_a_user_who_breaks_in_has_heard_what_the_dialogue_keeps(consultation: Consultation) -> None:
    here = play(
        f"says {HOT}\nwaits until it speaks\nwaits 0.6\nsays stop\nwaits until it is silent\nwaits 1",
        tea_room(consultation, BITTER),
    )
    (heard, *_) = here.heard("assistant")
    assert "Green tea is brewed at 75 degrees for 2 minutes. Boiling".startswith(heard.strip())
