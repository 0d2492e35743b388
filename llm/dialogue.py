"""The dialogue as tokens: what was said stays the tokens it was said in, so that the KV cache stays valid."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from llm.engine import Message, Role, Tool, heard_part
from llm.errors import ContextOverflow, OutOfTurn
from llm.template import ChatTemplate
from llm.tokenizer import TextStream, TextTokenizer


@dataclass(frozen=True, slots=True)
class Turn:
    """One message and its tokens; of an answer, the tokens that were generated."""

    role: Role
    text: str
    ids: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Prompt:
    """What the decoder is given."""

    ids: list[int]
    opening: tuple[
        int, ...
    ]  # the last of them: they end the last turn, if there is one, and open the answer;
    # between the two stands the brief, if there is one
    start: int  # how many stand before the last turn's own


class Dialogue:
    """Turns, the first of them the system's, and the prompt that they make. Not thread-safe."""

    def __init__(
        self, system: str, tokenizer: TextTokenizer, template: ChatTemplate, tools: Sequence[Tool] = ()
    ) -> None:
        self._tokenizer = tokenizer
        self._template = template
        self.tools = tuple(tools)
        self._turns = [self.turn("system", system)] if system else []
        self._fixed = len(self._turns)  # turns that are never dropped
        self.brief: Turn | None = None  # of the system's, behind what is answered; not one of the turns

    @property
    def history(self) -> tuple[Message, ...]:
        """The messages, oldest first."""
        return tuple(Message(turn.role, turn.text) for turn in self._turns)

    def opening(self) -> list[int]:
        """Return the ids that every prompt begins with: all before the first user's text."""
        turns = self._turns[: self._fixed]
        before, *after = self._template.frame([*(turn.role for turn in turns), "user"], self.tools)
        return [*before, *(id for turn, frame in zip(turns, after, strict=False) for id in turn.ids + frame)]

    def turn(self, role: Role, text: str) -> Turn:
        """Make a turn from text that was not generated here."""
        encode = self._tokenizer.encode_answer if role == "assistant" else self._tokenizer.encode
        return Turn(role, text, tuple(encode(text)))

    def answer(self, ids: Sequence[int], heard: str | None = None) -> Turn:
        """Make a turn of generated tokens, up to the last one heard whole (None: all). Raises NotSaid."""
        kept = ids if heard is None else ids[: heard_length(self._tokenizer, ids, heard)]
        return Turn("assistant", self._tokenizer.decode(kept), tuple(kept))

    def add(self, turn: Turn, index: int | None = None) -> None:
        """Insert a turn (None: at the end); one without tokens says nothing, and is left out."""
        if turn.ids:
            self._turns.insert(len(self._turns) if index is None else max(index, self._fixed), turn)

    def remove(self, index: int) -> None:
        """Take a turn out. Raises OutOfTurn for one that is not there, or is fixed."""
        self._require(index)
        del self._turns[index]

    def truncate(self, heard: str, index: int | None = None) -> None:
        """Cut an answer (None: the last) to what was heard; "": it goes. Raises NotSaid or OutOfTurn."""
        index = self._last_answer() if index is None else index
        self._require(index)
        cut = self.answer(self._turns[index].ids, heard)
        self._turns[index : index + 1] = [cut] if cut.ids else []

    def _last_answer(self) -> int:
        for index in reversed(range(self._fixed, len(self._turns))):
            if self._turns[index].role == "assistant":
                return index
        raise OutOfTurn("there is no answer to truncate")

    def _require(self, index: int) -> None:
        if not self._fixed <= index < len(self._turns):
            raise OutOfTurn(
                f"message {index} of {len(self._turns)} cannot be changed; {self._fixed} are fixed"
            )

    def prompt(self, user: Turn | None, room: int) -> Prompt:
        """Return the ids up to where an answer to `user` (None: to the dialogue) begins, at most `room`.

        When they are more, the oldest turns are dropped for good, each question with its answers. Raises
        ContextOverflow if the last question alone is too long; nothing is dropped then.
        """
        prompt = self._assembled(self._turns, user)
        if len(prompt.ids) > room:
            self._turns, prompt = self._shortened(user, room)
        return prompt

    def _shortened(self, user: Turn | None, room: int) -> tuple[list[Turn], Prompt]:
        # What follows a gap is computed again, seconds of work: make one gap for many turns to come.
        goal = (room + len(self.opening())) // 2
        turns, prompt = self._turns, self._assembled(self._turns, user)
        while len(prompt.ids) > goal and (shorter := self._without_oldest(turns, user)) is not None:
            turns, prompt = shorter, self._assembled(shorter, user)
        if len(prompt.ids) > room:
            raise ContextOverflow(
                f"the message makes a prompt of {len(prompt.ids)} tokens; there is room for {room}"
            )
        return turns, prompt

    def _without_oldest(self, turns: list[Turn], user: Turn | None) -> list[Turn] | None:
        """Leave out the first question and all until the next; None if what is left is to be answered."""
        questions = [i for i in range(self._fixed + 1, len(turns)) if turns[i].role == "user"]
        if not questions and (user is None or len(turns) == self._fixed):
            return None
        return turns[: self._fixed] + (turns[questions[0] :] if questions else [])

    def _assembled(self, turns: list[Turn], user: Turn | None) -> Prompt:
        asked = turns if user is None else [*turns, user]
        behind = [self.brief] if self.brief is not None and len(asked) > self._fixed else []
        before, *after = self._template.frame([turn.role for turn in (*asked, *behind)], self.tools)
        ids, start, end = list(before), 0, 0
        for turn, frame in zip((*asked, *behind), after, strict=True):
            if turn is not self.brief:
                start, end = len(ids), len(ids) + len(turn.ids)
            ids += turn.ids + frame
        return Prompt(ids, tuple(ids[end:]), start)


def heard_length(tokenizer: TextTokenizer, ids: Sequence[int], heard: str) -> int:
    """Return how many of the tokens lie wholly inside `heard`, a prefix of their text. Raises NotSaid."""
    stream, said, kept = TextStream(tokenizer), "", 0
    for count, id in enumerate(ids, start=1):
        text = stream.push(id)
        said += text
        if text and len(said) <= len(heard):  # a token without text is inside a character yet to come
            kept = count
    heard_part(said, heard)
    return kept
