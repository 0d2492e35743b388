"""Common replies: which questions are the same, and what is kept of them, where and for how long."""

from __future__ import annotations

import json
import logging
import os
import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
import safetensors.torch
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from llm.embedding import SentenceEncoder
from llm.gist import gist, normalised
from llm.parts import Part
from llm.replies import OPENING, CommonReplies, Reply, Similarity, digest
from tests.question_pairs import LOOK_ALIKES, PAIRS, Pair, matches

BURN, FUND = "How do I treat a burn?", "What is an index fund?"
IDS, TEXT = (5, 6, 7), "Cool it under running water."


class Scripted:
    """An encoder that says what it is told."""

    def __init__(self, cosine: float) -> None:
        self.cosine = cosine

    def similarity(self, one: str, other: str) -> float:
        return self.cosine


EXACT = [pair for pair in PAIRS if pair.verdict == "exact"]
SAME = [pair for pair in PAIRS if pair.verdict == "same"]
QUESTIONS = sorted({question for pair in PAIRS for question in (pair.one, pair.other)})

Opened = Callable[..., CommonReplies]


@pytest.fixture
def opened(tmp_path: Path) -> Opened:
    """Open the replies in one folder, anew with every call."""

    def open_replies(
        *,
        model: str = "qwen",
        prompt: str = digest("Be kind."),
        encoder: Similarity | None = None,
        **bounds: int,
    ) -> CommonReplies:
        return CommonReplies(tmp_path / "medical", model=model, prompt=prompt, encoder=encoder, **bounds)

    return open_replies


def learn(replies: CommonReplies, question: str, context: str = OPENING, part: Part | None = None) -> bool:
    """Have a question asked and answered twice."""
    replies.learn(question, context, IDS, TEXT, part=lambda: part)
    return replies.learn(question, context, IDS, TEXT, part=lambda: part)


def part_of(tokens: int) -> Part:
    return Part(tokens, "of these ids", torch.randn(2, 3, 1, 2, tokens, 4).bfloat16())


# Which questions are the same.


def test_the_table_has_enough_pairs_to_mean_something() -> None:
    assert len(LOOK_ALIKES) >= 80 and len(EXACT) + len(SAME) >= 40


@pytest.mark.parametrize("pair", LOOK_ALIKES, ids=lambda pair: f"{pair.one} {pair.other}")
def test_look_alikes_never_match_not_even_if_the_encoder_takes_them_for_the_same(pair: Pair) -> None:
    assert not matches(pair, Scripted(1.0))
    assert not matches(Pair(pair.verdict, pair.kind, pair.other, pair.one), Scripted(1.0))


@pytest.mark.parametrize("pair", EXACT, ids=lambda pair: f"{pair.one} {pair.other}")
def test_the_same_words_match_without_an_encoder(pair: Pair) -> None:
    assert matches(pair, None)


def test_the_real_encoder_lets_most_courteous_variants_through(weights_dir: Callable[[str], Path]) -> None:
    encoder = SentenceEncoder(weights_dir("minilm-l6"))
    found = [pair for pair in SAME if matches(pair, encoder)]
    worded_alike = [pair for pair in SAME if pair.kind != "word"]
    assert len(found) >= 0.95 * len(worded_alike)
    assert not any(pair.kind == "word" for pair in found)  # other words may mean something else


def test_without_an_encoder_other_words_do_not_match() -> None:
    assert not any(matches(pair, None) for pair in SAME if normalised(pair.one) != normalised(pair.other))


def test_an_encoder_that_takes_them_for_different_questions_is_believed() -> None:
    courteous = Pair("same", "", BURN, "Hi, how do I treat a burn?")
    assert matches(courteous, Scripted(0.7)) and not matches(courteous, Scripted(0.5))


@given(st.sampled_from(QUESTIONS))
def test_normalising_twice_changes_nothing_and_keeps_the_gist(question: str) -> None:
    once = normalised(question)
    assert normalised(once) == once and gist(once) == gist(question)


