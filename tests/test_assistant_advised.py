"""A model as the adviser of a domain: the answers, what the dialogue keeps, and what a client is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from assistant.advised import AdvisedChat, AdvisedModel
from assistant.consultation import Consultation
from assistant.persona import PersonaError, load_persona, load_personas
from llm.engine import Message, Sampling
from tests.consult_domains import tea_house
from tests.fakes import ScriptedChat, ScriptedModel

HOT = "How hot should green tea be?"
LEAD = "Green tea is brewed at 75 degrees for 2 minutes."


@pytest.fixture(scope="module")
def consultation(tmp_path_factory: pytest.TempPathFactory) -> Consultation:
    return Consultation(load_persona(tea_house(tmp_path_factory.mktemp("domains") / "tea")))


def advised(consultation: Consultation, answers: dict[str, str]) -> tuple[AdvisedChat, ScriptedChat]:
    inner = ScriptedChat(answers)
    return AdvisedChat(inner, consultation), inner


def said(chat: AdvisedChat, question: str | None) -> str:
    return "".join(token.text for token in chat.reply(question, Sampling()))


def test_an_answer_begins_with_the_passage_before_the_model_is_asked(consultation: Consultation) -> None:
    chat, inner = advised(consultation, {HOT: "Boiling water makes it bitter."})
    tokens = chat.reply(HOT, Sampling())
    assert next(tokens).text == "Green" and inner.asked == []
    assert "".join(token.text for token in tokens).strip().endswith("Boiling water makes it bitter.")
    assert inner.asked[0].begin == LEAD and "75 degrees" in inner.briefs[0]


def test_what_no_passage_supports_is_not_said_and_not_kept(consultation: Consultation) -> None:
    chat, inner = advised(consultation, {HOT: "Boiling water makes it bitter. Use 95 degrees for health."})
    answer = said(chat, HOT)
    assert "95" not in answer and answer.endswith("For the rest, ask the waiter.")
    assert chat.advice is not None and chat.advice.withheld == ["Use 95 degrees for health"]
    chat.commit()
    assert inner.history == (Message("user", HOT), Message("assistant", answer))
    assert inner.briefs[-1] == ""  # no passage stays in the dialogue


def test_of_an_interrupted_answer_the_dialogue_keeps_what_was_heard(consultation: Consultation) -> None:
    chat, inner = advised(consultation, {HOT: "Boiling water makes it bitter."})
    tokens = chat.reply(HOT, Sampling())
    heard = next(tokens).text + next(tokens).text
    chat.commit(heard)  # within the first sentence: the model was not asked yet
    assert [message.text for message in inner.history] == [HOT, heard]
    assert next(tokens, None) is None


@pytest.mark.parametrize(
    ("question", "answer", "kind"),
    [
        ("I've burnt my hand!", "Hold it under cool running water for 20 minutes.", "red_flag"),
        ("Do you sell cars?", "I only know tea; please ask the waiter.", "unknown"),
    ],
)
def test_a_fixed_answer_needs_no_model(
    consultation: Consultation, question: str, answer: str, kind: str
) -> None:
    chat, inner = advised(consultation, {})
    assert said(chat, question) == answer and inner.asked == []
    assert chat.advice is not None and chat.advice.told[0][1]["kind"] == kind
    chat.commit()
    assert inner.history[-1] == Message("assistant", answer)


def test_a_typed_question_that_stands_in_the_dialogue_is_looked_up_too(consultation: Consultation) -> None:
    chat, inner = advised(consultation, {HOT: "Boiling water makes it bitter."})
    chat.add(Message("user", HOT))
    assert said(chat, None).startswith(LEAD)
    chat.commit()
    assert [message.role for message in inner.history] == ["user", "assistant"]


def test_where_nobody_asked_nothing_is_looked_up(consultation: Consultation) -> None:
    chat, _ = advised(consultation, {"Hello.": "Still there?"})
    chat.add(Message("assistant", "Hello."))
    chat.add(Message("system", "Ask whether they are there."))
    assert said(chat, None).strip() == "Still there?" and chat.advice is None


def test_the_citation_names_the_passages_and_the_disclaimer(consultation: Consultation) -> None:
    chat, _ = advised(consultation, {HOT: "Boiling water makes it bitter."})
    said(chat, HOT)
    assert chat.advice is not None
    ((kind, fields),) = chat.advice.told
    assert kind == "liushui.citation" and fields["disclaimer"] == "Only about tea."
    text = f"{LEAD} Boiling water makes it bitter."
    assert fields["passages"] == [{"id": "green-tea", "title": "Brewing green tea", "text": text}]


def test_only_a_domains_own_instructions_make_an_adviser(consultation: Consultation) -> None:
    model = AdvisedModel(ScriptedModel(ScriptedChat({})), {consultation.persona.prompt: consultation})
    assert isinstance(model.chat(consultation.persona.prompt), AdvisedChat)
    assert isinstance(model.chat("You are a pirate."), ScriptedChat)


def test_two_domains_of_one_name_are_refused(tmp_path: Path) -> None:
    one, other = tea_house(tmp_path / "a" / "tea"), tea_house(tmp_path / "b" / "tea")
    with pytest.raises(PersonaError, match="two domains are named 'tea'"):
        load_personas([one, other])


BILL = "[My picture says:\nGrand Hotel\nTotal 48.50 EUR\n]"


def test_what_the_users_picture_says_is_known_and_what_it_does_not_say_is_withheld(
    consultation: Consultation,
) -> None:
    question = "What is the total of the hotel?"
    chat, _ = advised(consultation, {question: "The total is 48.50 EUR. The tax is 9.20 EUR."})
    assert said(chat, question).startswith("I only know tea")  # without the picture
    chat.discard()
    chat.add(Message("user", BILL))
    answer = said(chat, question)
    assert answer.startswith("The total is 48.50 EUR.") and "9.20" not in answer
    assert chat.advice is not None and chat.advice.withheld == ["The tax is 9.20 EUR"]


def test_a_picture_in_the_question_itself_is_no_part_of_what_is_looked_up(consultation: Consultation) -> None:
    chat, inner = advised(consultation, {f"{BILL}\n{HOT}": "Boiling water makes it bitter."})
    assert said(chat, f"{BILL}\n{HOT}").startswith(LEAD) and inner.asked[0].begin == LEAD
