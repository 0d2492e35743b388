from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from assistant.caller import Question
from assistant.observer import Turn
from tests.bench.figures import Result, breakdown, by_kind, figures, row, summary_lines
from tests.bench.recordings import Recording
from tests.bench.words import plain_words, word_errors

NO_AUDIO = np.zeros(0, np.float32)


def result(
    v2v_ms: float | None,
    *,
    kind: str = "plain",
    cut_off: bool = False,
    text: str = "two words",
    heard: str = "two words",
    marks: dict[str, float] | None = None,
) -> Result:
    recording = Recording(Question(Path("q.wav"), NO_AUDIO, 1.0), text, kind)
    return Result(recording, Turn(heard, "", NO_AUDIO, v2v_ms, cut_off, "completed", marks or {}, ()))


def test_percentiles_interpolate() -> None:
    values = figures([result(ms) for ms in (100.0, 200.0, 300.0, 400.0)])
    assert (values["v2v_ms_p50"], values["v2v_ms_p95"]) == (250.0, 385.0)


def test_a_question_without_an_answer_counts_as_the_whole_wait() -> None:
    values = figures([result(100.0), result(None), result(None)])
    assert (values["v2v_ms_p50"], values["unanswered"], values["n"]) == (10_000.0, 2, 3)


def test_cut_offs_are_a_share_of_all_questions() -> None:
    values = figures([result(100.0, cut_off=True), result(100.0), result(100.0), result(None, cut_off=True)])
    assert values["false_cutoff_rate"] == 0.5


def test_kinds_are_told_apart() -> None:
    kinds = by_kind([result(100.0), result(300.0, kind="pause"), result(500.0, kind="pause")])
    assert {kind: values["v2v_ms_p50"] for kind, values in kinds.items()} == {"plain": 100.0, "pause": 400.0}


def test_the_breakdown_is_in_order_of_time_over_the_turns_that_have_it() -> None:
    marks = [{"sent_ms": 400.0, "noticed_ms": 90.0}, {"noticed_ms": 110.0}, {}]
    assert list(breakdown([result(1.0, marks=each) for each in marks]).items()) == [
        ("noticed_ms", 100.0),
        ("sent_ms", 400.0),
    ]


def test_errors_weigh_by_words_not_by_files() -> None:
    values = figures([result(1.0, text="one", heard="two"), result(1.0, text="a b c", heard="a b c")])
    assert values["wer"] == 0.25


def test_the_table_names_what_went_wrong() -> None:
    line = row(result(None, cut_off=True, heard="to words"))
    assert line.split() == ["q.wav", "plain", "none", "CUT", "OFF", "1/2", "to", "words"]
    assert len(summary_lines(figures([result(1.0)]), by_kind([result(1.0)]))) == 3


@pytest.mark.parametrize(
    ("expected", "heard", "errors"),
    [
        ("I took it on, um, Tuesday.", "I took it on Tuesday", 0),
        ("for three days", "For 3 days!", 0),
        ("I don’t know", "i don't know", 0),
        ("a b c d", "a x c", 2),
        ("", "made up words", 3),
        ("lost words", "", 2),
    ],
)
def test_word_errors_ignore_style_only(expected: str, heard: str, errors: int) -> None:
    assert word_errors(plain_words(expected), plain_words(heard)) == errors
