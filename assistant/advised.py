"""Any language model, as the adviser of a domain: what its passages do not support is not said.

An answer begins with the sentence of the passages that is nearest to the question: it needs no model, and is
spoken while the model reads the rest.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from assistant.advice import Advice
from assistant.answer_check import AnswerCheck
from assistant.consultation import Consultation, Verdict, is_courtesy
from assistant.evidence import Evidence
from assistant.pictures import papers_in, without_pictures
from llm.engine import Chat, LanguageModel, Message, PromptTokens, Sampling, Token, Tool, heard_part
from llm.errors import OutOfTurn

BRIEF = "What is known: {}\nAnswer in one to three sentences, with nothing but these facts."
BRIEF_ZH = "已知：{}\n只用这些内容，用一到三句话回答。"
WHOLE = ("unknown", "unsure", "red_flag")  # verdicts that are the answer
_PIECE = re.compile(r"\s*[\u3400-\u9fff]|\s*[^\s\u3400-\u9fff]+|\s+")  # a word, or a Chinese character


class AdvisedModel:
    """A `LanguageModel`. Under a system text of one of the domains it is that domain's adviser."""

    def __init__(self, model: LanguageModel, consultations: Mapping[str, Consultation]) -> None:
        """`consultations`: by system text."""
        self.name = model.name
        self._model = model
        self._consultations = consultations

    def chat(self, system: str, tools: Sequence[Tool] = ()) -> Chat:
        """Open a conversation. With tools, which may know more than passages, only red flags are caught."""
        chat = self._model.chat(system, tools)
        consultation = self._consultations.get(system)
        return chat if consultation is None else AdvisedChat(chat, consultation, flags_only=bool(tools))


@dataclass(slots=True)
class _Answer:
    user_text: str | None
    said: str = ""
    made: str = ""  # by the model, with the lead that it was given
    modelled: bool = False  # the model was asked


