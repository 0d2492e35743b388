"""The decoder on a GPU: passes over a few tokens are recorded once and replayed as CUDA graphs.

Such a pass is some 400 kernels of a few microseconds: started one by one, starting them is what takes the
time. A recorded pass has always ROWS rows, each a token of any slot of an arena at any position: one token
of up to eight sequences, or a window of one sequence. A row comes out the same whatever is beside it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor

from llm.arena import SLOTS, Arena, Arenas, Slot, slot_of
from llm.layout import Weights
from llm.model import Transformer, key_values_shape
from llm.network import Cache

ROWS = SLOTS
REACHES = (512, 2048)  # attention looks back so far, or over all positions: the fewest that hold a row's


@dataclass(frozen=True, slots=True)
class Recording:
    """A pass, with the memory that it reads from and writes to."""

    graph: torch.cuda.CUDAGraph
    rows: Tensor  # in: [3, ROWS], of each its id, slot and position
    hidden: Tensor  # out: [ROWS, D]


class RecordedTransformer(Transformer):
    """A `Transformer` whose caches lie in arenas; longer prompts are computed as there."""

    chunk = 512  # takes as long as 64

    def __init__(self, weights: Weights, *, positions: int, device: str, dtype: torch.dtype) -> None:
        super().__init__(weights, positions=positions, device=device, dtype=dtype)
        shape = key_values_shape(self.config, positions, SLOTS)
        # Masked or not, what is multiplied by zero must be a number.
        self._arenas = Arenas(lambda: torch.zeros(shape, device=device, dtype=dtype))
        self._recordings: dict[tuple[Arena, int], Recording] = {}

    def key_values(self) -> Slot:
        """Make an empty KV cache for one sequence."""
        return self._arenas.take()

    def forward(self, ids: list[int], cache: Cache, *, stepwise: bool = False) -> Tensor:
        """Compute the hidden states [S, D] of tokens that follow the cache's, and extend the cache."""
        slot = slot_of(cache)
        if len(ids) > ROWS:
            return super().forward(ids, slot, stepwise=stepwise)
        start, end = slot.length, slot.length + len(ids)
        rows = [(id, slot.number, at) for id, at in zip(ids, range(start, end), strict=True)]
        hidden = self._replayed(slot.arena, rows)
        slot.length = end
        return hidden

    def step(self, ids: list[int], caches: Sequence[Cache]) -> Tensor:
        """Compute the hidden states [n, D] of one token for each of n sequences, and extend their caches."""
        hidden = torch.empty(len(ids), self.config.dim, device=self.device, dtype=self.dtype)
        for arena, places, slots in self._arenas.groups(caches):
            rows = [(ids[place], slot.number, slot.length) for place, slot in zip(places, slots, strict=True)]
            hidden[places] = self._replayed(arena, rows)
            for slot in slots:
                slot.length += 1
        return hidden

    def logits(self, hidden: Tensor) -> Tensor:
        """Score the next token: [S, D] -> [S, V]."""
        rows = F.pad(hidden, (0, 0, 0, max(0, ROWS - len(hidden))))  # always the same product
        return super().logits(rows)[: len(hidden)]

    def _replayed(self, arena: Arena, rows: list[tuple[int, int, int]]) -> Tensor:
        """Compute up to ROWS rows, a sequence's in order, each an id, a slot and a position: [n, D]."""
        hidden = torch.empty(len(rows), self.config.dim, device=self.device, dtype=self.dtype)
        reaches = [self._reach(position) for _, _, position in rows]
        # A row's reach is its own, not its neighbours': sums over more positions are rounded otherwise.
        for reach in sorted(set(reaches)):
            places = [place for place, each in enumerate(reaches) if each == reach]
            taken = torch.tensor([rows[place] for place in places]).T  # [3, n]
            padding = taken[:, -1:].expand(3, ROWS - len(places))  # the last one again, to no effect
            with torch.cuda.device(self.device):
                recording = self._recording(arena, reach, torch.cat((taken, padding), dim=1))
                recording.graph.replay()
            hidden[places] = recording.hidden[: len(places)]
        return hidden

    def _reach(self, position: int) -> int:
        return next((reach for reach in REACHES if position < reach < self.positions), self.positions)

    def _recording(self, arena: Arena, reach: int, rows: Tensor) -> Recording:
        """The pass over these rows, ready to be replayed."""
        if (recording := self._recordings.get((arena, reach))) is None:
            recording = self._recordings[arena, reach] = self._record(arena, reach, rows)
        recording.rows.copy_(rows)
        return recording

    def _record(self, arena: Arena, reach: int, rows: Tensor) -> Recording:
        rows = rows.to(self.device)
        data = arena.data[..., :reach, :]

        def compute() -> Tensor:
            ids, slots, positions = rows
            behind = positions[:, None] - torch.arange(reach, device=self.device)  # [ROWS, reach]
            seen = behind >= 0
            local = seen & (behind < self.config.window)
            return self._run(ids, positions, partial(self._in_arena, data, slots, positions, seen, local))

        aside = torch.cuda.Stream(self.device)  # type: ignore[no-untyped-call]
        aside.wait_stream(torch.cuda.current_stream(self.device))
        with torch.cuda.stream(aside):
            compute()  # libraries allocate their workspaces in the first pass
        torch.cuda.current_stream(self.device).wait_stream(aside)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph, capture_error_mode="thread_local"):  # other engines use the GPU too
            hidden = compute()
        return Recording(graph, rows, hidden)

    def _in_arena(
        self,
        data: Tensor,
        slots: Tensor,
        positions: Tensor,
        seen: Tensor,
        local: Tensor,
        layer: int,
        q: Tensor,
        k: Tensor,
        v: Tensor,
    ) -> Tensor:
        """Attention of rows to their own sequences: q [S, H, E], k, v [S, G, E] -> [S, H * E]."""
        (S, H, E), G = q.shape, k.shape[1]
        keys, values = data[0, layer], data[1, layer]  # [SLOTS, G, reach, E]
        keys[slots, :, positions], values[slots, :, positions] = k, v
        mask = (local if layer in self.config.local_layers else seen)[:, None, None]
        y = self._attended(q.view(S, G, H // G, E), keys[slots], values[slots], mask)  # [S, G, H / G, E]
        return y.reshape(S, H * E)
