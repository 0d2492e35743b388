"""Consultation domains: what a folder must hold, and what the model is told of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from assistant.persona import PersonaError, load_persona


@pytest.mark.parametrize("domain", ["medical", "finance"])
def test_the_domains_that_come_with_it_have_instructions_and_knowledge(domain: str) -> None:
    persona = load_persona(domain)
    assert persona.name == domain
    assert len(persona.entries) >= 50 and not persona.knowledge  # not in the prompt
    assert persona.safety.flags and persona.safety.disclaimer.en
    assert len(persona.lexicon) > 20
    assert persona.prompt.startswith(persona.instructions)


def test_a_folder_of_your_own_needs_no_knowledge(tmp_path: Path) -> None:
    (tmp_path / "prompt.md").write_text("Be kind.\n", encoding="utf-8")
    assert load_persona(tmp_path).prompt == "Be kind."
    (tmp_path / "knowledge.md").write_text("Tea is at four.\n", encoding="utf-8")
    assert load_persona(str(tmp_path)).prompt == "Be kind.\n\nWhat you know: Tea is at four."


def test_a_lexicon_is_a_term_a_line(tmp_path: Path) -> None:
    (tmp_path / "prompt.md").write_text("Be kind.", encoding="utf-8")
    assert load_persona(tmp_path).lexicon == ()
    (tmp_path / "lexicon.txt").write_text("Lapsang souchong\n\n oolong \n", encoding="utf-8")
    assert load_persona(tmp_path).lexicon == ("Lapsang souchong", "oolong")


def test_without_instructions_it_is_refused_with_what_there_is(tmp_path: Path) -> None:
    with pytest.raises(PersonaError, match="finance, medical"):
        load_persona("legal")
    (tmp_path / "prompt.md").write_text(" \n", encoding="utf-8")
    with pytest.raises(PersonaError, match="is empty"):
        load_persona(tmp_path)
