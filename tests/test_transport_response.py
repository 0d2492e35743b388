from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transport.errors import LocalProtocolError
from transport.response import END_STEPS, ENDED, TABLE, Life, Step, next_life

END = set(END_STEPS.values())


@given(st.lists(st.sampled_from(Step)))
def test_whatever_happens_a_response_starts_once_and_ends_at_most_once(steps: list[Step]) -> None:
    life, taken = Life.AWAITED, []
    for step in steps:
        try:
            life = next_life(life, step)
        except LocalProtocolError:
            continue
        taken.append(step)
    assert sum(step in END for step in taken) == (life in ENDED)
    assert sum(step in (Step.SPEAK, Step.WRITE) for step in taken) == (life is not Life.AWAITED)
    if life in ENDED:
        assert taken[-1] in END


def test_no_step_leads_out_of_an_end() -> None:
    for life in ENDED:
        for step in Step:
            with pytest.raises(LocalProtocolError, match="only nothing can follow"):
                next_life(life, step)


def test_every_state_is_in_the_table_and_can_be_reached() -> None:
    reached = {Life.AWAITED} | {life for steps in TABLE.values() for life in steps.values()}
    assert reached == set(TABLE) == set(Life)


def test_a_text_response_takes_no_audio() -> None:
    with pytest.raises(LocalProtocolError, match="writing is given audio"):
        next_life(Life.WRITING, Step.AUDIO)
