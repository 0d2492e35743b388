"""What a client may ask of a session is what the service has: its voices, and what it recognises."""

from __future__ import annotations

import json

import pytest

from transport import events
from transport.commands import Command
from transport.errors import RejectedEventError
from transport.events import parse_event
from transport.settings import SessionSettings

CHOOSY = SessionSettings(voice="heart", voices=("heart", "joe"), languages=("en", "zh", "auto"))


def parse(event: object) -> Command:
    return parse_event(json.dumps(event), CHOOSY, lambda prefix: f"{prefix}_new")


def chosen(kind: str, output: object) -> Command:
    audio = {"audio": {"output": output}}
    body = {"session": {"type": "realtime", **audio}} if kind == "session.update" else {"response": audio}
    return parse({"type": kind, **body})


@pytest.mark.parametrize("kind", ["session.update", "response.create"])
def test_a_voice_of_the_service_is_chosen_and_another_is_refused_with_those_there_are(kind: str) -> None:
    def voice(asked: object) -> object:
        command = chosen(kind, {"voice": asked})
        return command.settings.voice if isinstance(command, events.SessionUpdated) else command.voice  # type: ignore[attr-defined]

    assert [voice(asked) for asked in ("joe", {"id": "joe"})] == ["joe", "joe"]
    assert [voice(asked) for asked in ("heart", "marin", "alloy")] == [
        "heart"
    ] * 3  # of OpenAI's none is here
    with pytest.raises(RejectedEventError, match="is 'nobody': this service speaks as heart, joe") as refused:
        chosen(kind, {"voice": "nobody"})
    where = "session" if kind == "session.update" else "response"
    assert refused.value.param == f"{where}.audio.output.voice"


def test_a_language_that_is_not_recognised_is_refused_with_those_that_are() -> None:
    def spoken(language: str) -> str | None:
        audio = {"input": {"transcription": {"language": language}}}
        command = parse({"type": "session.update", "session": {"type": "realtime", "audio": audio}})
        assert isinstance(command, events.SessionUpdated)
        return command.settings.language

    assert [spoken(language) for language in ("zh", "auto")] == ["zh", "auto"]
    with pytest.raises(RejectedEventError, match="is 'xx': this service recognises en, zh, auto") as refused:
        spoken("xx")
    assert refused.value.param == "session.audio.input.transcription.language"
