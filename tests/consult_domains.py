"""A small domain of three text files, and an encoder that knows nothing."""

from __future__ import annotations

from pathlib import Path

PROMPT = "# Tea house\nYou answer for a tea house.\n"
KNOWLEDGE = """# Notes

## Brewing green tea {#green-tea}
Green tea is brewed at 75 degrees for 2 minutes. Boiling water makes it bitter.

ask: how hot for green tea; why is my sencha bitter; how long do I steep green tea
zh: 绿茶用75度的水泡2分钟。
zh-ask: 绿茶用多热的水; 绿茶泡多久

## Opening hours {#hours}
The house is open from 9 to 18 every day but Monday. Do not bring dogs.

ask: when do you open; are you open on Mondays; what time do you close
"""
SAFETY = """## Disclaimer
Only about tea.
zh: 只谈茶。
## Unknown
I only know tea; please ask the waiter.
## Withheld
For the rest, ask the waiter.
## Red flag: Burn {#burn}
Say: Hold it under cool running water for 20 minutes.
zh: 请用流动的凉水冲20分钟。
When:
- burn / scald + hand / arm / finger / myself
- [8 or more] cups + sick
- 烫…手
Not:
- last week / nearly
## No red flag
- what happens if
"""


def tea_house(folder: Path) -> Path:
    """Write the domain into a folder."""
    (folder / "knowledge").mkdir(parents=True)
    (folder / "prompt.md").write_text(PROMPT, encoding="utf-8")
    (folder / "knowledge" / "tea.md").write_text(KNOWLEDGE, encoding="utf-8")
    (folder / "safety.md").write_text(SAFETY, encoding="utf-8")
    return folder
