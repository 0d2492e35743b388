"""What was learned of a question, by itself and behind the one before, beside the scores by words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pytest

from assistant.knowledge import parse_entries
from assistant.retrieval import Floats, Retriever, goes_on
from tests.consult_domains import KNOWLEDGE

BEFORE = "I would like to come by with my niece"
ALONE = "when would somebody open the door to us on a working day"  # does not point back
LEANS = "and on Mondays"


class Known:
    """Topics that say what they are told to: [none, green-tea, hours], by the text asked for."""

    def __init__(self, probable: Mapping[str, Sequence[float]]) -> None:
        self._probable = probable

    def probabilities(self, question: str) -> Floats | None:
        return np.array(self._probable[question], np.float32)


def retriever(question: str, alone: Sequence[float], both: Sequence[float]) -> Retriever:
    known = Known({question: alone, f"{BEFORE} {question}": both})
    return Retriever(parse_entries(KNOWLEDGE, "tea.md"), topics=known)


@pytest.mark.parametrize(
    ("alone", "both", "nearest"),
    [
        ((0.1, 0.45, 0.45), (0.1, 0.1, 0.8), "hours"),
        ((0.1, 0.45, 0.45), (0.1, 0.8, 0.1), "green-tea"),
        ((0.0, 0.01, 0.99), (0.0, 0.95, 0.05), "hours"),  # ruled out by itself, likely behind the other
    ],
)
def test_both_readings_of_a_question_say_what_it_is_about(
    alone: Sequence[float], both: Sequence[float], nearest: str
) -> None:
    found = retriever(ALONE, alone, both).search(ALONE, BEFORE)
    assert found.hits[0].entry.id == nearest


def test_a_certain_entry_is_not_less_than_one_that_is_not() -> None:
    """Scores stay comparable: a second passage comes along by its share of the first one's."""
    question = "which of the two"
    first, second = retriever(question, (0.0, 0.0, 1.0), (0.0, 0.0, 1.0)).search(question, BEFORE).hits
    assert [first.score, second.score] == pytest.approx([2.0, 0.0], abs=0.01)


@pytest.mark.parametrize(
    ("question", "alone", "supported"),
    [
        (ALONE, 0.8, False),  # it is whole, and says by itself that it is foreign
        (LEANS, 0.8, True),
        (LEANS, 0.9, False),  # it has left the subject
    ],
)
def test_only_a_question_that_leans_is_known_by_the_one_before(
    question: str, alone: float, supported: bool
) -> None:
    assert goes_on(question) is (question == LEANS)
    tea = retriever(question, (alone, 0.0, 1 - alone), (0.1, 0.0, 0.9))
    assert tea.search(question, BEFORE).supported is supported
