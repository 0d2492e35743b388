"""What is a judgement on the last answer, and what only sounds like one."""

from __future__ import annotations

import pytest

from assistant.feedback_wishes import rating_in
from assistant.turn_report import Rating

RIGHT, WRONG = Rating(right=True), Rating(right=False)
FLUENT, CHOPPY = Rating(fluent=True), Rating(fluent=False)


@pytest.mark.parametrize(
    ("text", "rating"),
    [
        ("That was wrong.", WRONG),
        ("No, that's wrong.", WRONG),
        ("Sorry, that's not correct.", WRONG),
        ("That isn't right.", WRONG),
        ("I think your answer was wrong.", WRONG),
        ("You got that wrong.", WRONG),
        ("What you said is not true.", WRONG),
        ("That's right, thanks.", RIGHT),
        ("Yes, that was correct. Thank you very much.", RIGHT),
        ("Your answer is correct.", RIGHT),
        ("You sounded choppy.", CHOPPY),
        ("Your voice was very robotic.", CHOPPY),
        ("You're breaking up.", CHOPPY),
        ("You sounded very natural.", FLUENT),
        ("That was right, but you sounded choppy.", Rating(fluent=False, right=True)),
        ("说得不对。", WRONG),
        ("你说错了", WRONG),
        ("你刚才说得不对", WRONG),
        ("你說得對，謝謝。", RIGHT),
        ("回答正确", RIGHT),
        ("你说话断断续续的", CHOPPY),
        ("说得很流利", FLUENT),
    ],
)
def test_a_turn_that_judges_the_answer_is_a_rating(text: str, rating: Rating) -> None:
    assert rating_in(text) == rating


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Thanks.",
        "Right.",
        "Okay, and what about children?",
        "Was that right?",
        "Is that correct?",
        "That was the wrong drug for me.",
        "I took the wrong pills.",
        "What is wrong with me?",
        "That's right, but what should I take?",
        "My doctor was wrong.",
        "It is not right that they charge for it.",
        "My heart sounded choppy.",
        "That was great.",
        "It was broken.",
        "It is clear.",
        "I was cut off, my voice is broken.",
        "The right knee hurts.",
        "是不是不对？",
        "我的腿不对劲",
        "右边不对称",
        "对",
        "不对",
        "That was wrong, " * 8,
    ],
)
def test_what_speaks_of_something_else_is_none(text: str) -> None:
    assert rating_in(text) is None


@pytest.mark.parametrize("text", ["That's right.", "Yes, that is correct, thanks.", "That isn't true."])
def test_after_a_question_of_ours_a_bare_yes_is_its_answer(text: str) -> None:
    assert rating_in(text, answering=True) is None
    assert rating_in(text) is not None


def test_after_a_question_of_ours_a_word_about_the_answer_itself_still_counts() -> None:
    assert rating_in("Your answer was wrong.", answering=True) == WRONG
    assert rating_in("你说错了", answering=True) == WRONG
