"""A conversation: what is pending, what is kept, and a KV cache that never shows in the answers."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from llm.engine import Message, Sampling
from llm.errors import BadSampling, ContextOverflow, NotSaid, OutOfTurn
from llm.local import LocalChat, LocalModel
from tests.tiny_model import tiny_model

SYSTEM = "Be kind."
SHORT = Sampling(max_tokens=12)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> LocalModel:
    return tiny_model(tmp_path_factory.mktemp("tiny"))


def say(chat: LocalChat, user_text: str | None, sampling: Sampling = SHORT) -> str:
    return "".join(token.text for token in chat.reply(user_text, sampling))


def test_an_answer_is_kept_with_its_question(model: LocalModel) -> None:
    chat = model.chat(SYSTEM)
    said = say(chat, "Hello?")
    chat.commit()
    assert chat.history == (Message("system", SYSTEM), Message("user", "Hello?"), Message("assistant", said))


def test_nothing_is_kept_before_the_commit_and_nothing_happens_before_the_first_step(
    model: LocalModel,
) -> None:
    chat = model.chat(SYSTEM)
    answer = chat.reply("Hello?", SHORT)
    with pytest.raises(OutOfTurn):
        chat.commit()
    next(answer)
    assert chat.history == (Message("system", SYSTEM),)


def test_what_was_heard_is_kept_up_to_its_last_whole_token(model: LocalModel) -> None:
    chat = model.chat(SYSTEM)
    tokens = list(chat.reply("Hello?", SHORT))
    said = "".join(token.text for token in tokens)
    chat.commit(said[:5])
    kept = chat.history[-1].text
    ends = ["".join(token.text for token in tokens[:n]) for n in range(len(tokens) + 1)]
    assert kept == max((end for end in ends if len(end) <= 5), key=len)


def test_an_answer_of_which_nothing_was_heard_leaves_the_question(model: LocalModel) -> None:
    chat = model.chat(SYSTEM)
    say(chat, "Hello?")
    chat.commit("")
    assert chat.history[1:] == (Message("user", "Hello?"),)


def test_a_discarded_turn_leaves_the_next_answer_as_if_it_had_never_been(model: LocalModel) -> None:
    chat, fresh = model.chat(SYSTEM), model.chat(SYSTEM)
    say(chat, "Hello?")
    chat.discard()
    assert say(chat, "Hello, are you there?") == say(fresh, "Hello, are you there?")


def test_an_answer_goes_no_further_once_it_is_committed(model: LocalModel) -> None:
    chat = model.chat(SYSTEM)
    answer = chat.reply("Hello?", SHORT)
    said = "".join(token.text for token in islice(answer, 3))
    chat.commit()
    assert list(answer) == []
    assert chat.history[-1].text == said


def test_a_later_truncation_cuts_the_last_answer(model: LocalModel) -> None:
    chat = model.chat(SYSTEM)
    said = say(chat, "Hello?")
    chat.commit()
    chat.add(Message("user", "Yes?"))
    chat.truncate(said[:6])
    assert said.startswith(chat.history[2].text)
    chat.truncate("")
    assert [message.role for message in chat.history] == ["system", "user", "user"]
    with pytest.raises(OutOfTurn, match="no answer"):
        chat.truncate("")


def test_an_earlier_message_is_taken_out_and_another_put_in_its_place(model: LocalModel) -> None:
    chat, fresh = model.chat(SYSTEM), model.chat(SYSTEM)
    said = say(chat, "Hello?")
    chat.commit()
    chat.remove(1)
    chat.add(Message("user", "Hi?"), 1)
    assert chat.history[1:] == (Message("user", "Hi?"), Message("assistant", said))
    for message in chat.history[1:]:
        fresh.add(message)
    assert say(chat, "And?") == say(fresh, "And?")


def test_an_earlier_answer_can_be_truncated(model: LocalModel) -> None:
    chat = model.chat(SYSTEM)
    said = say(chat, "Hello?")
    chat.commit()
    chat.add(Message("assistant", "Another."))
    chat.truncate(said[:6], 2)
    assert said.startswith(chat.history[2].text) and chat.history[3].text == "Another."


def test_the_system_text_stays_where_it_is(model: LocalModel) -> None:
    chat = model.chat(SYSTEM)
    chat.add(Message("user", "first"), 0)
    assert [message.role for message in chat.history] == ["system", "user"]
    with pytest.raises(OutOfTurn, match="cannot be changed"):
        chat.remove(0)


def test_heard_words_that_were_never_said_are_refused_and_change_nothing(model: LocalModel) -> None:
    chat = model.chat(SYSTEM)
    said = say(chat, "Hello?")
    with pytest.raises(NotSaid):
        chat.commit(f"not {said}")
    chat.commit()
    with pytest.raises(NotSaid):
        chat.truncate(f"{said} and more")
    assert chat.history[-1].text == said


def test_a_second_answer_or_a_message_waits_for_the_end_of_the_first(model: LocalModel) -> None:
    chat = model.chat(SYSTEM)
    say(chat, "Hello?")
    with pytest.raises(OutOfTurn, match="pending"):
        next(chat.reply("Hello?", SHORT))
    with pytest.raises(OutOfTurn, match="pending"):
        chat.add(Message("system", "A note."))
    assert chat.prefill("Hello, and") == 0


def test_prefilled_words_are_not_computed_again(model: LocalModel) -> None:
    chat = model.chat(SYSTEM)
    assert chat.prefill("Tell me of the sea") > 20
    assert chat.prefill("Tell me of the sea") == 0
    frame = len(model.template.frame(["user"])[-1])
    assert chat.prefill("Tell me of the sea.") == frame + 1


def test_conversations_with_one_system_text_share_its_computation(model: LocalModel) -> None:
    first, second = model.chat("A text of its own."), model.chat("A text of its own.")
    assert first.prefill("Hi") == second.prefill("Hi")
    assert say(first, "Hi") == say(second, "Hi")


def test_a_boundary_is_a_probability_and_the_tokens_make_the_text(model: LocalModel) -> None:
    tokens = list(model.chat(SYSTEM).reply("Hello?", SHORT))
    assert len(tokens) == SHORT.max_tokens
    assert all(0 <= token.boundary <= 1 for token in tokens)


def test_a_reply_knows_how_likely_the_users_text_is_a_whole_turn(model: LocalModel) -> None:
    chat = model.chat(SYSTEM)
    assert chat.turn_over is None
    chat.prefill("Tell me of the")  # what is known already must not change it
    reply = chat.reply("Tell me of the sea", SHORT)
    next(reply)
    opening = model.template.frame(["system", "user"])
    text = [*opening[0], *model.tokenizer.encode(SYSTEM), *opening[1]]
    text += model.tokenizer.encode("Tell me of the sea")
    decoder = model.decoder()
    decoder.prefill(text)
    ends = [opening[2][0], *model.tokenizer.encode("?")]
    assert chat.turn_over == pytest.approx(float(decoder.logits().softmax(0)[ends].sum()), rel=1e-3)


def test_a_reply_to_the_dialogue_as_it_stands_knows_of_no_turn(model: LocalModel) -> None:
    chat = model.chat(SYSTEM)
    chat.add(Message("user", "Hello?"))
    next(chat.reply(None, SHORT))
    assert chat.turn_over is None


def test_a_reply_knows_of_how_many_tokens_it_was_computed_and_how_many_were_in_the_cache(
    model: LocalModel,
) -> None:
    chat = model.chat(SYSTEM)
    assert chat.prompt_tokens is None
    first = len(chat.prompt_ids("Tell me of the sea"))
    tokens = list(chat.reply("Tell me of the sea", SHORT))
    computed = chat.prompt_tokens
    assert computed is not None and computed.total == first and 0 < computed.cached < first
    chat.commit()
    following = len(chat.prompt_ids("And of the hill?"))
    next(chat.reply("And of the hill?", SHORT))
    assert chat.prompt_tokens is not None and chat.prompt_tokens.total == following
    assert first < chat.prompt_tokens.cached < following - 1 and len(tokens) == SHORT.max_tokens


def test_a_closed_chat_says_so(model: LocalModel) -> None:
    chat = model.chat(SYSTEM)
    chat.close()
    chat.close()
    with pytest.raises(OutOfTurn, match="closed"):
        chat.prefill("Hello?")


def test_a_long_conversation_drops_its_oldest_turns_whole_and_goes_on(tmp_path: Path) -> None:
    chat = tiny_model(tmp_path, context=256).chat(SYSTEM)
    for turn in range(40):
        say(chat, f"Question {turn}?", Sampling(max_tokens=30))
        chat.commit()
        assert [message.role for message in chat.history[:2]] == ["system", "user"]
    assert chat.history[0].text == SYSTEM
    assert chat.history[-2] == Message("user", "Question 39?")
    assert len(chat.history) < 12


def test_an_answer_that_reaches_the_end_of_the_context_stops_there(tmp_path: Path) -> None:
    chat = tiny_model(tmp_path, context=128).chat(SYSTEM)
    tokens = list(chat.reply("Hello?", Sampling(max_tokens=1000)))
    assert 16 <= len(tokens) < 128
    chat.commit()
    assert say(chat, "And now?")


def test_a_message_longer_than_the_context_is_refused_and_nothing_is_dropped(tmp_path: Path) -> None:
    chat = tiny_model(tmp_path, context=128).chat(SYSTEM)
    say(chat, "Hi")
    chat.commit()
    before = chat.history
    with pytest.raises(ContextOverflow, match="room for 112"):
        chat.prefill("long " * 100)
    assert chat.history == before
    assert say(chat, "Hello?")


class Conversation(RuleBasedStateMachine):
    """Any order of calls, against a chat that is built anew from the same tokens before every answer."""

    model: LocalModel

    @initialize()
    def begin(self) -> None:
        self.chat = self.model.chat(SYSTEM)
        self.turns: list[tuple[str, str, list[int]]] = []  # role, text, ids
        self.user: str | None = None
        self.said: list[int] | None = None  # None: nothing pending

    def text_of(self, ids: list[int]) -> str:
        return self.model.tokenizer.decode(ids)

    @rule(text=st.text("he lthe in?头", max_size=12))
    def prefill(self, text: str) -> None:
        self.chat.prefill(text)

    @precondition(lambda self: self.said is None)
    @rule(text=st.none() | st.text("he lthe in?头", min_size=1, max_size=12), tokens=st.integers(1, 6))
    def reply(self, text: str | None, tokens: int) -> None:
        answer = [token.id for token in islice(self.chat.reply(text, SHORT), tokens)]
        self.user, self.said = text, answer
        assert answer == self.recomputed(text, tokens)

    def recomputed(self, text: str | None, tokens: int) -> list[int]:
        """Answer with an empty cache, a step being a forward pass over everything."""
        roles = [role for role, _, _ in self.turns] + (["user"] if text is not None else [])
        contents = [ids for _, _, ids in self.turns]
        contents += [self.model.tokenizer.encode(text)] if text is not None else []
        system, *frame = self.model.template.frame(["system", *roles])  # type: ignore[list-item]
        prompt = [*system, *self.model.tokenizer.encode(SYSTEM), *frame[0]]
        for ids, after in zip(contents, frame[1:], strict=True):
            prompt += [*ids, *after]
        answer: list[int] = []
        for _ in range(tokens):
            decoder = self.model.decoder()
            decoder.prefill([*prompt, *answer])
            if (id := int(decoder.logits().argmax())) in self.model.vocabulary.stop_ids:
                break
            answer.append(id)
        return answer

    @precondition(lambda self: self.said is not None)
    @rule(share=st.none() | st.floats(0, 1))
    def commit(self, share: float | None) -> None:
        assert self.said is not None
        heard = None if share is None else (text := self.text_of(self.said))[: round(share * len(text))]
        self.chat.commit(heard)
        if self.user is not None:
            self.turns.append(("user", self.user, self.model.tokenizer.encode(self.user)))
        self.keep(self.said, heard)
        self.said = None

    def keep(self, ids: list[int], heard: str | None) -> None:
        if heard is not None:
            fits = [n for n in range(1, len(ids) + 1) if heard.startswith(self.text_of(ids[:n]))]
            whole = [n for n in fits if self.text_of(ids[:n]) != self.text_of(ids[: n - 1])]
            ids = ids[: max(whole, default=0)]
        if ids:
            self.turns.append(("assistant", self.text_of(ids), ids))

    @rule()
    def discard(self) -> None:
        self.chat.discard()
        self.said = None

    @precondition(lambda self: self.turns and self.turns[-1][0] == "assistant" and self.said is None)
    @rule(share=st.floats(0, 1))
    def truncate(self, share: float) -> None:
        _, text, ids = self.turns.pop()
        heard = text[: round(share * len(text))]
        self.chat.truncate(heard)
        self.keep(ids, heard)

    @precondition(lambda self: self.said is None)
    @rule(text=st.text("he lin", min_size=1, max_size=8))
    def add(self, text: str) -> None:
        self.chat.add(Message("user", text))
        self.turns.append(("user", text, self.model.tokenizer.encode(text)))

    @invariant()
    def the_history_is_what_was_kept(self) -> None:
        if hasattr(self, "chat"):
            kept = [(message.role, message.text) for message in self.chat.history[1:]]
            assert kept == [(role, text) for role, text, _ in self.turns]


def test_no_order_of_calls_lets_the_cache_change_an_answer(model: LocalModel) -> None:
    machine = type("Conversation", (Conversation,), {"model": model})
    run_state_machine_as_test(
        machine, settings=settings(max_examples=40, stateful_step_count=12, deadline=None, derandomize=True)
    )


def test_an_answer_ends_before_its_stop_string_and_is_kept_without_it(model: LocalModel) -> None:
    chat = model.chat(SYSTEM)
    whole = say(chat, "Hello?", Sampling(max_tokens=30))
    chat.discard()
    stop = whole[len(whole) // 2 :][:3]
    said = say(chat, "Hello?", Sampling(max_tokens=30, stop=(stop,)))
    assert said == whole[: whole.index(stop)]
    chat.commit()
    assert said.startswith(chat.history[-1].text)


def test_stop_strings_that_do_not_come_lose_nothing(model: LocalModel) -> None:
    chat = model.chat(SYSTEM)
    whole = say(chat, "Hello?", Sampling(max_tokens=30))
    chat.discard()
    for stop in (whole[-2:] + "\0", "\0"):
        assert say(chat, "Hello?", Sampling(max_tokens=30, stop=(stop,))) == whole
        chat.discard()


def test_a_biased_token_that_there_is_not_is_refused_before_anything_happens(model: LocalModel) -> None:
    chat = model.chat(SYSTEM)
    with pytest.raises(BadSampling, match="logit_bias"):
        next(chat.reply("Hello?", Sampling(logit_bias=((10**6, 5.0),))))
    assert say(chat, "Hello?")


def test_a_brief_stands_behind_the_question_and_never_joins_the_dialogue(model: LocalModel) -> None:
    chat, other = model.chat(SYSTEM), model.chat(SYSTEM)
    chat.brief("Tea is at four.")
    other.add(Message("user", "When is tea?"))
    other.add(Message("system", "Tea is at four."))
    said = say(chat, "When is tea?")
    assert said == say(other, None)
    chat.commit()
    assert chat.history == (
        Message("system", SYSTEM),
        Message("user", "When is tea?"),
        Message("assistant", said),
    )
    briefed = chat.prompt_ids("Thanks.")
    chat.brief("")
    assert len(chat.prompt_ids("Thanks.")) < len(briefed)
    assert len(say(chat, "Thanks.")) > 0


def test_a_brief_is_not_changed_under_an_answer(model: LocalModel) -> None:
    chat = model.chat(SYSTEM)
    next(chat.reply("Hello?", SHORT))
    with pytest.raises(OutOfTurn):
        chat.brief("Tea is at four.")


def test_an_answer_begins_as_it_is_told_to(model: LocalModel) -> None:
    chat = model.chat(SYSTEM)
    begun = Sampling(max_tokens=6, begin="Tea is at four.")
    said = say(chat, "When is tea?", begun)
    assert said.startswith("Tea is at four.") and len(said) > len("Tea is at four.")
    chat.commit()
    assert chat.history[-1] == Message("assistant", said)


def test_the_probability_that_a_turn_is_over_is_of_the_users_words_whatever_the_brief(
    model: LocalModel,
) -> None:
    chat, plain = model.chat(SYSTEM), model.chat(SYSTEM)
    chat.brief("Tea is at four.")
    say(chat, "When is tea?", Sampling(max_tokens=2, begin="At"))
    say(plain, "When is tea?")
    assert chat.turn_over == pytest.approx(plain.turn_over, rel=1e-3)
