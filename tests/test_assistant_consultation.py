"""Consultations: entries, red flags, what is found for a question, and what an answer may say."""

from __future__ import annotations

from pathlib import Path

import pytest

from assistant.answer_check import AnswerCheck
from assistant.consultation import Consultation
from assistant.evidence import Evidence
from assistant.knowledge import KnowledgeError, parse_entries, read_knowledge
from assistant.persona import load_persona
from assistant.quantities import quantities
from assistant.red_flags import PatternError, RedFlag, parse_pattern, raised
from assistant.safety import SafetyError, read_safety
from tests.consult_domains import KNOWLEDGE, tea_house

IBUPROFEN = (
    "Adults can take 200 to 400 mg of ibuprofen every 8 hours. The most in 24 hours is 1,200 mg. "
    "Do not take it with a stomach ulcer."
)


@pytest.fixture(scope="module")
def tea(tmp_path_factory: pytest.TempPathFactory) -> Consultation:
    return Consultation(load_persona(tea_house(tmp_path_factory.mktemp("domains") / "tea")))


def test_a_domain_made_of_three_text_files_needs_no_code(tea: Consultation) -> None:
    assert tea.persona.title == "Tea house"
    assert tea.persona.prompt == "You answer for a tea house."
    verdict = tea.verdict("How hot should green tea be?")
    assert verdict.kind == "passages"
    assert [entry.id for entry in verdict.passages] == ["green-tea"]
    assert tea.lead("How hot should green tea be?", verdict).startswith("Green tea is brewed at 75")


@pytest.mark.parametrize(
    ("question", "kind"),
    [
        ("Do you sell cars?", "unknown"),
        ("Thanks a lot!", "courtesy"),
        ("Hmm, and that?", "unsure"),
        ("I've burnt my hand", "red_flag"),
        ("我烫到手了", "red_flag"),
        ("绿茶泡多久？", "passages"),
        ("谢谢！", "courtesy"),
    ],
)
def test_what_a_question_is_answered_by(tea: Consultation, question: str, kind: str) -> None:
    assert tea.verdict(question).kind == kind


def test_a_follow_up_is_about_what_was_asked_before(tea: Consultation) -> None:
    assert tea.verdict("And how long?", "How hot should green tea be?").passages[0].id == "green-tea"


def test_a_misspelt_word_finds_what_is_meant(tea: Consultation) -> None:
    assert tea.verdict("Why is my senchaa bitter?").passages[0].id == "green-tea"


def test_a_domain_without_lines_of_its_own_has_usual_ones(tmp_path: Path) -> None:
    folder = tea_house(tmp_path / "tea")
    (folder / "safety.md").unlink()
    verdict = Consultation(load_persona(folder)).verdict("Do you sell cars?")
    assert verdict.kind == "unknown" and "nothing reliable" in verdict.say


def test_entries_are_read_with_their_wordings() -> None:
    tea, hours = parse_entries(KNOWLEDGE, "tea.md")
    assert (tea.id, tea.title, tea.zh) == ("green-tea", "Brewing green tea", "绿茶用75度的水泡2分钟。")
    assert tea.asks[1] == "why is my sencha bitter" and tea.zh_asks == ("绿茶用多热的水", "绿茶泡多久")
    assert hours.zh == "" and hours.told(chinese=True) == hours.text


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (
            "## No id\nText.",
            r"a.md, line 1: '## No id' is no heading of an entry; write ## Title \{#its-id\}",
        ),
        ("## Empty {#empty}\nask: what", "a.md, line 1: the entry 'empty' has no text"),
        ("## One {#one}\nText.\n## Two {#one}\nText.", "the id 'one' is taken"),
    ],
)
def test_knowledge_that_cannot_be_read_names_its_line(tmp_path: Path, text: str, says: str) -> None:
    (tmp_path / "a.md").write_text(text, encoding="utf-8")
    with pytest.raises(KnowledgeError, match=says):
        read_knowledge(tmp_path)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("## Disclamer\nNo.", "line 1: 'Disclamer' is none of Disclaimer"),
        ("## Red flag: Fire {#fire}\nSay: Run.", "the red flag 'fire' needs a line 'Say: ...' and a list"),
        ("## Red flag: Fire {#fire}\nSay: Run.\nWhen:\nsmoke", "line 4: 'smoke' is no pattern"),
        ("## Red flag: Fire {#fire}\nSay: Run.\nWhen:\n- [many] fires", "is no number condition"),
    ],
)
def test_safety_that_cannot_be_read_names_its_line(tmp_path: Path, text: str, says: str) -> None:
    (tmp_path / "safety.md").write_text(text, encoding="utf-8")
    with pytest.raises(SafetyError, match=says):
        read_safety(tmp_path / "safety.md")


def flag(*when: str, unless: tuple[str, ...] = ()) -> RedFlag:
    patterns = tuple(map(parse_pattern, when))
    off = tuple(parse_pattern(each, negatable=False) for each in unless)
    return RedFlag("f", "F", "Say.", "", patterns, off)


