"""What the tokens of a model mean to a conversation."""

from __future__ import annotations

from torch import Tensor

from llm.tokenizer import TextTokenizer

QUESTION_MARKS = ("?", "？")


class Vocabulary:
    """Reads scores of the next token [V]. Thread-safe."""

    def __init__(self, tokenizer: TextTokenizer, boundary: Tensor, stop_ids: tuple[int, ...]) -> None:
        """`boundary`: bool [V], the tokens that end the phrase before them."""
        self.tokenizer = tokenizer
        self.size = len(boundary)
        self.stop_ids = frozenset(stop_ids)
        self._boundary_ids = boundary.nonzero()[:, 0]
        pieces = {id: tokenizer.decode([id]).strip() for id in self._boundary_ids.tolist()}
        self._question_ids = [id for id, piece in pieces.items() if piece.startswith(QUESTION_MARKS)]

    def boundary(self, logits: Tensor) -> float:
        """Return the probability that the next token ends a phrase."""
        return float(logits.softmax(dim=0)[self._boundary_ids].sum())

    def turn_over(self, logits: Tensor, end: int) -> float:
        """Return the probability that a turn ends here: by the token `end`, or a question mark not heard.

        A recognizer may write without marks. A full stop does not count: statements mostly lead on.
        """
        return float(logits.softmax(dim=0)[[end, *self._question_ids]].sum())
