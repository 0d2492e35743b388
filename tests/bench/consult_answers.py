"""Answers of a consultation over the real socket: what is said, from where, and when its first word comes."""

from __future__ import annotations

import json
import shutil
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from websockets.sync.client import connect
from websockets.sync.connection import Connection
from websockets.typing import Subprotocol

from assistant.consultation import Consultation
from assistant.evidence import Evidence
from assistant.wording import is_chinese
from tests.bench.consult_dialogues import Talk, Turn

PLAIN = "without-retrieval"  # the same domain, its knowledge and safety taken away
FEW_TOKENS = 8  # of an answer of which only the first word's time is wanted
FIXED = ("red_flag", "unknown", "unsure")


@dataclass(slots=True)
class Answer:
    """One, as a client of liushui.v1 gets it."""

    text: str = ""
    passages: list[str] = field(default_factory=list)  # their texts
    cited: list[str] = field(default_factory=list)  # their ids
    safety: list[str] = field(default_factory=list)  # kinds
    first_ms: float | None = None  # from the request to the first text


@dataclass(slots=True)
class Judged:
    """The figures of some answers."""

    answered: int = 0  # from passages
    grounded: int = 0
    cited_right: int = 0  # one of the passages is one that was wanted
    made_up: list[str] = field(default_factory=list)  # numbers that nothing supports
    withheld: int = 0
    first_ms: list[float] = field(default_factory=list)
    plain_first_ms: list[float] = field(default_factory=list)

    def report(self) -> dict[str, object]:
        """As JSON."""
        return {
            "grounded_rate": self._share(self.grounded),
            "unsupported_numbers_spoken": len(self.made_up),
            "cited_as_wanted": self._share(self.cited_right),
            "answers_with_something_withheld": self._share(self.withheld),
            "answers_from_passages": self.answered,
            "first_text_ms_p50": round(median(self.first_ms), 1) if self.first_ms else None,
            "first_text_ms_p50_without_retrieval": round(median(self.plain_first_ms), 1)
            if self.plain_first_ms
            else None,
        }

    def _share(self, part: int) -> float | None:
        return round(part / self.answered, 4) if self.answered else None


@contextmanager
def plain_domain(folder: Path) -> Iterator[Path]:
    """Make a domain of a prompt alone."""
    with tempfile.TemporaryDirectory() as parent:
        plain = Path(parent) / PLAIN
        plain.mkdir()
        shutil.copy(folder / "prompt.md", plain)
        yield plain


def ask_all(url: str, consultation: Consultation, talks: Sequence[Talk], judged: Judged) -> Iterator[str]:
    """Ask everything, typed, and judge the answers; yields what is worth a line."""
    for talk in talks:
        with _session(url, consultation.persona.name) as wire, _session(url, PLAIN) as plain:
            for turn in talk.turns:
                answer = _ask(wire, turn.user)
                without = _ask(plain, turn.user, FEW_TOKENS)
                if answer.first_ms is not None and without.first_ms is not None:
                    judged.first_ms.append(answer.first_ms)
                    judged.plain_first_ms.append(without.first_ms)
                yield from _judge(judged, consultation, turn, answer)


def _judge(judged: Judged, consultation: Consultation, turn: Turn, answer: Answer) -> Iterator[str]:
    if set(FIXED) & set(answer.safety):
        return
    text, chinese = answer.text, is_chinese(turn.user)
    if "withheld" in answer.safety:
        judged.withheld += 1
        yield f"withheld in: {text}"
        text = text.removesuffix(consultation.safety.withheld.told(chinese=chinese))
    numbers = Evidence([*answer.passages, turn.user], "").unsupported_numbers(text)
    judged.made_up += [text[each.start : each.end] for each in numbers]
    if numbers:
        yield f"MADE UP {judged.made_up[-len(numbers) :]} in: {text}"
    if not answer.passages:
        return
    judged.answered += 1
    if turn.passages:
        judged.cited_right += bool(set(turn.passages) & set(answer.cited))
    cited = Evidence(answer.passages, turn.user)
    strange = cited.unsupported_words(text)
    alone = Evidence(answer.passages, "").unsupported_numbers(text)
    judged.grounded += not strange and not alone
    if strange or alone:
        yield f"not grounded ({strange} {[text[n.start : n.end] for n in alone]}): {text}"


@contextmanager
def _session(url: str, domain: str) -> Iterator[Connection]:
    with connect(f"{url}?domain={domain}", subprotocols=[Subprotocol("liushui.v1")], max_size=None) as wire:
        session = {"type": "realtime", "output_modalities": ["text"]}
        wire.send(json.dumps({"type": "session.update", "session": session}))
        yield wire


def _ask(wire: Connection, text: str, most_tokens: int | None = None) -> Answer:
    item = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": text}]}
    limit = {"max_output_tokens": most_tokens} if most_tokens else {}
    wire.send(json.dumps({"type": "conversation.item.create", "item": item}))
    wire.send(json.dumps({"type": "response.create", "response": limit}))
    start_s, answer = time.perf_counter(), Answer()
    while True:
        event = json.loads(wire.recv(timeout=60))
        match event["type"]:
            case "response.output_text.delta":
                if answer.first_ms is None:
                    answer.first_ms = (time.perf_counter() - start_s) * 1000
                answer.text += event["delta"]
            case "liushui.citation":
                answer.passages = [passage["text"] for passage in event["passages"]]
                answer.cited = [passage["id"] for passage in event["passages"]]
            case "liushui.safety":
                answer.safety.append(event["kind"])
            case "error":
                raise RuntimeError(f"the service refused {text!r}: {event['error']['message']}")
            case "response.done":
                if event["response"]["status"] == "failed":
                    raise RuntimeError(
                        f"the answer to {text!r} failed: {event['response']['status_details']}"
                    )
                return answer
