"""What a session makes of its client's line: cut, restored, too slow for a voice; and of what was played."""

from __future__ import annotations

import asyncio
import base64

from tests.dialogues import ANSWER, LONG, QUESTION, Room, converse, room
from tests.fakes import WORD_S
from transport.commands import Command
from transport.framed import LineLost, LineRestored, VoiceCarried


def tell(here: Room, command: Command) -> None:
    here.client._commands.put_nowait(command)


def audio_s(here: Room) -> float:
    deltas = here.client.of_type("response.output_audio.delta")
    return sum(len(base64.b64decode(str(event["delta"]))) for event in deltas) / 2 / 24_000


def test_while_the_line_is_down_the_answer_waits_and_then_nothing_of_it_is_missing() -> None:
    waited: list[float] = []

    async def script(here: Room) -> None:
        here.type_in(QUESTION)
        await asyncio.sleep(0.5)
        tell(here, LineLost())
        await asyncio.sleep(0.1)
        waited.append(audio_s(here))
        await asyncio.sleep(20.0)
        waited.append(audio_s(here))
        tell(here, LineRestored())
        await asyncio.sleep(10.0)

    here = converse(room(), script)
    before_s, after_s = waited
    whole_s = len(ANSWER.split()) * WORD_S
    assert before_s == after_s < whole_s - 1.0
    assert audio_s(here) >= whole_s
    assert here.statuses() == ["completed"]
    assert here.heard("assistant") == [ANSWER + " "]


def test_an_answer_asked_for_before_the_cut_is_made_during_it() -> None:
    async def script(here: Room) -> None:
        tell(here, LineLost())
        here.type_in(QUESTION)
        await asyncio.sleep(5.0)
        assert not here.client.of_type("response.output_audio.delta")
        tell(here, LineRestored())
        await asyncio.sleep(10.0)

    assert converse(room(), script).statuses() == ["completed"]


def test_on_a_line_too_slow_for_a_voice_answers_are_text_as_fast_as_they_are_written() -> None:
    async def script(here: Room) -> None:
        here.type_in("tell me a story.")
        await asyncio.sleep(1.0)
        tell(here, VoiceCarried(carried=False))
        await asyncio.sleep(8.0)
        assert here.statuses() == ["completed"]
        before_s = audio_s(here)
        here.type_in(QUESTION)
        await asyncio.sleep(1.0)
        assert here.statuses() == ["completed", "completed"]
        assert audio_s(here) == before_s
        tell(here, VoiceCarried(carried=True))
        here.type_in(QUESTION)
        await asyncio.sleep(10.0)
        assert audio_s(here) > before_s

    here = converse(room(), script)
    assert here.heard("assistant")[0].strip() == LONG


def test_what_the_client_played_is_what_was_heard() -> None:
    async def script(here: Room) -> None:
        here.type_in("tell me a story.")
        await asyncio.sleep(3.0)
        (added,) = here.client.of_type("response.output_item.added")
        item = added["item"]
        assert isinstance(item, dict)
        report = {"type": "liushui.playback.played", "item_id": item["id"], "audio_end_ms": 700}
        here.client.send(report)
        here.client.send({"type": "response.cancel"})
        await asyncio.sleep(1.0)

    here = converse(room(), script)
    assert here.statuses() == ["cancelled"]
    assert here.heard("assistant") == ["Sentence one"]