class AdvisedChat:
    """A `Chat` whose questions are looked up first."""

    def __init__(self, chat: Chat, consultation: Consultation, *, flags_only: bool = False) -> None:
        self.advice: Advice | None = None  # on the last reply, from its first token on
        self._chat = chat
        self._consultation = consultation
        self._flags_only = flags_only
        self._answer: _Answer | None = None

    def prefill(self, user_text: str) -> int:
        """See `Chat`. Computes nothing while an answer is pending."""
        return self._chat.prefill(user_text) if self._answer is None else 0

    def brief(self, text: str) -> None:
        """See `Chat`. A question's passages take its place."""
        self._chat.brief(text)

    def reply(self, user_text: str | None, sampling: Sampling) -> Iterator[Token]:
        """See `Chat`. Nothing is looked up where there is no question to be answered."""
        if self._answer is not None:
            raise OutOfTurn("an answer is pending; commit or discard it first")
        question, before, papers = self._asked(user_text)
        verdict = self._verdict(question, before, papers)
        if verdict is not None and self._flags_only and verdict.kind != "red_flag":
            verdict = None
        self._answer = answer = _Answer(user_text)
        if verdict is None:
            self.advice = None
            tokens = self._plain(answer, sampling)
        else:
            self.advice = Advice(verdict, self._consultation.safety.disclaimer.told(chinese=verdict.chinese))
            if verdict.kind in WHOLE:
                tokens = pieces(verdict.say)
            else:
                tokens = self._checked(answer, question, papers, self.advice, sampling)
        for token in tokens:
            answer.said += token.text
            yield token
            if self._answer is not answer:  # committed or discarded
                return

    def _verdict(self, question: str, before: str, papers: Sequence[str]) -> Verdict | None:
        """Return what to do about a question; what the pictures say is known, be it nowhere else."""
        if not question:
            return Verdict("courtesy") if papers else None
        verdict = self._consultation.verdict(question, before)
        if papers and verdict.kind in ("unknown", "unsure"):
            return replace(verdict, kind="courtesy", say="")
        return verdict

    def _asked(self, user_text: str | None) -> tuple[str, str, list[str]]:
        """Return the question to be answered, the one before it ("" for none), and what pictures say."""
        said = [message for message in self._chat.history if message.role != "system"]
        asked = [message.text for message in said if message.role == "user"]
        if user_text is None:
            if not said or said[-1].role != "user":
                return "", "", []
            user_text = asked.pop()
        papers = [paper for text in (*asked, user_text) for paper in papers_in(text)]
        before = (without_pictures(text) for text in reversed(asked))
        return (
            without_pictures(user_text),
            next((text for text in before if text and not is_courtesy(text)), ""),
            papers,
        )

    def _plain(self, answer: _Answer, sampling: Sampling) -> Iterator[Token]:
        answer.modelled = True
        for token in self._chat.reply(answer.user_text, sampling):
            answer.made += token.text
            yield token

    def _checked(
        self, answer: _Answer, question: str, papers: Sequence[str], advice: Advice, sampling: Sampling
    ) -> Iterator[Token]:
        verdict, lead = advice.verdict, ""
        if verdict.passages:
            lead = self._consultation.lead(question, verdict)
            yield from pieces(lead)
            self._chat.brief((BRIEF_ZH if verdict.chinese else BRIEF).format(verdict.brief))
        known = [each.told(chinese=verdict.chinese) for each in verdict.passages]
        evidence = Evidence([*known, *papers], question)
        check = AnswerCheck(evidence, lead)
        advice.withheld = check.withheld
        answer.modelled = True
        for token in self._chat.reply(answer.user_text, replace(sampling, begin=lead)):
            begin = len(answer.made)
            answer.made += token.text
            said = check.push(answer.made[max(begin, len(lead)) :])
            yield replace(token, text=said)
        yield from pieces(check.finish())
        if check.withheld and (known or papers):
            line = self._consultation.safety.withheld.told(chinese=verdict.chinese)
            yield from pieces(line if verdict.chinese else f" {line}")

    @property
    def turn_over(self) -> float | None:
        """See `Chat`. None for an answer without the model: nothing was computed that could tell."""
        return self._chat.turn_over if self._answer is None or self._answer.modelled else None

    @property
    def prompt_tokens(self) -> PromptTokens | None:
        """See `Chat`."""
        return self._chat.prompt_tokens if self._answer is None or self._answer.modelled else None

    def commit(self, heard: str | None = None) -> None:
        """See `Chat`. The dialogue keeps what was said, not what was withheld, and no passages."""
        answer, self._answer = self._answer, None
        if answer is None:
            raise OutOfTurn("there is no pending turn to commit")
        kept = heard_part(answer.said, heard)
        if answer.modelled and answer.made.startswith(kept):
            self._chat.commit(None if heard is None and kept == answer.made else kept)
        else:
            self._chat.discard()
            if answer.user_text is not None:
                self._chat.add(Message("user", answer.user_text))
            self._chat.add(Message("assistant", kept))
        self._chat.brief("")

    def discard(self) -> None:
        """See `Chat`."""
        self._answer = None
        self._chat.discard()
        self._chat.brief("")

    def truncate(self, heard: str, index: int | None = None) -> None:
        """See `Chat`."""
        self._chat.truncate(heard, index)

    def add(self, message: Message, index: int | None = None) -> None:
        """See `Chat`."""
        self._chat.add(message, index)

    def remove(self, index: int) -> None:
        """See `Chat`."""
        self._chat.remove(index)

    @property
    def history(self) -> tuple[Message, ...]:
        """See `Chat`."""
        return self._chat.history

    def close(self) -> None:
        """See `Chat`."""
        self._answer = None
        self._chat.close()


def advice_on(chat: Chat) -> Advice | None:
    """Return what is told of a chat's open answer, from its first token on; None: nothing is."""
    return chat.advice if isinstance(chat, AdvisedChat) else None


def pieces(text: str) -> Iterator[Token]:
    """Yield a text that needs no computing, a word at a time."""
    for piece in _PIECE.findall(text):
        yield Token(-1, piece, 0.0, chosen=False)
