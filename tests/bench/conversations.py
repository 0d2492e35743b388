"""What a conversation gains by the decoder's parts, each against the same conversation without it."""

from __future__ import annotations

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from statistics import median
from threading import Barrier

import numpy as np

from llm.decoder import shared_length
from llm.engine import Message, Sampling
from llm.local import LocalChat, LocalModel
from llm.pacing import Pacer
from tests.bench.consultations import Consultation

ONE_BY_ONE = (1.0,)  # costs that leave no room for a window
ANSWER = Sampling(max_tokens=64)  # two or three sentences
BANNED = -100.0  # a bias that no token overcomes
SESSIONS = 8
HISTORY_TOKENS = 600
TURN = "Since this morning it has been getting worse and I am not sure whether {} at home or call"  # 20 words
LAST_WORDS = 5  # of a turn, that are not known when the rest is computed ahead
THINGS = ("I should wait", "I can stay", "I could sleep", "it is safe", "I may rest")


def window_speedup(model: LocalModel, talks: Sequence[Consultation]) -> float:
    """Time of all answers token by token over that with windows. Raises AssertionError if they differ."""
    measured = model.costs
    times_s, answers = [], []
    for costs in (measured, ONE_BY_ONE, measured, ONE_BY_ONE):
        model.costs = costs
        results = [_answers(model.chat(talk.system), talk.questions) for talk in talks]
        times_s.append(sum(taken_s for _, taken_s in results))
        answers.append([ids for ids, _ in results])
    model.costs = measured
    assert all(each == answers[0] for each in answers), "a window changed an answer"
    return min(times_s[1::2]) / min(times_s[::2])


def _answers(chat: LocalChat, questions: Sequence[str]) -> tuple[list[int], float]:
    """Ask in order; returns all ids said, and the seconds from each answer's first token to its last."""
    said: list[int] = []
    taken_s = 0.0
    for question in questions:
        reply = chat.reply(question, ANSWER)
        said.append(next(reply).id)
        start_s = time.perf_counter()
        said += [token.id for token in reply]
        taken_s += time.perf_counter() - start_s
        chat.commit()
    return said, taken_s


def batch_figures(model: LocalModel, talks: Sequence[Consultation]) -> dict[str, float]:
    """Tokens a second of eight sessions together over those of one, and when their first phrases come."""
    questions = [(talk.system, question) for talk in talks for question in talk.questions][::2][:SESSIONS]
    measured, model.costs = model.costs, ONE_BY_ONE  # the batch has no windows either
    alone = median(_together(model, [question])[0] for question in questions)
    rates, first_ms = zip(*(_together(model, questions) for _ in range(3)), strict=True)
    model.costs = measured
    return {
        "batch8_tok_s": median(rates),
        "batch8_speedup": median(rates) / alone,
        "batch8_first_phrase_ms_p95": float(np.percentile(np.concatenate(first_ms), 95)),
    }


def _together(model: LocalModel, questions: Sequence[tuple[str, str]]) -> tuple[float, list[float]]:
    """Ask all at once; returns tokens a second from the first ones on, and each first phrase's time in ms."""
    begun = Barrier(len(questions))
    # All answers are as long as may be: else the last passes would be narrow.
    endless = replace(ANSWER, logit_bias=tuple((id, BANNED) for id in sorted(model.vocabulary.stop_ids)))

    def ask(asked: tuple[str, str]) -> tuple[int, float, float, float]:
        system, question = asked
        chat, pacer, phrase_ms = model.chat(system), Pacer(), 0.0
        begun.wait()
        asked_s = time.perf_counter()
        reply = chat.reply(question, endless)
        tokens = [next(reply)]
        first_s = time.perf_counter()
        for token in reply:
            tokens.append(token)
            if not phrase_ms and pacer.feed(token.text, token.boundary, 0.0):
                phrase_ms = (time.perf_counter() - asked_s) * 1000
        return len(tokens), first_s, time.perf_counter(), phrase_ms

    with ThreadPoolExecutor(len(questions)) as sessions:
        results = list(sessions.map(ask, questions))
    counts, firsts_s, lasts_s, phrases_ms = zip(*results, strict=True)
    return sum(counts) / (max(lasts_s) - min(firsts_s)), [ms for ms in phrases_ms if ms]


def ttft_ms(model: LocalModel, talks: Sequence[Consultation]) -> float:
    """Median ms from the end of a 20-word turn, known but for its last words, to the answer's first token."""
    times_ms = []
    chat = model.chat(talks[0].system)
    said = talks[1].system
    while len(chat.prompt_ids("")) < HISTORY_TOKENS:
        chat.add(Message("user", said[:200]))
        chat.add(Message("assistant", said[200:400]))
    for thing in THINGS:
        turn = TURN.format(thing)
        chat.prefill(" ".join(turn.split()[:-LAST_WORDS]))
        start_s = time.perf_counter()
        next(chat.reply(turn, ANSWER))
        times_ms.append((time.perf_counter() - start_s) * 1000)
        chat.discard()
    return median(times_ms)


def barge_in_reused(model: LocalModel, talks: Sequence[Consultation]) -> float:
    """Of the tokens of a prompt after an interruption that were known before it, the share not recomputed."""
    known, recomputed = 0, 0
    for talk in talks:
        chat = model.chat(talk.system)
        for question, following in zip(talk.questions, talk.questions[1:], strict=False):
            tokens = list(chat.reply(question, ANSWER))
            before = chat.prompt_ids(question) + [token.id for token in tokens]
            said = "".join(token.text for token in tokens)
            chat.commit(said[: len(said) // 2])
            prompt = chat.prompt_ids(following)
            shared = shared_length(before, prompt)
            known += shared
            recomputed += max(0, chat.prefill(following) - (len(prompt) - shared))
    return 1 - recomputed / known
