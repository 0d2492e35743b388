"""JSON that was made to cost much, or to mean two things."""

from __future__ import annotations

import json
import time
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transport.json_text import MAX_COMMAS, read_json

MESSAGE = 15_000_000  # characters, about what a message may have

values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(values)
def test_ordinary_json_is_read_as_python_reads_it(value: object) -> None:
    assert read_json(json.dumps(value)) == value


BOMBS = {
    "deep arrays": "[" * MESSAGE,
    "deep objects": '{"a":' * (MESSAGE // 5),
    "many arrays": "[" + "[]," * (MESSAGE // 3) + "0]",
    "many objects": "[" + "{}," * (MESSAGE // 3) + "0]",
    "many keys": "{" + ",".join(f'"{n}":0' for n in range(MESSAGE // 12)) + "}",
    "many digits": "1" * 1_000_000,
    "many digits of a fraction": "0." + "1" * 1_000_000 + "x",
    "many names of one key": "{" + ",".join(['"a":0'] * 100_000) + "}",
}


@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_is_refused_or_read_with_no_more_time_and_memory_than_any_message(name: str) -> None:
    allowed_s, _ = _cost("[" + "{}," * (MAX_COMMAS - 1) + "0]")  # as much as any message may be made to take
    took_s, most_bytes = _cost(BOMBS[name])
    assert took_s < 5 * allowed_s
    assert most_bytes < 2**25


def _cost(text: str) -> tuple[float, int]:
    """Return the seconds of CPU time, and the bytes at the most, that reading takes; tracing included."""
    tracemalloc.start()
    start_s = time.process_time()
    try:
        read_json(text)
    except ValueError:
        pass
    finally:
        took_s, (_, most_bytes) = time.process_time() - start_s, tracemalloc.get_traced_memory()
        tracemalloc.stop()
    return took_s, most_bytes


def test_as_many_commas_as_a_whole_text_may_hold_are_read() -> None:
    assert read_json(json.dumps({"text": "," * (MAX_COMMAS - 1), "type": "x"}))


@pytest.mark.parametrize("text", ['{"a":1,"a":1}', '[{"b":{"type":1,"type":2}}]', '{"a":1,"\\u0061":2}'])
def test_a_key_named_twice_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="names a key twice"):
        read_json(text)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("9" * 400, 10**19 - 1),
        ("-" + "9" * 4301, 1 - 10**19),
        ("1e999", 1.7976931348623157e308),
        ("-1e999", -1.7976931348623157e308),
        (str(2**63), 2**63),
        (str(-(2**63)), -(2**63)),
    ],
)
def test_a_number_beyond_every_range_is_read_as_the_nearest_that_can_be_named(
    text: str, value: float
) -> None:
    assert read_json(text) == value
