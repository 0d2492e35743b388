"""The pace in whole conversations, in virtual time."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from assistant.pace_store import PaceStore
from assistant.speaking_pace import SpeakingPace
from tests.dialogues import Room, converse, play, room
from tests.fakes import LevelVoice
from transport.settings import SessionSettings
from tts.engine import Speech

END = "waits until it speaks\nwaits until it is silent\nwaits 0.5\n"


@dataclass
class PacedVoice(LevelVoice):
    """Speaks faster or slower when asked to, and remembers at what rates."""

    rates: list[float] = field(default_factory=list)

    def synthesize(self, text: str, *, rate: float = 1.0) -> Speech:
        speech = super().synthesize(text, rate=rate)
        self.rates.append(rate)
        words = tuple(
            replace(word, start_s=word.start_s / rate, end_s=word.end_s / rate) for word in speech.words
        )
        return Speech(np.resize(speech.audio, round(len(speech.audio) / rate)), speech.sample_rate_hz, words)


def paced(
    script: str,
    *,
    store: PaceStore | None = None,
    user: str | None = None,
    settings: SessionSettings | None = None,
) -> tuple[Room, list[float]]:
    """Play a script; returns the room and the rates of all chunks spoken."""
    voice = PacedVoice()
    here = room(voice=voice, settings=settings)
    here.engines = replace(here.engines, paces=store)
    here.client.protocol.user = user
    return play(script, here), voice.rates


def changes(here: Room) -> list[tuple[object, object]]:
    return [(event["rate"], event["reason"]) for event in here.client.of_type("liushui.pace.changed")]


def audio_bytes(here: Room) -> list[int]:
    """Of each answer."""
    sizes: dict[object, int] = {}
    for event in here.client.of_type("response.output_audio.delta"):
        sizes[event["response_id"]] = sizes.get(event["response_id"], 0) + len(str(event["delta"]))
    return list(sizes.values())


def test_slower_please_makes_the_next_answer_slower_and_is_told_before_it() -> None:
    here, rates = paced(
        f"says what is a fever?\n{END}says slower, please.\n{END}says what is a fever?\n{END}"
    )
    assert sorted(set(rates)) == [0.85, 1.0] and rates[0] == 1.0 and rates[-1] == 0.85
    assert changes(here) == [(0.85, "the user asked to speak slower")]
    usual, _, slower = audio_bytes(here)
    assert slower > 1.17 * usual, "its pauses are longer too"
    kinds = [event["type"] for _, event in here.client.received]
    created = [at for at, kind in enumerate(kinds) if kind == "response.created"]
    assert kinds.index("liushui.pace.changed") == created[1] - 1


def test_what_was_withdrawn_was_not_said_and_is_minded_once() -> None:
    here, rates = paced(f"says slower, please. ~ ~ and what is um... ~ ~ ~ a fever?\n{END}")
    assert len(changes(here)) == 1 and set(rates[-2:]) == {0.85}


def test_a_typed_wish_counts_too() -> None:
    here, rates = paced(f"types please speak faster\n{END}")
    assert changes(here) == [(1.15, "the user asked to speak faster")]
    assert set(rates) == {1.15}


def test_a_clients_speed_is_taken_at_its_word_until_the_user_says_another() -> None:
    fast = SessionSettings(speed=1.25)
    here, rates = paced(f"says what is a fever?\n{END}says slower, please.\n{END}", settings=fast)
    assert rates[0] == 1.25 and rates[-1] == 1.1
    assert [rate for rate, _ in changes(here)] == [1.25, 1.1]
    assert here.client.protocol.settings.speed is None


def test_a_client_may_leave_the_pace_to_the_service_again() -> None:
    here, _ = paced("waits 0.1\n", settings=SessionSettings(speed=1.25))
    pace = SpeakingPace(here.client.protocol, None)
    for speed, rate in ((1.25, 1.25), (None, 1.0), (0.8, 0.8), (None, 1.0)):
        pace.configure(SessionSettings(speed=speed))
        assert pace.after(None, 0.0, answering=False).rate == rate


def test_a_quarter_of_the_speed_is_as_slow_as_the_voice_can() -> None:
    here, rates = paced(f"says what is a fever?\n{END}", settings=SessionSettings(speed=0.25))
    assert set(rates) == {0.5} and here.client.of_type("liushui.mode") == []


def test_who_asks_to_hear_it_again_is_answered_slower() -> None:
    here, rates = paced(f"says what is a fever?\n{END}says sorry? say that again.\n{END}")
    assert rates[0] == 1.0 and rates[-1] == 0.95
    assert changes(here) == [(0.95, "the user asked to hear it again")]


def test_who_breaks_in_early_again_and_again_is_answered_faster() -> None:
    breaks_in = "waits until it speaks\nwaits 1\nsays tell me a story.\n"
    here, _ = paced("says tell me a story.\n" + breaks_in * 3 + END)
    assert changes(here)[0] == (1.05, "the user breaks in early")


def test_a_fast_speaker_is_answered_faster_after_some_turns() -> None:
    said = "says unimaginable intolerable abominable uncontrollable irritability\n"
    here, rates = paced((said + END) * 5)
    assert rates[0] == 1.0 and rates[-1] == 1.1
    assert all("syllables a second" in str(reason) for _, reason in changes(here))


def test_a_known_users_pace_is_kept_and_nobody_elses(tmp_path: Path) -> None:
    store = PaceStore(tmp_path / "pace")
    script = f"says slower, please.\n{END}"
    paced(script, store=store)
    assert not (tmp_path / "pace").exists(), "nobody said who it is"
    paced(script, store=store, user="alice")
    here, rates = paced(f"says what is a fever?\n{END}", store=store, user="alice")
    assert changes(here) == [(0.85, "as in an earlier conversation")] and set(rates) == {0.85}
    here, rates = paced(f"says what is a fever?\n{END}", store=store, user="bob")
    assert changes(here) == [] and set(rates) == {1.0}


def test_who_is_forgotten_during_a_conversation_is_not_written_again(tmp_path: Path) -> None:
    store = PaceStore(tmp_path)
    paced(f"says slower, please.\n{END}", store=store, user="alice")
    here = room(voice=PacedVoice())
    here.engines = replace(here.engines, paces=store)
    here.client.protocol.user = "alice"

    async def script(here: Room) -> None:
        await here.say("much slower, please. " + "~ " * 30)
        store.forget("alice")

    assert converse(here, script).statuses() == ["completed"]
    assert store.load("alice") is None
