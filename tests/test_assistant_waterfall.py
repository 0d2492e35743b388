from __future__ import annotations

from assistant.waterfall import WIDTH, waterfall

MARKS = {"transcript_ms": 250.0, "noticed_ms": 100.0, "sent_ms": 400.0}


def bar(line: str) -> str:
    return line.partition(" ms  ")[2]


def test_steps_stand_in_order_of_time_and_the_whole_comes_last() -> None:
    lines = waterfall(MARKS, 410.0)
    assert [line[:19].strip() for line in lines] == [
        "pause noticed",
        "words known",
        "first audio sent",
        "VOICE TO VOICE",
    ]


def test_every_step_begins_where_the_one_before_it_ended() -> None:
    lines = waterfall(MARKS, None)
    ends = [len(bar(line)) for line in lines]
    begins = [len(bar(line)) - len(bar(line).lstrip()) for line in lines]
    assert begins == [0, *ends[:-1]]


def test_the_whole_way_is_one_bar_from_the_start() -> None:
    assert bar(waterfall(MARKS, 500.0)[-1]) == "█" * WIDTH


def test_no_line_is_wider_than_a_terminal() -> None:
    assert max(map(len, waterfall({**MARKS, "first_audio_ms": 9876.0}, 12345.0))) <= 80


def test_unknown_early_and_missing_marks_are_shown_as_they_are() -> None:
    assert waterfall({"guessed_ms": -20.0}, None) == ["guessed               -20 ms  █"]
    assert waterfall({}, None) == []
