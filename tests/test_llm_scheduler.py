"""Who is computed for next: the order as a pure function, then real answers that share passes."""

from __future__ import annotations

from collections.abc import Generator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm.engine import Sampling
from llm.generation import AHEAD_TOKENS
from llm.local import LocalChat, LocalModel
from llm.scheduler import GATHERING_S, MOST_TOGETHER, PATIENCE_S, Call, Schedule, Scheduler
from llm.window import MOST_PROPOSED
from tests.tiny_model import tiny_model

PASS_S = 0.05


@dataclass(eq=False)
class Answer:
    """As much of a `Generation` as the order depends on."""

    urgent: bool = False
    wants: bool = True
    served_s: float = 0.0

    def ready(self, *, alone: bool) -> bool:
        return self.wants


def call(urgent: bool, steps: int = 1) -> Call:
    def work() -> Generator[None]:
        for _ in range(steps):
            yield

    return Call(work(), urgent, Future())


def schedule(*answers: Answer, calls: tuple[Call, ...] = ()) -> Schedule:
    made = Schedule()
    made.generations += answers  # type: ignore[arg-type]
    made.calls += calls
    return made


def chosen(waiting: Schedule, now_s: float) -> object:
    return waiting.next(now_s)


def test_without_anything_to_do_there_is_no_work() -> None:
    assert chosen(schedule(), 0.0) is None
    assert chosen(schedule(Answer(wants=False)), 0.0) is None


def test_all_answers_take_part_in_a_pass_while_none_is_urgent() -> None:
    answers = [Answer() for _ in range(3)]
    assert chosen(schedule(*answers), 0.1) == answers


def test_an_answer_of_which_nothing_was_heard_goes_before_the_others_and_they_wait_only_so_long() -> None:
    new, old = Answer(urgent=True), Answer()
    assert chosen(schedule(new, old), PATIENCE_S - 0.01) == [new]
    assert chosen(schedule(new, old), PATIENCE_S + 0.01) == [new, old]


def test_the_longest_waiting_go_first_when_there_are_more_than_a_pass_takes() -> None:
    answers = [Answer(served_s=float(-n)) for n in range(MOST_TOGETHER + 2)]
    assert chosen(schedule(*answers), 0.0) == answers[:1:-1]


def test_a_prompt_and_the_answers_get_on_in_turn() -> None:
    answer, prompt = Answer(), call(urgent=False, steps=3)
    waiting = schedule(answer, calls=(prompt,))
    assert [chosen(waiting, 0.0) for _ in range(4)] == [prompt, [answer], prompt, [answer]]


def test_an_urgent_prompt_goes_before_answers_that_can_wait() -> None:
    prompt = call(urgent=True, steps=3)
    waiting = schedule(Answer(), calls=(call(urgent=False), prompt))
    assert [chosen(waiting, 0.0) for _ in range(3)] == [prompt] * 3


def test_a_pass_waits_a_little_for_prompts_whose_answers_can_take_part_in_it() -> None:
    answer, prompt = Answer(urgent=True), call(urgent=True, steps=9)
    waiting = schedule(answer, calls=(prompt,))
    assert chosen(waiting, GATHERING_S - 0.01) is prompt
    assert chosen(waiting, GATHERING_S + 0.01) == [answer]


