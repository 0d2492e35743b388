"""Greedy search that lets a draft run ahead (speculative decoding, Leviathan et al. 2022, arXiv:2211.17192).

The draft is what an earlier reading of the same audio said. It saves steps and never changes the result.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import takewhile

from torch import Tensor

from asr.compiled import CompiledWhisper
from asr.decoder import Decoder
from asr.errors import Outdated

AHEAD_TOKENS = 3  # of the draft after a difference; a step over four tokens costs little more than over one
REJOIN_TOKENS = 4  # so far ahead in the draft the next common word is looked for


@dataclass(frozen=True, slots=True)
class Reading:
    """What a search found after the prompt."""

    tokens: list[int]
    score: float  # mean log-probability of a token, the closing one included
    finished: bool  # ended by itself, not at the limit
    prompt_hidden: Tensor  # the decoder's hidden states [len(prompt), size]


def read_greedily(
    decoder: Decoder | CompiledWhisper,
    prompt: list[int],
    *,
    draft: Sequence[int],
    allow: Callable[[Tensor, bool], Tensor],
    end: int,
    limit: int,
    wanted: Callable[[], bool] = lambda: True,
) -> Reading:
    """Decode until `end` or `limit` tokens; raises Outdated when it is no longer `wanted`.

    `allow` masks logits [T, vocabulary]; it is told whether the first row is that of the first token.
    """
    tokens: list[int] = []
    score = 0.0
    pending, guess, used = prompt, list(draft[: limit - 1]), 0
    _check(wanted)
    hidden = prompt_hidden = decoder.append([*pending, *guess])
    while True:
        _check(wanted)
        log_probs = allow(decoder.logits(hidden[len(pending) - 1 :]), not tokens).log_softmax(dim=-1)
        best_scores, best = (
            column.tolist() for column in log_probs.max(dim=-1)
        )  # of each guess, and of one more
        agreed = sum(1 for _ in takewhile(bool, map(int.__eq__, guess, best)))
        said = best[: agreed + 1]
        said = said[: said.index(end) + 1] if end in said else said
        tokens += said
        score += sum(best_scores[: len(said)])
        if said[-1] == end:
            return Reading(tokens[:-1], score / len(tokens), True, prompt_hidden[: len(prompt)])
        if len(tokens) >= limit:
            return Reading(tokens, score / len(tokens), False, prompt_hidden[: len(prompt)])
        decoder.length -= len(guess) - agreed
        used = rejoin(draft, used + agreed, said[-1])
        pending, guess = said[-1:], list(draft[used : used + min(AHEAD_TOKENS, limit - len(tokens) - 1)])
        hidden = decoder.append([*pending, *guess])


def _check(wanted: Callable[[], bool]) -> None:
    if not wanted():
        raise Outdated("the reading was given up for a later one")


def rejoin(draft: Sequence[int], used: int, token: int) -> int:
    """Where the draft goes on after `token` was said in place of `draft[used]`."""
    for position in range(used, min(used + REJOIN_TOKENS, len(draft))):
        if draft[position] == token:
            return position + 1
    return used + 1  # another word in its place