@given(
    st.sampled_from(QUESTIONS),
    st.sampled_from(["not", "never", "10", "my", "aspirin", "before", "不", "没"]),
    st.data(),
)
def test_one_more_word_anywhere_makes_it_another_question(
    question: str, word: str, data: st.DataObject
) -> None:
    words = question.split()
    place = data.draw(st.integers(0, len(words)))
    longer = " ".join([*words[:place], word, *words[place:]])
    assert gist(longer) != gist(question)


@given(st.sampled_from(QUESTIONS), st.data())
def test_one_word_less_is_another_question_unless_it_was_courtesy(question: str, data: st.DataObject) -> None:
    words = gist(question)
    place = data.draw(st.integers(0, len(words) - 1))
    shorter = " ".join(words[:place] + words[place + 1 :])
    assert gist(shorter) != words or words[place] in {"?", ".", ","}


@given(st.text(max_size=60))
def test_any_text_has_a_gist_and_normalises(text: str) -> None:
    gist(text)
    assert normalised(normalised(text)) == normalised(text)


# What is kept.


def test_a_reply_is_kept_from_the_second_asking_on(opened: Opened) -> None:
    replies = opened()
    assert not replies.learn(BURN, OPENING, IDS, TEXT)
    assert replies.find(BURN) is None
    assert replies.learn("how do I treat a burn", OPENING, IDS, TEXT)
    reply = replies.find(BURN)
    assert reply is not None and (reply.ids, reply.text) == (IDS, TEXT)
    assert reply.question == "how do I treat a burn"


def test_what_was_asked_once_is_nowhere_on_the_disk(opened: Opened, tmp_path: Path) -> None:
    opened().learn(BURN, OPENING, IDS, TEXT)
    assert not list(tmp_path.rglob("*.*"))


def test_a_reply_is_found_under_its_own_context_only(opened: Opened) -> None:
    replies = opened()
    context = digest("user", BURN, "assistant", TEXT)
    learn(replies, "Can I touch it?", context)
    assert replies.find("Can I touch it?", context) is not None
    assert replies.find("Can I touch it?") is None
    assert replies.find("Can I touch it?", digest("user", FUND)) is None


def test_another_model_or_prompt_never_sees_it(opened: Opened) -> None:
    learn(opened(), BURN)
    assert opened().find(BURN) is not None
    assert opened(model="smollm2").find(BURN) is None
    assert opened(prompt=digest("Be rude.")).find(BURN) is None


def test_keys_and_values_come_back_bit_for_bit(opened: Opened) -> None:
    part = part_of(9)
    viewed = replace(part, key_values=part.key_values.transpose(4, 5).contiguous().transpose(4, 5))
    learn(opened(), BURN, part=viewed)
    reply = opened().find(BURN)
    assert reply is not None and reply.part is not None
    assert (reply.part.tokens, reply.part.sequence) == (9, "of these ids")
    assert reply.part.key_values.dtype == torch.bfloat16
    assert torch.equal(reply.part.key_values, part.key_values)


def test_keys_and_values_are_asked_for_only_when_they_are_kept(opened: Opened) -> None:
    asked = []
    for _ in range(2):
        opened().learn(FUND, OPENING, IDS, TEXT, part=lambda: asked.append(1))
    assert not asked


def test_the_newest_reply_to_a_question_takes_the_place_of_the_older(opened: Opened, tmp_path: Path) -> None:
    replies = opened(encoder=Scripted(1.0))
    learn(replies, BURN)
    replies.learn("Hi, how do I treat a burn?", OPENING, (8,), "See a doctor.")
    assert len(replies) == len(list(tmp_path.rglob("*.safetensors"))) == 1
    reply = opened(encoder=Scripted(1.0)).find(BURN)
    assert reply is not None and reply.text == "See a doctor."


def test_the_least_recently_used_reply_makes_room(opened: Opened) -> None:
    replies = opened(most=2)
    learn(replies, BURN)
    learn(replies, FUND)
    assert replies.find(BURN) is not None
    learn(replies, "What is a bond?")
    assert replies.find(FUND) is None and replies.find(BURN) is not None


