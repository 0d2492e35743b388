"""A peer's JSON, read with suspicion: what would cost much, mean two things or nothing here is refused."""

from __future__ import annotations

import json
import sys

# Of one message: as many as a text of 131,072 characters may hold commas. Every value beyond the first of its
# array or object takes one, so they bound what a message can become in memory: 10 MB, and 40 ms.
MAX_COMMAS = 131_072
# A whole number with more digits than 64 bits take is read as the nearest with so many: no range of ours ends
# so far out, and the error about it names its field. Python's own bound, 4,300 digits, is beyond any float.
MAX_DIGITS = 19
_FARTHEST = int("9" * MAX_DIGITS)


def read_json(text: str) -> object:
    """Return the value of a JSON text (RFC 8259).

    Raises `ValueError` for what is no JSON, too much of it, or too deep (Python's recursion limit), and for
    an object that names a key twice.
    """
    if len(text) > MAX_COMMAS and (commas := text.count(",")) > MAX_COMMAS:
        raise ValueError(f"it holds {commas} values or commas, at most {MAX_COMMAS} are read")
    try:
        return json.loads(
            text,
            parse_constant=_refuse_constant,
            parse_int=_read_integer,
            parse_float=_read_float,
            object_pairs_hook=_read_object,
        )
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON value")  # RFC 8259 section 6; Python would take NaN and Infinity


def _read_integer(digits: str) -> int:
    negative = digits.startswith("-")
    if len(digits) - negative <= MAX_DIGITS:
        return int(digits)
    return -_FARTHEST if negative else _FARTHEST


def _read_float(digits: str) -> float:
    return max(-sys.float_info.max, min(float(digits), sys.float_info.max))


def _read_object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    values = dict(pairs)
    if len(values) < len(pairs):
        raise ValueError("an object names a key twice")
    return values