@given(
    urgent=st.lists(st.booleans(), min_size=1, max_size=2 * MOST_TOGETHER),
    prompts=st.lists(st.booleans(), max_size=3),
)
def test_nobody_starves(urgent: list[bool], prompts: list[bool]) -> None:
    answers = [Answer(urgent=each) for each in urgent]
    waiting = schedule(*answers, calls=tuple(call(urgent=each) for each in prompts))
    now_s, longest_s = 0.0, 0.0
    for _ in range(200):
        work = waiting.next(now_s)
        now_s += PASS_S
        if isinstance(work, list):
            for answer in work:
                longest_s = max(longest_s, now_s - answer.served_s)
                answer.served_s = now_s
    longest_s = max(longest_s, *(now_s - answer.served_s for answer in answers))
    passes = -(-len(answers) // MOST_TOGETHER)  # until everybody was in one
    assert longest_s <= PATIENCE_S + 2 * PASS_S * (passes + 1) + 1e-9


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> LocalModel:
    return tiny_model(tmp_path_factory.mktemp("tiny"))


QUESTIONS = [f"Tell me of the {thing}" for thing in ("sea", "hill", "moon", "rain", "hare", "inn")]


def answer(model: LocalModel, question: str, most: int = 40) -> list[int]:
    return [token.id for token in model.chat("Be kind.").reply(question, Sampling(max_tokens=most))]


def test_answers_that_share_passes_are_those_that_each_gets_alone(model: LocalModel) -> None:
    alone = [answer(model, question) for question in QUESTIONS]
    with ThreadPoolExecutor(len(QUESTIONS)) as sessions:
        together = list(sessions.map(lambda question: answer(model, question), QUESTIONS))
    assert together == alone


def test_sessions_at_once_take_fewer_passes_than_tokens(tmp_path: Path) -> None:
    model = tiny_model(tmp_path)
    model.costs = (1.0,)  # no windows
    widths: list[int] = []
    step = model.network.step
    model.network.step = lambda ids, caches: widths.append(len(ids)) or step(ids, caches)  # type: ignore[method-assign, func-returns-value]
    with ThreadPoolExecutor(len(QUESTIONS)) as sessions:
        list(sessions.map(lambda question: answer(model, question), QUESTIONS))
    assert max(widths) >= 3


def held(chat: LocalChat) -> int:
    """How many tokens its cache holds, once what was under way is over."""
    for _ in range(20):
        chat._model.scheduler.run(lambda: None)
    return len(chat._open()._ids)


def test_an_answer_that_is_left_is_computed_no_further(model: LocalModel) -> None:
    chat = model.chat("Be kind.")
    reply = chat.reply("Tell me of the sea", Sampling(max_tokens=100))
    next(reply)
    reply.close()
    assert held(chat) == held(chat) < 70


def test_an_answer_alone_is_made_as_it_is_asked_for(model: LocalModel) -> None:
    chat = model.chat("Be kind.")
    reply = chat.reply("Tell me of the sea", Sampling(max_tokens=100))
    next(reply)
    before = held(chat)
    list(islice(reply, 3))
    assert before < held(chat) <= before + 3 + MOST_PROPOSED
    reply.close()


def test_among_others_an_answer_is_made_a_little_ahead_and_no_more(model: LocalModel) -> None:
    one, other = model.chat("Be kind."), model.chat("Be kind.")
    reply = one.reply("Tell me of the sea", Sampling(max_tokens=100))
    next(reply)
    before = held(one)
    company = other.reply("Tell me of the hill", Sampling(max_tokens=100))
    next(company)
    assert before + 2 <= held(one) <= before + AHEAD_TOKENS + MOST_PROPOSED
    for each in (reply, company):
        each.close()


def test_what_breaks_a_pass_reaches_everybody_in_it_and_the_next_pass_is_whole(tmp_path: Path) -> None:
    model = tiny_model(tmp_path)
    forward = model.network.forward
    chat = model.chat("Be kind.")
    reply = chat.reply("Tell me of the sea", Sampling(max_tokens=100))
    next(reply)

    def broken(*args: object, **more: object) -> None:
        raise RuntimeError("the memory is gone")

    model.network.forward = broken  # type: ignore[method-assign, assignment]
    with pytest.raises(RuntimeError, match="the memory is gone"):
        list(reply)
    model.network.forward = forward  # type: ignore[method-assign]
    chat.discard()
    assert answer(model, "Tell me of the sea") == [
        token.id for token in chat.reply("Tell me of the sea", Sampling(max_tokens=40))
    ]


def test_a_call_returns_its_result_or_raises_its_error() -> None:
    scheduler = Scheduler()
    assert scheduler.run(lambda: 7) == 7
    with pytest.raises(ZeroDivisionError):
        scheduler.run(lambda: 1 // 0)
