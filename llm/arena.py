"""KV caches side by side in one piece of memory, where a pass for several sequences reads and writes them."""

from __future__ import annotations

from bisect import insort
from collections.abc import Callable, Iterator, Sequence
from weakref import WeakValueDictionary, finalize

from torch import Tensor

from llm.model import KeyValues
from llm.network import ANOTHERS, Cache

SLOTS = 8  # sequences that one pass can take: more rows cost as much more


class Arena:
    """Keys and values of SLOTS sequences. A slot is free again when nobody holds its `Slot` any more."""

    def __init__(self, data: Tensor) -> None:
        self.data = data  # [2, layers, SLOTS, G, positions, E]
        self.free = list(range(SLOTS))
        self._slots: WeakValueDictionary[int, Slot] = WeakValueDictionary()

    def take(self) -> Slot:
        """Make an empty cache in a free slot."""
        number = self.free.pop(0)
        slot = self._slots[number] = Slot(self, number)
        finalize(slot, insort, self.free, number)  # the lowest first: those in use lie close together
        return slot

    def length(self, number: int) -> int:
        """How many positions of a slot are defined; 0 if it is free."""
        slot = self._slots.get(number)
        return slot.length if slot is not None else 0


class Slot(KeyValues):
    """One sequence's place in an arena."""

    def __init__(self, arena: Arena, number: int) -> None:
        super().__init__(arena.data[:, :, number : number + 1])
        self.arena, self.number = arena, number


class Arenas:
    """As many as there are sequences for."""

    def __init__(self, allocate: Callable[[], Tensor]) -> None:
        """`allocate`: the memory of an arena."""
        self._allocate = allocate
        self._arenas: list[Arena] = []

    def take(self) -> Slot:
        """Make an empty cache."""
        arena = next((each for each in self._arenas if each.free), None)
        if arena is None:
            arena = Arena(self._allocate())
            self._arenas.append(arena)
        return arena.take()

    def groups(self, caches: Sequence[Cache]) -> Iterator[tuple[Arena, list[int], list[Slot]]]:
        """Yield the arenas of these caches with those that lie in each, and their places in `caches`."""
        slots = [slot_of(cache) for cache in caches]
        for arena in self._arenas:
            if places := [place for place, slot in enumerate(slots) if slot.arena is arena]:
                yield arena, places, [slots[place] for place in places]


def slot_of(cache: Cache) -> Slot:
    """Return the cache as what it must be here."""
    assert isinstance(cache, Slot), ANOTHERS
    return cache
