"""Kept replies in a conversation: streamed at once, kept and cut as computed ones are."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path

import pytest

from llm.engine import Chat, Message, Sampling
from llm.errors import NotSaid, OutOfTurn
from llm.local import LocalModel
from llm.remembering import RememberingModel
from llm.replies import CommonReplies, digest
from tests.tiny_model import tiny_model

SHORT = Sampling(max_tokens=200)
QUESTION = "Tell me of the sea."


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory) -> LocalModel:
    return tiny_model(tmp_path_factory.mktemp("tiny"))


@pytest.fixture
def model(local: LocalModel, tmp_path: Path) -> RememberingModel:
    return RememberingModel(
        local, lambda system: CommonReplies(tmp_path, model="tiny", prompt=digest(system))
    )


def say(chat: Chat, text: str, sampling: Sampling = SHORT) -> tuple[str, list[int]]:
    tokens = list(chat.reply(text, sampling))
    return "".join(token.text for token in tokens), [token.id for token in tokens]


def learnt(model: RememberingModel) -> str:
    """Ask twice."""
    said = ""
    for _ in range(2):
        chat = model.chat("Be kind.")
        said, _ = say(chat, QUESTION)
        chat.commit()
    return said


def test_a_question_asked_before_gets_the_same_answer_without_a_computed_token(
    model: RememberingModel,
) -> None:
    said = learnt(model)
    chat = model.chat("Be kind.")
    again, ids = say(chat, "tell me of the sea")
    assert again == said
    assert set(ids) == {-1}
    assert chat.turn_over is None and chat.prompt_tokens is None
    chat.commit()
    assert chat.history[1:] == (Message("user", "tell me of the sea"), Message("assistant", said))
    assert say(chat, "And of the hill?")[1] != []


def test_a_conversation_goes_on_after_a_kept_reply_without_computing_it(model: RememberingModel) -> None:
    learnt(model)
    computed, kept = (model._model.chat("Be kind."), model.chat("Be kind."))
    list(computed.reply(QUESTION, SHORT))
    computed.commit()
    say(kept, QUESTION)
    kept.commit()
    assert kept.history == computed.history
    assert kept.prefill("And of the hill?") == computed.prefill("And of the hill?") < 40
    following = (list(chat.reply("And of the hill?", SHORT)) for chat in (computed, kept))
    assert next(following) == next(following)


def test_keys_and_values_of_other_words_are_left_alone(model: RememberingModel) -> None:
    said = learnt(model)
    chat = model.chat("Be kind.")
    say(chat, QUESTION.lower())
    chat.commit()
    assert chat.prefill("And of the hill?") > len(said) // 2  # the reply is computed from its text


def test_an_interrupted_kept_reply_keeps_what_was_heard(model: RememberingModel) -> None:
    said = learnt(model)
    chat = model.chat("Be kind.")
    reply = chat.reply(QUESTION, SHORT)
    first = next(reply).text
    with pytest.raises(NotSaid):
        chat.commit("not " + said)
    chat.commit(first)
    assert list(reply) == []
    assert chat.history[-1] == Message("assistant", first)


def test_another_context_another_sampling_or_another_system_text_is_computed(model: RememberingModel) -> None:
    learnt(model)
    chat = model.chat("Be kind.")
    chat.add(Message("user", "I am on a ship."))
    assert -1 not in say(chat, QUESTION)[1]
    for system, sampling in (("Be brief.", SHORT), ("Be kind.", Sampling(temperature=0.5, max_tokens=9))):
        assert -1 not in say(model.chat(system), QUESTION, sampling)[1]


def test_what_was_not_heard_to_its_end_or_discarded_is_not_learnt(model: RememberingModel) -> None:
    for _ in range(3):
        chat = model.chat("Be kind.")
        reply = chat.reply(QUESTION, SHORT)
        assert next(reply).id != -1
        assert isinstance(reply, Generator)
        reply.close()
        chat.commit()
        chat = model.chat("Be kind.")
        assert -1 not in say(chat, QUESTION)[1]
        chat.discard()
        with pytest.raises(OutOfTurn):
            chat.commit()


def test_a_reply_that_ended_at_a_limit_is_for_that_limit_alone(model: RememberingModel) -> None:
    said = learnt(model)  # what the tiny model says never ends by itself
    assert -1 in say(model.chat("Be kind."), QUESTION)[1]
    for limit in (SHORT.max_tokens - 1, SHORT.max_tokens + 1):
        other, ids = say(model.chat("Be kind."), QUESTION, Sampling(max_tokens=limit))
        assert -1 not in ids
        assert other.startswith(said) or said.startswith(other)
