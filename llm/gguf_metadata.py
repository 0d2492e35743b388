"""The key-value part of a GGUF file, typed."""

from __future__ import annotations

from typing import Any, TypeVar

from gguf import GGUFReader

from llm.errors import WeightsUnsupported

T = TypeVar("T")


class Metadata:
    """Reads values by key. What is missing, or of another type, raises WeightsUnsupported."""

    def __init__(self, reader: GGUFReader) -> None:
        self._reader = reader
        self._family = self.text("general.architecture")

    def get(self, key: str, default: object = None) -> Any:
        """Return the value of `key` as it is stored."""
        field = self._reader.get_field(key)
        return default if field is None else field.contents()

    def text(self, key: str) -> str:
        """Return a string."""
        return self._checked(key, self.get(key), str)

    def texts(self, key: str) -> list[str]:
        """Return a list of strings."""
        return self._checked(key, self.get(key), list)

    def integers(self, key: str) -> list[int]:
        """Return a list of integers."""
        return self._checked(key, self.get(key), list)

    def dimension(self, name: str, default: int | None = None) -> int:
        """Return an integer of the model's family, "block_count" for instance."""
        key = f"{self._family}.{name}"
        return self._checked(key, self.get(key, default), int)

    def real(self, name: str) -> float:
        """Return a number of the model's family."""
        key = f"{self._family}.{name}"
        return self._checked(key, self.get(key), float)

    @staticmethod
    def _checked(key: str, value: Any, kind: type[T]) -> T:
        if not isinstance(value, kind):
            raise WeightsUnsupported(f"the GGUF key {key} is {value!r}; a {kind.__name__} is needed")
        return value
