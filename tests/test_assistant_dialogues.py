"""What holds in every dialogue: interruptions at any moment, and scripts that nobody thought of."""

from __future__ import annotations

import base64
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.dialogues import ANSWERS, RATE_HZ, STORY, Room, loud_room, play, room
from tests.fakes import WORD_S

END = "waits until it is silent\nwaits 2"


def check(here: Room) -> None:
    """What no script may break, seen from the client."""
    open_id, held, text = None, False, ""
    for event in events(here):
        kind = str(event["type"])
        if kind == "response.created":
            assert open_id is None, "two answers at once"
            open_id, held, text = str(event["response"]["id"]), False, ""  # type: ignore[index]
        elif kind == "response.done":
            assert event["response"]["id"] == open_id, "an end without a beginning"  # type: ignore[index]
            open_id = None
        elif kind in ("response.output_audio.delta", "response.output_audio_transcript.delta"):
            assert event["response_id"] == open_id, "something of an earlier answer"
            assert not held, "audio while the client holds what it has"
            text += str(event["delta"]) if kind.endswith("transcript.delta") else ""
            assert any(answer.startswith(text.strip()) for answer in answers(here)), text
        elif kind == "liushui.playback.hold":
            held = True
        elif kind in ("liushui.playback.resume", "liushui.playback.clear"):
            held = False
    assert open_id is None, "an answer that never ends"
    for heard in here.heard("assistant"):
        assert any(answer.startswith(heard.strip()) for answer in answers(here)), heard


def events(here: Room) -> Iterator[dict[str, object]]:
    return (event for _, event in here.client.received)


def answers(here: Room) -> list[str]:
    """What the model may have said: by its script, or by repeating what it was told."""
    return [*ANSWERS.values(), *(f"You said {said}" for said in here.heard("user"))]


def audio(here: Room) -> np.ndarray:
    """All audio that the client received."""
    deltas = here.client.of_type("response.output_audio.delta")
    return np.concatenate([np.frombuffer(base64.b64decode(str(event["delta"])), "<i2") for event in deltas])


WHOLE = audio(play(f"says {STORY}\nwaits until it speaks\n{END}"))
MOMENTS = {
    "the first sample": 0.0,
    "the first word": WORD_S / 2,
    "the end of a chunk": 6 * WORD_S,
    "between two chunks": 6 * WORD_S + 0.1,
    "the middle": len(WHOLE) / RATE_HZ / 2,
    "the last word": len(WHOLE) / RATE_HZ - WORD_S / 2,
}


@pytest.mark.parametrize("after_s", MOMENTS.values(), ids=MOMENTS)
def test_an_interruption_at_any_moment_is_answered_and_what_was_heard_before_it_is_kept(
    after_s: float,
) -> None:
    here = play(f"""
        says {STORY}
        waits until it speaks
        waits {after_s}
        says and then?
        waits until it speaks
        {END}
    """)
    check(here)
    assert here.heard("user") == [STORY, "and then?"]
    *before, last = here.heard("assistant")
    assert last.strip() == "Then it ended."
    loud_s = np.count_nonzero(WHOLE[: round(after_s * RATE_HZ)]) / RATE_HZ
    assert abs(len("".join(before).split()) - loud_s / WORD_S) <= 1


def test_two_interruptions_in_a_row_end_two_answers() -> None:
    here = play(f"""
        says {STORY}
        waits until it speaks
        waits 0.5
        says {STORY}
        waits until it speaks
        says and then?
        waits until it speaks
        {END}
    """)
    check(here)
    assert here.statuses() == ["cancelled", "cancelled", "completed"]
    assert here.heard("user") == [STORY, STORY, "and then?"]


@pytest.mark.parametrize(
    "sound",
    [
        "taps",
        "taps\nwaits 0.1\nsays mm-hmm",
        "coughs",
        "says mm-hmm",
        "says oh i see",
        "coughs\nwaits 0.5\nsays okay",
    ],
)
@pytest.mark.parametrize("after_s", [0.1, 1.0, 3.0])
def test_a_cough_or_a_backchannel_costs_no_sample_of_the_answer(sound: str, after_s: float) -> None:
    here = play(f"says {STORY}\nwaits until it speaks\nwaits {after_s}\n{sound}\n{END}")
    check(here)
    assert here.statuses() == ["completed"]
    assert here.client.of_type("liushui.playback.hold"), "it did not fall silent"
    np.testing.assert_array_equal(audio(here), WHOLE)


def test_the_answer_falls_silent_at_the_second_frame_of_a_sound_and_goes_on_soon_after_it() -> None:
    here = play(f"says {STORY}\nwaits until it speaks\nwaits 1\nsays mm-hmm\n{END}")
    (start_s,) = (t for t, event in here.client.received if event["type"] == "response.created")
    (held_s,) = (t for t, event in here.client.received if event["type"] == "liushui.playback.hold")
    (resumed_s,) = (t for t, event in here.client.received if event["type"] == "liushui.playback.resume")
    assert held_s - start_s - 1.0 < 0.22  # the wait before it ends within a tenth of a second
    assert WORD_S < resumed_s - held_s < WORD_S + 0.3


SAID = [*ANSWERS, "mm-hmm", "um...", "stop", "what ~ ~ is that?", "one two three four", "~"]
STEPS = st.one_of(
    st.sampled_from(SAID).map("says {}".format),
    st.floats(0, 3).map("waits {:.2f}".format),
    st.sampled_from(["taps", "coughs", "cancels", "waits until it is silent", f"types {STORY}"]),
)


@settings(max_examples=25, deadline=None)
@given(st.lists(STEPS, min_size=2, max_size=10), st.booleans(), st.sampled_from([0.02, 0.12, 0.5]))
def test_in_no_dialogue_do_answers_overlap_mix_or_stay_open(
    steps: list[str], loud: bool, reading_s: float
) -> None:
    here = play("\n".join([*steps, "waits 4", END]), loud_room() if loud else room(reading_s=reading_s))
    check(here)
