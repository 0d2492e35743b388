"""What a client is told about an answer: where it is from, or why it is none."""

from __future__ import annotations

from dataclasses import dataclass, field

from assistant.consultation import Verdict


@dataclass(slots=True)
class Advice:
    """One answer of a consultation. The thread that computes it writes, the event loop reads."""

    verdict: Verdict
    disclaimer: str = ""
    withheld: list[str] = field(default_factory=list)  # clauses that no passage supports

    @property
    def passages(self) -> tuple[str, ...]:
        """Ids of what the answer is from."""
        return tuple(each.id for each in self.verdict.passages)

    @property
    def safety(self) -> str | None:
        """The last of its kinds that a client is told; None: the answer is as asked for."""
        kinds = [str(fields["kind"]) for event, fields in self.told if event == "liushui.safety"]
        return kinds[-1] if kinds else None

    @property
    def told(self) -> list[tuple[str, dict[str, object]]]:
        """Return the events of it so far, each a type and its fields; more may come until the answer ends."""
        verdict, events = self.verdict, list[tuple[str, dict[str, object]]]()
        if verdict.passages:
            cited = [
                {"id": each.id, "title": each.title, "text": each.told(chinese=verdict.chinese)}
                for each in verdict.passages
            ]
            events.append(("liushui.citation", {"passages": cited, "disclaimer": self.disclaimer}))
        if verdict.kind == "red_flag":
            events.append(("liushui.safety", {"kind": "red_flag", "id": verdict.flag}))
        elif verdict.kind in ("unknown", "unsure"):
            events.append(("liushui.safety", {"kind": verdict.kind}))
        if self.withheld:
            events.append(("liushui.safety", {"kind": "withheld"}))
        return events
