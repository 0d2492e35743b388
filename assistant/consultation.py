"""What is done about a question before the model hears it: a red flag, a refusal, or passages."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from assistant.alarms import Alarms
from assistant.knowledge import Entry
from assistant.learned import Keep, made_anew
from assistant.ordinary_words import COURTESY_WORDS
from assistant.persona import Persona
from assistant.retrieval import Encoder, Retriever, goes_on
from assistant.topics import Topics
from assistant.wording import is_chinese, is_content, terms, words
from assistant.wordings import Wording

Kind = Literal["red_flag", "unknown", "unsure", "courtesy", "passages"]
LEADS = 0.82  # a second passage comes along when its score is such a share of the first one's
MOST_PASSAGES = 2  # each is read by the model before it begins: 0.1 s or more


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a question is answered by."""

    kind: Kind
    say: str = ""  # the whole answer, where it needs no model
    passages: tuple[Entry, ...] = ()  # what the model answers from
    flag: str | None = None  # the id of the red flag
    chinese: bool = False

    @property
    def brief(self) -> str:
        """The passages as the model reads them."""
        return "\n".join(passage.told(chinese=self.chinese) for passage in self.passages)


class Consultation:
    """One domain's knowledge and safety, for any number of conversations. Thread-safe."""

    def __init__(
        self,
        persona: Persona,
        encoder: Encoder | None = None,
        keep: Keep = made_anew,
        of_entries: Encoder | None = None,
    ) -> None:
        """`encoder`: compares questions with the entries by meaning; None: by words alone.

        `keep`: where what was learned of its wordings is; `of_entries`: the same encoder, but one that keeps
        what it makes of them.
        """
        self.persona = persona
        self.safety = persona.safety
        entries, wordings = persona.entries, persona.wordings
        topics = Topics(entries, wordings, encoder, keep) if encoder and wordings else None
        self.retriever = Retriever(entries, of_entries or encoder, topics) if entries else None
        self.alarms = Alarms(self.safety, self._examples(), encoder, keep) if encoder else None

    def _examples(self) -> list[Wording]:
        """What people say in this domain; the questions that its entries answer raise no red flag."""
        asked = (each for entry in self.persona.entries for each in (*entry.asks, *entry.zh_asks))
        calm = [Wording(each, None) for each in asked if self.safety.red_flag(each) is None]
        return [*self.persona.wordings, *calm] if self.persona.wordings else []

    def verdict(self, question: str, before: str = "") -> Verdict:
        """Return what to do about a question that came after the one `before`."""
        chinese = is_chinese(question)
        if flag := self.alarms.raised(question) if self.alarms else self.safety.red_flag(question):
            return Verdict("red_flag", flag.told(chinese=chinese), flag=flag.id, chinese=chinese)
        if self.retriever is None:
            return Verdict("courtesy", chinese=chinese)
        if is_courtesy(question):
            return Verdict("courtesy", chinese=chinese)
        if not terms(question) and not (before and goes_on(question)):
            return Verdict("unsure", self.safety.unsure.told(chinese=chinese), chinese=chinese)
        found = self.retriever.search(question, before)
        if not found.supported:
            return Verdict("unknown", self.safety.unknown.told(chinese=chinese), chinese=chinese)
        best = found.hits[0].score
        passages = [hit.entry for hit in found.hits if hit.score >= LEADS * best][:MOST_PASSAGES]
        return Verdict("passages", passages=tuple(passages), chinese=chinese)

    def lead(self, question: str, verdict: Verdict) -> str:
        """Return what of the first passage an answer can begin with, before anything is computed."""
        assert self.retriever is not None and verdict.passages
        return self.retriever.nearest_statement(question, verdict.passages[0].told(chinese=verdict.chinese))


def is_courtesy(text: str) -> bool:
    """Whether a text is thanks, a greeting or the like, and nothing else."""
    said = words(text)
    return any(word.text in COURTESY_WORDS for word in said) and all(
        word.text in COURTESY_WORDS or not is_content(word) for word in said
    )
