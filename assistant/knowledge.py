"""What a domain knows: entries, each on one topic, each with the ways in which people ask for it.

## Paracetamol for adults {#paracetamol-adult}
Adults can take 500 to 1,000 mg every 6 hours. The most in 24 hours is 4,000 mg.

ask: how much paracetamol can I take; Panadol dose; is it safe to take two Tylenol
zh: 成人每6小时可服500到1000毫克。
zh-ask: 扑热息痛一次吃多少; 必理痛一天最多几片
chart: Most in a day (mg) | Adults=4000; A child of 20 kg=1200
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

from assistant.charts import Chart, ChartError, parse_chart

HEADING = re.compile(r"##\s+(?P<title>.+?)\s*\{#(?P<id>[a-z0-9]+(?:-[a-z0-9]+)*)\}\s*")
FIELD = re.compile(r"(?P<name>ask|zh|zh-ask|chart):\s*(?P<value>.*)")


class KnowledgeError(ValueError):
    """A file of the knowledge that cannot be read; the message names file and line."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One passage."""

    id: str
    title: str
    text: str
    asks: tuple[str, ...] = ()
    zh: str = ""
    zh_asks: tuple[str, ...] = ()
    charts: tuple[Chart, ...] = ()

    def told(self, *, chinese: bool) -> str:
        """Return the passage in the language of the conversation, if it has it."""
        return self.zh if chinese and self.zh else self.text


@dataclass(slots=True)
class _Draft:
    id: str
    title: str
    place: str
    text: list[str] = field(default_factory=list)
    fields: dict[str, list[str]] = field(default_factory=dict)

    def entry(self) -> Entry:
        text = " ".join(self.text)
        if not text:
            raise KnowledgeError(
                f"{self.place}: the entry {self.id!r} has no text; write it under the heading"
            )
        wordings = {name: _wordings(self.fields.get(name, [])) for name in ("ask", "zh-ask")}
        return Entry(
            self.id,
            self.title,
            text,
            wordings["ask"],
            " ".join(self.fields.get("zh", [])),
            wordings["zh-ask"],
            self._charts(),
        )

    def _charts(self) -> tuple[Chart, ...]:
        try:
            return tuple(map(parse_chart, self.fields.get("chart", [])))
        except ChartError as error:
            raise KnowledgeError(f"{self.place}: {error}") from error


def read_knowledge(folder: Path) -> tuple[Entry, ...]:
    """Read `folder`'s *.md in the order of their names; none if it is no folder. Raises KnowledgeError."""
    entries: dict[str, Entry] = {}
    for path in sorted(folder.glob("*.md")):
        for entry in parse_entries(path.read_text(encoding="utf-8"), path.name):
            if entry.id in entries:
                raise KnowledgeError(f"{path}: the id {entry.id!r} is taken by another entry; ids are unique")
            entries[entry.id] = entry
    return tuple(entries.values())


def parse_entries(text: str, name: str) -> list[Entry]:
    """Read the entries of one file; what stands before the first heading is no entry."""
    drafts: list[_Draft] = []
    for number, line in enumerate(map(str.strip, text.splitlines()), start=1):
        place = f"{name}, line {number}"
        if line.startswith("##"):
            heading = HEADING.fullmatch(line)
            if heading is None:
                raise KnowledgeError(
                    f"{place}: {line!r} is no heading of an entry; write ## Title {{#its-id}}"
                )
            drafts.append(_Draft(heading["id"], heading["title"], place))
        elif drafts and (found := FIELD.fullmatch(line)):
            drafts[-1].fields.setdefault(found["name"], []).append(found["value"])
        elif drafts and line:
            drafts[-1].text.append(line)
    return [draft.entry() for draft in drafts]


def _wordings(lines: list[str]) -> tuple[str, ...]:
    return tuple(filter(None, (each.strip() for line in lines for each in re.split("[;；]", line))))