def test_what_was_used_last_survives_a_restart_with_less_room(opened: Opened, tmp_path: Path) -> None:
    replies = opened()
    for question in (BURN, FUND):
        learn(replies, question)
    for path in tmp_path.rglob("*.safetensors"):
        os.utime(path, (1, 1))
    assert replies.find(BURN) is not None
    fewer = opened(most=1)
    assert fewer.find(BURN) is not None and fewer.find(FUND) is None
    assert len(list(tmp_path.rglob("*.safetensors"))) == 1


def test_a_reply_larger_than_all_room_is_not_kept_and_pushes_nothing_out(opened: Opened) -> None:
    replies = opened(most_bytes=4000)
    learn(replies, BURN)
    assert not learn(replies, FUND, part=part_of(100))
    assert replies.find(FUND) is None and replies.find(BURN) is not None


@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 12), st.integers(1, 9)), max_size=30),
    st.integers(1, 5),
    st.integers(500, 4000),
)
def test_bounds_hold_whatever_is_learnt_and_a_restart_finds_the_same(
    learnt: Sequence[tuple[int, int]], most: int, most_bytes: int
) -> None:
    with tempfile.TemporaryDirectory() as folder:

        def opened() -> CommonReplies:
            return CommonReplies(Path(folder), model="m", prompt="p", most=most, most_bytes=most_bytes)

        replies = opened()
        for topic, tokens in learnt:
            replies.learn(
                f"What is number {topic}?", OPENING, range(tokens), "A number.", part=partial(part_of, tokens)
            )
        assert len(replies) <= most
        kept = {topic: replies.find(f"What is number {topic}?") for topic in range(13)}
        found = [reply for reply in kept.values() if reply is not None]
        assert len(found) == len(replies) == len(list(Path(folder).glob("*.safetensors")))
        assert sum(reply.size_bytes for reply in found) <= most_bytes
        again = CommonReplies(Path(folder), model="m", prompt="p")
        assert {topic: again.find(f"What is number {topic}?") for topic in kept} == kept


# What can go wrong.


def test_a_removed_file_is_a_forgotten_reply_at_once(opened: Opened, tmp_path: Path) -> None:
    replies = opened()
    learn(replies, BURN)
    next(tmp_path.rglob("*.safetensors")).unlink()
    assert replies.find(BURN) is None and len(replies) == 0


@pytest.mark.parametrize("content", [b"", b"not safetensors", b"\x08\0\0\0\0\0\0\0{}      "])
def test_a_damaged_file_is_ignored_with_a_warning(
    opened: Opened, tmp_path: Path, caplog: pytest.LogCaptureFixture, content: bytes
) -> None:
    learn(opened(), BURN)
    learn(opened(), FUND)
    damaged = next(tmp_path.rglob("*.safetensors"))
    damaged.write_bytes(content)
    assert len(opened()) == 1
    assert [record.levelno for record in caplog.records] == [logging.WARNING]
    assert str(damaged) in caplog.text


@pytest.mark.parametrize("change", [{"version": 0}, {"ids": ["x"]}, {"ids": None}])
def test_a_file_of_another_version_or_shape_is_ignored_with_a_warning(
    opened: Opened, tmp_path: Path, caplog: pytest.LogCaptureFixture, change: dict[str, object]
) -> None:
    learn(opened(), BURN)
    path = next(tmp_path.rglob("*.safetensors"))
    with safetensors.safe_open(path, "pt") as file:
        header = json.loads(file.metadata()["reply"])
    safetensors.torch.save_file({}, path, {"reply": json.dumps(header | change)})
    assert len(opened()) == 0 and "no common reply" in caplog.text


def test_a_folder_that_cannot_be_written_is_a_warning(
    opened: Opened, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "medical").write_text("a file in the folder's place")
    replies = opened()
    assert not learn(replies, BURN)
    assert replies.find(BURN) is None and "could not be stored" in caplog.text


def test_threads_may_learn_and_find_at_once(opened: Opened) -> None:
    replies = opened(most=4)

    def ask(topic: int) -> Reply | None:
        question = f"What is number {topic % 6}?"
        learn(replies, question)
        return replies.find(question)

    with ThreadPoolExecutor(8) as pool:
        replied = list(pool.map(ask, range(100)))
    assert len(replies) <= 4 and {reply.text for reply in replied if reply is not None} == {TEXT}
