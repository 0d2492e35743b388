"""What a domain says by itself: disclaimer, what it does not know, and the fixed answers to red flags.

Read from a domain's `safety.md`; a domain without one has the lines below and no red flags.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from assistant.red_flags import Pattern, PatternError, RedFlag, parse_pattern, raised

FLAG = re.compile(r"Red flag:\s*(?P<name>.+?)\s*\{#(?P<id>[a-z0-9]+(?:-[a-z0-9]+)*)\}")
FLAGS_OFF = "No red flag"


class SafetyError(ValueError):
    """A `safety.md` that cannot be read; the message names the line."""


@dataclass(frozen=True, slots=True)
class Line:
    """A sentence of the domain's own, in both languages; zh "": English only."""

    en: str
    zh: str = ""

    def told(self, *, chinese: bool) -> str:
        """Return it in the language of the conversation, if it has it."""
        return self.zh if chinese and self.zh else self.en


UNKNOWN = Line(
    "I have nothing reliable on that. Please ask somebody who knows it well.",
    "这一点我没有可靠的资料，请咨询专业人士。",
)
UNSURE = Line("Could you say that again, a little more exactly?", "能请您说得再具体一点吗？")
WITHHELD = Line(
    "For anything beyond that, please ask somebody who knows it well.", "其余的部分，请向专业人士核实。"
)


@dataclass(frozen=True, slots=True)
class Safety:
    """The lines and the red flags of one domain."""

    disclaimer: Line = Line("")
    unknown: Line = UNKNOWN
    unsure: Line = UNSURE
    withheld: Line = WITHHELD
    flags: tuple[RedFlag, ...] = ()
    calm: tuple[Pattern, ...] = ()  # what calls every red flag off in its sentence

    def red_flag(self, text: str) -> RedFlag | None:
        """Return the red flag whose patterns are in the user's words."""
        return raised(self.flags, self.calm, text)


@dataclass(slots=True)
class _Section:
    title: str
    number: int  # of its first line
    text: list[str] = field(default_factory=list)
    zh: str = ""
    lists: dict[str, list[str]] = field(default_factory=lambda: {"": []})  # of patterns, by the word before


def read_safety(path: Path) -> Safety:
    """Read a `safety.md`, the lines above in the place of what it leaves out. Raises SafetyError."""
    if not path.is_file():
        return Safety()
    lines: dict[str, Line] = {}
    flags: list[RedFlag] = []
    calm: tuple[Pattern, ...] = ()
    for section in _sections(path.read_text(encoding="utf-8"), path.name):
        if flag := FLAG.fullmatch(section.title):
            flags.append(_flag(section, flag, path.name))
        elif section.title == FLAGS_OFF:
            calm = _patterns(section, "", path.name, negatable=False)
        elif section.title in ("Disclaimer", "Unknown", "Unsure", "Withheld"):
            lines[section.title.lower()] = Line(" ".join(section.text), section.zh)
        else:
            raise SafetyError(
                f"{path.name}, line {section.number}: {section.title!r} is none of Disclaimer, Unknown, "
                f"Unsure, Withheld, {FLAGS_OFF} and Red flag: Name {{#its-id}}"
            )
    return Safety(flags=tuple(flags), calm=calm, **lines)


def _sections(text: str, name: str) -> Iterator[_Section]:
    section: _Section | None = None
    current = ""
    for number, line in enumerate(map(str.strip, text.splitlines()), start=1):
        if line.startswith("## "):
            if section is not None:
                yield section
            section, current = _Section(line[3:].strip(), number), ""
        elif section is None or not line:
            continue
        elif line in ("When:", "Not:"):
            current = line[:-1]
            section.lists.setdefault(current, [])
        elif line.startswith("- "):
            section.lists[current].append(line[2:])
        elif line.startswith(("zh:", "zh：")):
            section.zh = line[3:].strip()
        elif current:
            raise SafetyError(f"{name}, line {number}: {line!r} is no pattern; begin it with '- '")
        else:
            section.text.append(line.removeprefix("Say:").strip())
    if section is not None:
        yield section


def _flag(section: _Section, heading: re.Match[str], name: str) -> RedFlag:
    when = _patterns(section, "When", name)
    if not section.text or not when:
        raise SafetyError(
            f"{name}, line {section.number}: the red flag {heading['id']!r} needs a line 'Say: ...' and a "
            "list under 'When:'"
        )
    unless = _patterns(section, "Not", name, negatable=False)
    return RedFlag(heading["id"], heading["name"], " ".join(section.text), section.zh, when, unless)


def _patterns(section: _Section, of: str, name: str, *, negatable: bool = True) -> tuple[Pattern, ...]:
    try:
        return tuple(parse_pattern(each, negatable=negatable) for each in section.lists.get(of, []))
    except PatternError as error:
        raise SafetyError(f"{name}, section {section.title!r}: {error}") from error