@pytest.mark.parametrize(
    ("pattern", "said", "matches"),
    [
        ("chest + pain / hurt", "my chest is hurting", True),
        ("chest + pain / hurt", "It hurts. In my chest.", True),
        ("short of breath", "I'm so short of my breath", True),
        ("can't breathe", "She cannot breathe!", True),
        ("chest pain", "I have no chest pain", False),
        ("chest pain", "I don't have any chest pain", False),
        ("chest pain", "I can't stop this chest pain", True),
        ("chest pain", "Last year I had none, but now there's chest pain", True),
        ("[8 or more] tablets", "she swallowed a dozen of the tablets", True),
        ("[8 or more] tablets", "I took two tablets", False),
        ("[8 or more] tablets", "eight hours after the tablets", False),
        ("[less than 35] degrees", "it is 35 degrees", False),
        ("胸…痛", "我胸口有点痛", True),
        ("胸痛", "没有胸痛", False),
        ("[8 or more] 片", "他吃了十二片", True),
    ],
)
def test_a_pattern_of_a_red_flag(pattern: str, said: str, matches: bool) -> None:
    assert (raised([flag(pattern)], (), said) is not None) == matches


def test_a_red_flag_is_called_off_in_its_own_sentence_alone() -> None:
    burn = flag("burn + hand", unless=("last week",))
    assert raised([burn], (), "I burned my hand last week") is None
    assert raised([burn], (), "That was last week. Today I burned my hand.") is burn
    assert raised([burn], (parse_pattern("what happens if"),), "What happens if I burn my hand?") is None


def test_a_pattern_with_an_empty_group_is_refused() -> None:
    with pytest.raises(PatternError, match="empty group"):
        parse_pattern("chest +  + pain")


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("take two hundred and fifty milligrams every six hours", [(250, "mg"), (6, "hour")]),
        ("three to six months", [(3, "month"), (6, "month")]),
        ("1,200 mg, 3.5 % and $3k", [(1200, "mg"), (3.5, "%"), (3000, "dollar")]),
        ("one of them, at once, once a day", [(1, "times")]),
        ("每6小时服500到1000毫克", [(6, "hour"), (500, "mg"), (1000, "mg")]),
        ("一般一天三次", [(1, "day"), (3, "times")]),
        ("百分之五，两三天", [(5, "%"), (2, "day"), (3, "day")]),
        ("血压一百二十八八十二，三天", [(3, "day")]),
        ("vitamin B12", []),
    ],
)  # fmt: skip
def test_numbers_with_what_they_count(text: str, found: list[tuple[float, str]]) -> None:
    assert [(each.value, each.unit) for each in quantities(text)] == found


@pytest.mark.parametrize(
    ("clause", "supported"),
    [
        ("You can take 400 mg of ibuprofen every eight hours", True),
        ("The most is 1200 milligrams", True),
        ("You can take 600 mg of ibuprofen", False),  # a number that is nowhere
        ("Take it every 8 days", False),  # another unit
        ("You can take 3000 mg", False),  # the user's number, where the passages say another
        ("Ibuprofen cures cancer", False),  # words that are nowhere
        ("You can take it with a stomach ulcer", False),  # the opposite
        ("Do not take it with a stomach ulcer", True),
    ],
)
def test_what_a_clause_may_say(clause: str, supported: bool) -> None:
    assert Evidence([IBUPROFEN], "Can I take 3000 mg of ibuprofen?").supports(clause) == supported


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_an_answer_leaves_clause_by_clause_without_what_is_not_supported(size: int) -> None:
    check = AnswerCheck(Evidence([IBUPROFEN], "How much ibuprofen?"))
    text = (
        "Adults can take 200 to 400 mg, or 900 mg when it is bad. The most in 24 hours is 1,200 mg. "
        "It cures flu."
    )
    said = "".join(check.push(text[at : at + size]) for at in range(0, len(text), size)) + check.finish()
    assert said == "Adults can take 200 to 400 mg. The most in 24 hours is 1,200 mg."
    assert check.withheld == ["or 900 mg when it is bad", "It cures flu"]


def test_nothing_leaves_before_its_clause_ends() -> None:
    check = AnswerCheck(Evidence([IBUPROFEN], ""))
    assert check.push("The most in 24 hours is 1,") == ""
    assert check.push("200 mg") == ""
    assert check.push(". ") == "The most in 24 hours is 1,200 mg"
    assert check.finish() == "."


def test_a_bare_yes_is_not_said() -> None:
    check = AnswerCheck(Evidence([IBUPROFEN], ""))
    assert check.push("Yes, adults can take 400 mg. ") + check.finish() == "Adults can take 400 mg."


def test_an_entrys_chart_is_drawn_and_never_spoken() -> None:
    text = "## Growth {#growth}\nMoney grows.\nchart: Growth (dollars) | Start=100; 10 years=160\n"
    (entry,) = parse_entries(text, "saving.md")
    assert entry.text == "Money grows."
    assert [(chart.title, len(chart.points)) for chart in entry.charts] == [("Growth (dollars)", 2)]
    with pytest.raises(KnowledgeError, match=r"saving\.md, line 1: .* is no chart"):
        parse_entries(text.replace("|", ","), "saving.md")
