"""What is a wish about the speaking, and what only sounds like one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant.pace_wishes import Kind, Wish, wish_in
from tests.cpu_time import least_s

SLOWER = """
Slower, please.
Can you speak more slowly?
Too fast.
Could you talk a bit slower please?
Please speak slowly.
Slow down!
Slow down a little, please.
Could you please slow down?
You're talking too fast.
You speak very fast.
That was too fast for me.
That's way too fast.
Not so fast.
Don't talk so fast.
I'm sorry, could you speak slower?
Sorry, can you say that again slowly?
I need you to speak more slowly.
My English is not so good so please speak slowly.
Would you mind speaking more slowly?
I can't follow you.
A little slower.
Much slower, please.
Slow down. How much ibuprofen can I take?
说慢一点。
慢点说。
太快了。
你说得太快了。
请说慢一点好吗？
能不能慢一点？
能不能说慢一点，我没听清。
麻烦您讲慢一些。
语速太快了。
放慢语速。
别说那么快。
慢慢说。
說慢一點。
"""
FASTER = """
Faster.
Faster, please.
Speed up.
Could you speed it up a bit?
Can you talk faster?
Please go a little faster.
You're too slow.
You talk too slowly.
Don't speak so slowly.
Hurry up, please.
快一点。
说快一点。
能不能快点说？
太慢了。
加快语速。
你可以说快一些吗？
"""
NORMAL = """
Talk normally.
Please speak normally again.
Normal speed, please.
Go back to your normal speed.
Can you go back to normal speed?
At the usual pace, please.
正常速度。
用正常语速说。
恢复正常语速吧。
"""
AGAIN = """
Sorry?
What?
Pardon?
Excuse me?
Say that again.
Can you repeat that, please?
Could you say that again?
I didn't catch that.
Sorry, I didn't hear you.
What did you say?
再说一遍。
没听清。
什么？
你说什么？
请您重复一遍。
"""
NOTHING = """
My heart beats faster.
Is the market slowing down?
The slower drug.
Which is the slower drug?
Does the faster one cost more?
How can I slow down the disease?
Can you slow down the progression of arthritis?
How can you slow down?
My heart rate is too fast.
My pulse was going too fast yesterday.
Should I walk faster?
I want to run faster.
Will the pain go away faster with ice?
Can I speed up the recovery?
Does coffee speed up the heart?
Can you tell me the fastest way to save?
I eat too fast.
The economy grows too slowly.
Is fasting good for me?
I fast twice a week.
My blood pressure is back to normal, is that right?
Is a normal rate sixty?
What is a normal heart rate?
I'm sorry to hear that.
Sorry, I meant ibuprofen.
What should I do?
What is a fever?
You don't have to slow down.
My speech is slow.
I can't keep up with my payments.
Should I take it again?
I said the same thing again.
我心跳太快了。
走快一点有好处吗？
吃慢一点好吗？
市场在放慢吗？
血糖降得太快了怎么办？
我想快点好起来。
恢复得慢一点正常吗？
正常的血压是多少？
什么是发烧？
这个药见效快吗？
"""


def table(text: str) -> list[str]:
    return [line for line in text.splitlines() if line]


KINDS = {Kind.SLOWER: SLOWER, Kind.FASTER: FASTER, Kind.AGAIN: AGAIN}


@pytest.mark.parametrize(("kind", "text"), [(kind, text) for kind in KINDS for text in table(KINDS[kind])])
def test_a_wish_is_known_for_what_it_is(kind: Kind, text: str) -> None:
    wish = wish_in(text)
    assert wish is not None and wish.kind is kind


@pytest.mark.parametrize("text", table(NORMAL))
def test_normal(text: str) -> None:
    assert wish_in(text) == Wish(Kind.NORMAL)


@pytest.mark.parametrize("text", table(NOTHING))
def test_what_only_sounds_like_a_wish(text: str) -> None:
    assert wish_in(text) is None


@pytest.mark.parametrize("text", ["Faster.", "A bit slower.", "Too fast.", "太快了。", "快一点。"])
def test_a_bare_word_after_a_question_of_ours_answers_it(text: str) -> None:
    assert wish_in(text) is not None
    assert wish_in(text, answering=True) is None


@pytest.mark.parametrize("text", ["Faster, please.", "Slow down.", "Speak slower.", "说慢一点。"])
def test_a_wish_that_names_the_speaking_is_one_after_a_question_too(text: str) -> None:
    assert wish_in(text, answering=True) is not None


def test_how_much_is_heard() -> None:
    assert wish_in("A bit slower, please.") == Wish(Kind.SLOWER, 0.5)
    assert wish_in("Speak much faster.") == Wish(Kind.FASTER, 2.0)


@given(st.text(max_size=300))
def test_any_text_is_read(text: str) -> None:
    wish_in(text)


@pytest.mark.parametrize(
    "text", ["please can you just " * 5, "no you can speak a bit a bit " * 3, "请你能不能说慢" * 14]
)
def test_the_patterns_take_no_time_on_a_hostile_turn(text: str) -> None:
    plain_s = least_s(lambda: wish_in("Could you tell me how long I should take these pills, please?"))
    assert least_s(lambda: wish_in(text)) < 100 * plain_s
