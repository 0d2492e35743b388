"""What is proposed to follow, and how much of it; that it changes no answer."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm.engine import Sampling
from llm.local import LocalModel
from llm.window import FREE, LONGEST, Corpus, Lookup, Window, window_costs
from tests.tiny_model import tiny_model

SEQUENCES = st.lists(st.integers(0, 3), max_size=40)
ONE_BY_ONE = (1.0,)
DEAR = (1.0, 9.0, 9.0, 9.0)


def test_what_followed_the_same_tokens_before_is_proposed() -> None:
    assert Lookup().propose([7, 1, 2, 3, 4, 5, 9, 1, 2], 3) == (2, [3, 4, 5])
    assert Lookup().propose([7, 1, 2, 3], 3) == (0, [])
    assert Lookup().propose([], 3) == (0, [])


def test_the_longest_context_counts_and_of_equals_the_last() -> None:
    assert Lookup().propose([1, 2, 8, 3, 2, 9, 4, 2, 7, 1, 2], 1) == (2, [8])
    assert Lookup().propose([1, 2, 8, 3, 2, 9, 4, 2], 1) == (1, [9])


@given(SEQUENCES, st.lists(st.tuples(st.integers(0, 40), SEQUENCES), max_size=4), st.integers(1, 7))
def test_after_any_crops_a_proposal_is_what_followed_its_context_before(
    ids: list[int], edits: list[tuple[int, list[int]]], most: int
) -> None:
    lookup = Lookup()
    lookup.propose(ids, most)
    for kept, more in edits:
        ids = ids[:kept] + more
        context, found = lookup.propose(ids, most)
        assert len(found) <= most
        assert bool(found) == (0 < context <= LONGEST)
        if found:
            ending = ids[len(ids) - context :]
            places = [at for at in range(context, len(ids)) if ids[at - context : at] == ending]
            assert any(ids[at : at + most] == found for at in places)


def test_a_corpus_proposes_what_followed_in_the_last_text_that_has_the_context() -> None:
    corpus = Corpus(most=2)
    assert corpus.propose([1, 2], 3) == (0, [])
    for text in ([1, 2, 3, 4], [5, 2, 6], [7, 8]):
        corpus.add(text)
    assert corpus.propose([1, 2], 3) == (2, [3, 4])
    assert corpus.propose([9, 2], 3) == (1, [6])
    assert corpus.propose([9, 4], 3) == (0, [])  # nothing followed


def test_a_full_corpus_forgets_its_oldest_texts() -> None:
    corpus = Corpus(most=2)
    for n in range(5):
        corpus.add([n, 10 + n])
    assert [corpus.propose([n], 1)[1] for n in range(5)] == [[], [], [], [13], [14]]


def test_the_longest_context_of_all_sources_counts_and_of_equals_the_dialogue() -> None:
    corpus = Corpus(most=2)
    corpus.add([4, 1, 2, 8])
    window = Window(FREE, Lookup())
    window.add(corpus)
    assert window.propose([7, 2, 9, 2], room=1).ids == (9,)
    assert window.propose([7, 2, 9, 1, 2], room=1).ids == (8,)


def test_the_window_widens_while_proposals_come_true_and_closes_while_they_do_not() -> None:
    window = Window((1.0, 1.2, 1.4, 1.6), Lookup())
    ids = [1, 2, 3, 4, 5, 1]
    widths = []
    for followed in [[2, 3, 4]] * 60 + [[9]] * 200:
        proposal = window.propose(ids, room=10)
        widths.append(len(proposal.ids))
        window.learn(proposal, followed)
    assert max(widths[:60]) == widths[59] == 3
    assert widths[-1] == 0


def test_what_was_not_worth_verifying_still_teaches() -> None:
    window = Window((1.0, 1.5, 2.0), Lookup())
    ids = [1, 2, 3, 4, 5, 1]
    assert window.propose(ids, room=10).ids == ()
    for _ in range(60):
        window.learn(window.propose(ids, room=10), [2, 3])
    assert window.propose(ids, room=10).ids == (2, 3)


def test_no_more_is_proposed_than_there_is_room_or_than_pays() -> None:
    ids = [1, 2, 3, 4, 1, 2]
    assert len(Window(FREE, Lookup()).propose(ids, room=1).ids) == 1
    assert Window(FREE, Lookup()).propose(ids, room=0).ids == ()
    assert Window(ONE_BY_ONE, Lookup()).propose(ids, room=9).ids == ()
    assert Window(DEAR, Lookup()).propose(ids, room=9).ids == ()


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> LocalModel:
    return tiny_model(tmp_path_factory.mktemp("tiny"))


@pytest.mark.parametrize(
    "sampling", [Sampling(max_tokens=60), Sampling(temperature=0.3, seed=4, max_tokens=60)]
)
def test_a_window_changes_no_answer_and_no_later_one(model: LocalModel, sampling: Sampling) -> None:
    answers = []
    for costs in (ONE_BY_ONE, FREE):
        model.costs = costs
        chat = model.chat("Repeat the sea, the sea, the sea.")
        for question in ("Tell me of the sea", "And of the sea again"):
            answers.append([token.id for token in chat.reply(question, sampling)])
            chat.commit()
    assert answers[:2] == answers[2:]


def test_a_reply_with_a_window_takes_fewer_passes(tmp_path: Path) -> None:
    model = tiny_model(tmp_path)  # a random model repeats itself: all it says twice is proposed
    passes = []
    forward = model.network.forward
    model.network.forward = lambda *args, **kw: passes.append(1) or forward(*args, **kw)  # type: ignore[method-assign, func-returns-value]
    counts = []
    for costs in (ONE_BY_ONE, FREE):
        model.costs = costs
        passes.clear()
        tokens = list(model.chat("Be kind.").reply("Tell me", Sampling(max_tokens=60)))
        counts.append((len(tokens), len(passes)))
    (plain_tokens, plain), (window_tokens, windowed) = counts
    assert plain_tokens == window_tokens == 60
    assert windowed < 0.7 * plain


def test_the_cost_of_a_width_is_measured_against_a_single_step(model: LocalModel) -> None:
    costs = window_costs(model.decoder())
    assert costs[0] == 1.0
    assert list(costs) == sorted(costs)
