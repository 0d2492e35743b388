"""Typed reads from a client's JSON object, with errors that name the field, its value and what to send."""

from __future__ import annotations

import reprlib
from collections.abc import Collection, Mapping, Sequence
from typing import TypeVar

from transport.errors import RejectedEventError

T = TypeVar("T")
S = TypeVar("S", bound=str)


class Fields:
    """One JSON object of a client event. A field that is absent or null reads as None."""

    def __init__(self, values: Mapping[str, object], path: str = "") -> None:
        self._values = values
        self._path = path

    def path(self, name: str) -> str:
        """Return the field's full path, such as `session.audio.input.format`."""
        return f"{self._path}.{name}" if self._path else name

    def holds(self, name: str) -> bool:
        """Whether the client sent the field at all, be it null."""
        return name in self._values

    def names(self) -> tuple[str, ...]:
        """The names of all fields that the client sent."""
        return tuple(self._values)

    def value(self, name: str) -> object:
        """The field as JSON gave it."""
        return self._values.get(name)

    def text(self, name: str, *, longest: int) -> str | None:
        """A string of at most `longest` characters that can be written as UTF-8, without NUL."""
        value = self._of_type(name, str, "a string")
        if value is None:
            return None
        if len(value) > longest:
            raise self.rejected(name, f"has {len(value)} characters: send at most {longest}")
        if not _is_utf8(value):
            raise self.rejected(name, "holds half of a surrogate pair: send whole characters")
        if "\0" in value:  # ends a string in C, and so in what reads it after us
            raise self.rejected(name, "holds a NUL character: leave it out")
        return value

    def flag(self, name: str) -> bool | None:
        """A boolean."""
        return self._of_type(name, bool, "true or false")

    def integer(self, name: str) -> int | None:
        """A whole number (JSON's true and false are none)."""
        value = self._of_type(name, int, "a whole number")
        if isinstance(value, bool):
            raise self.rejected(name, f"is {value}: send a whole number")
        return value

    def number(self, name: str) -> float | None:
        """A number."""
        value = self._values.get(name)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise self.rejected(name, f"is {reprlib.repr(value)}: send a number")
        return float(value)

    def items(self, name: str) -> list[object] | None:
        """An array."""
        return self._of_type(name, list, "an array")

    def object(self, name: str) -> Fields | None:
        """An object, whose own fields are then read with their full path."""
        value = self._of_type(name, dict, "an object")
        return None if value is None else Fields(value, self.path(name))

    def nested(self, *names: str) -> Fields:
        """The object at the end of a path of optional objects; empty when the client left one out."""
        fields = self
        for name in names:
            fields = fields.object(name) or Fields({}, fields.path(name))
        return fields

    def choice(self, name: str, known: Sequence[S]) -> S | None:
        """One of the strings we know."""
        value = self._values.get(name)
        if value is None:
            return None
        for one in known:
            if value == one:
                return one
        raise self.rejected(name, f"is {reprlib.repr(value)}: send {' or '.join(known)}")

    def required(self, name: str, value: T | None) -> T:
        """Return the value read, or refuse the event for leaving the field out."""
        if value is None:
            raise self.missing(name)
        return value

    def only(self, known: Collection[str]) -> None:
        """Refuse a field we do not know, which would otherwise be set without any effect."""
        for name in self._values:
            if name not in known:
                message = f"is not a field we know: send only {', '.join(sorted(known))}"
                raise self.rejected(_shown(name), message, code="unknown_parameter")

    def unsupported(self, name: str, reason: str) -> None:
        """Refuse a field that asks for what we cannot do; null, false and empty ask for nothing."""
        if self._values.get(name):
            raise self.rejected(name, f"is set, but {reason}: leave it out", code="unsupported_parameter")

    def missing(self, name: str) -> RejectedEventError:
        """Return the error for a field that had to be there."""
        return self.rejected(name, "is missing: send it with this event", code="missing_required_parameter")

    def rejected(self, name: str, problem: str, *, code: str = "invalid_value") -> RejectedEventError:
        """Return the error for a field; `problem` continues the sentence that its path begins."""
        return RejectedEventError(f"{self.path(name)} {problem}", code=code, param=self.path(name))

    def _of_type(self, name: str, kind: type[T], what: str) -> T | None:
        value = self._values.get(name)
        if value is None:
            return None
        if not isinstance(value, kind):
            raise self.rejected(name, f"is {reprlib.repr(value)}: send {what}")
        return value


def _is_utf8(text: str) -> bool:
    """Whether the text can be sent back; JSON escapes can spell halves of surrogate pairs, which cannot."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _shown(name: str) -> str:
    """A client's own field name, safe to send back."""
    return reprlib.repr(name).encode("ascii", "backslashreplace").decode("ascii").strip("'\"")
