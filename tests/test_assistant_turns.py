"""Turn-taking in virtual time: frames of 32 ms, no clock."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant.barge_in import Reading
from assistant.turn_policy import TurnPolicy, text_is_whole
from assistant.turns import TABLE, Action, Event, State, Turns

FRAME_S = 0.032


class Scene:
    """Plays voice and silence into `Turns` and writes down what it does."""

    def __init__(self) -> None:
        self.turns = Turns(TurnPolicy())
        self.actions: list[Action] = []
        self.silence_s = 0.0

    def voice(self, seconds: float) -> Scene:
        self.silence_s = 0.0
        for _ in range(round(seconds / FRAME_S)):
            self.actions += self.turns.voice(True, 0.0, FRAME_S)
        return self

    def silence(self, seconds: float) -> Scene:
        for _ in range(round(seconds / FRAME_S)):
            self.silence_s += FRAME_S
            self.actions += self.turns.voice(self.silence_s < 0.3, self.silence_s, FRAME_S)
        return self

    def answer_prepared(
        self, text: str = "What is this?", completeness: float = 0.9, turn_over: float | None = None
    ) -> Scene:
        self.actions += self.turns.transcribed(text)
        self.actions += self.turns.scored(completeness)
        self.actions += self.turns.answer_ready(turn_over)
        return self

    def replying(self) -> Scene:
        self.voice(1).silence(0.1).answer_prepared().silence(0.4)
        assert self.turns.state is State.REPLYING
        self.actions.clear()
        return self


def test_a_whole_question_is_prepared_at_the_first_silence_and_confirmed_after_the_sure_wait() -> None:
    scene = Scene().voice(1).silence(0.1)
    assert scene.actions == [Action.OPEN, Action.PREPARE]
    scene.answer_prepared()
    scene.silence(0.3)
    assert scene.turns.state is State.CLOSING
    scene.silence(0.1)
    assert scene.actions == [Action.OPEN, Action.PREPARE, Action.CONFIRM]


def test_nothing_is_confirmed_before_there_is_something_to_say() -> None:
    scene = Scene().voice(1).silence(3)
    assert scene.turns.state is State.CLOSING
    scene.answer_prepared()
    assert scene.actions[-1] is Action.CONFIRM


def test_speech_before_the_turn_is_over_withdraws_the_prepared_answer() -> None:
    scene = Scene().voice(1).silence(0.15).answer_prepared().voice(1)
    assert scene.actions == [Action.OPEN, Action.PREPARE, Action.WITHDRAW]
    assert scene.turns.state is State.SPEAKING


def test_a_click_in_the_closing_silence_withdraws_nothing_and_the_silence_counts_anew() -> None:
    scene = Scene().voice(1).silence(0.15).answer_prepared().voice(FRAME_S).silence(0.4)
    assert scene.turns.state is State.CLOSING
    scene.silence_s = 0.4
    scene.silence(0.1)
    assert scene.actions == [Action.OPEN, Action.PREPARE, Action.CONFIRM]


POLICY = TurnPolicy()


@pytest.mark.parametrize(
    ("text", "completeness", "turn_over", "waits_s"),
    [
        ("Is it bad?", 0.9, 0.9, POLICY.sure_s),
        ("Is it bad?", None, None, POLICY.sure_s),
        ("Can I, um?", 0.01, 0.9, POLICY.unsure_s),
        ("I have had a cold for a week.", 0.9, 0.8, POLICY.sure_s),
        ("I have had a cold for a week.", 0.9, 0.001, POLICY.likely_s),
        ("I have had a cold for a week.", 0.9, None, 0.82),
        ("I took it on, um", 0.9, 0.001, POLICY.unsure_s),
        ("If I take it in the morning, can I drink coffee?", 0.9, 0.9, POLICY.sure_s),
    ],
)
def test_the_wait_depends_on_how_complete_the_turn_sounds_and_reads(
    text: str, completeness: float, turn_over: float | None, waits_s: float
) -> None:
    assert POLICY.wait_s(completeness, text, turn_over) == pytest.approx(waits_s, abs=0.02)


PROBABILITIES = st.none() | st.floats(0, 1)
TEXTS = st.sampled_from(["Is it bad?", "I have a cold.", "I took it on, um", "If I take it.", ""])


@given(TEXTS, PROBABILITIES, st.floats(0, 1), st.floats(0, 1))
def test_surer_words_never_lengthen_the_wait_and_it_stays_in_its_bounds(
    text: str, completeness: float | None, one: float, other: float
) -> None:
    unsure_s, sure_s = (POLICY.wait_s(completeness, text, over) for over in sorted((one, other)))
    assert POLICY.sure_s <= sure_s <= unsure_s <= POLICY.unsure_s


@given(TEXTS, st.floats(0, 1), st.floats(0, 1), PROBABILITIES)
def test_a_surer_voice_never_lengthens_the_wait(
    text: str, one: float, other: float, turn_over: float | None
) -> None:
    unsure_s, sure_s = (POLICY.wait_s(voice, text, turn_over) for voice in sorted((one, other)))
    assert sure_s <= unsure_s


def test_what_the_language_model_thinks_of_the_words_shortens_the_wait() -> None:
    scene = Scene().voice(1).silence(0.1)
    scene.answer_prepared("I twisted my ankle, tell me what to do.", turn_over=0.9).silence(0.4)
    assert scene.turns.state is State.REPLYING
    scene = Scene().voice(1).silence(0.1)
    scene.answer_prepared("I twisted my ankle yesterday.", turn_over=0.01).silence(0.4)
    assert scene.turns.state is State.CLOSING


def test_an_utterance_without_words_is_dropped() -> None:
    scene = Scene().voice(0.3).silence(0.1)
    scene.actions += scene.turns.transcribed(" ... ")
    assert scene.actions[-2:] == [Action.WITHDRAW, Action.DROP]
    assert scene.turns.state is State.LISTENING


def heard(text: str, score: float = -0.2, *, ended: bool = True) -> Reading:
    return Reading(text, score, ended)


def test_the_answer_is_held_before_it_is_sure_that_a_sound_is_speech() -> None:
    scene = Scene().replying()
    scene.actions += scene.turns.voice(False, 3.0, FRAME_S, voiced_s=FRAME_S)
    assert not scene.actions
    scene.actions += scene.turns.voice(False, 3.0, FRAME_S, voiced_s=2 * FRAME_S)
    assert scene.actions == [Action.DUCK]
    scene.actions += scene.turns.voice(False, 3.1, FRAME_S)
    assert scene.actions == [Action.DUCK, Action.RESUME], "a click"


def test_words_during_the_answer_duck_and_then_stop_it() -> None:
    scene = Scene().replying().voice(0.3)
    scene.actions += scene.turns.overheard(heard("how long?"))
    assert scene.actions == [Action.DUCK, Action.STOP, Action.OPEN]
    assert scene.turns.state is State.SPEAKING


@pytest.mark.parametrize("sound", ["", "Uh-huh.", "Right, okay.", "嗯"])
def test_a_noise_or_a_backchannel_resumes_the_answer_as_soon_as_it_is_read(sound: str) -> None:
    scene = Scene().replying().voice(0.3).silence(0.07)
    scene.actions += scene.turns.overheard(heard(sound))
    scene.silence(0.1)
    assert scene.actions == [Action.DUCK, Action.RESUME]


def test_a_sound_that_nobody_could_read_yet_keeps_the_answer_back_for_a_second() -> None:
    scene = Scene().replying().voice(0.3).silence(0.9)
    assert scene.actions == [Action.DUCK]
    scene.silence(0.2)
    assert scene.actions == [Action.DUCK, Action.RESUME]


def test_the_answers_own_words_are_no_barge_in_and_no_reason_to_duck_again() -> None:
    scene = Scene().replying().voice(0.9)
    scene.actions += scene.turns.overheard(heard("rest in a quiet room"), "Drink, and rest in a quiet room.")
    assert scene.actions == [Action.DUCK, Action.RESUME]
    assert scene.turns.echoes


def test_a_manual_commit_needs_no_silence() -> None:
    scene = Scene()
    scene.actions += scene.turns.tell(Event.COMMIT)
    assert scene.actions == [Action.PREPARE, Action.CONFIRM]


def test_a_request_while_the_user_speaks_answers_what_was_said() -> None:
    scene = Scene().voice(1)
    scene.actions += scene.turns.tell(Event.REQUEST)
    assert scene.actions == [Action.OPEN, Action.PREPARE, Action.CONFIRM]


def test_the_policy_refuses_waits_that_do_not_rise() -> None:
    with pytest.raises(ValueError, match="must rise"):
        TurnPolicy(sure_s=2.0)


def test_what_is_open_ended_is_not_whole() -> None:
    assert text_is_whole("What should I do?")
    assert not text_is_whole("I take it with.")
    assert not text_is_whole("I take it, ")
    assert not text_is_whole("")


SOUNDS = ["", "yeah", "how long", "wait a moment please"]
READINGS = st.builds(Reading, st.sampled_from(SOUNDS), st.floats(-2, 0), st.booleans())
FACTS = st.one_of(
    st.tuples(st.just("voice"), st.booleans(), st.floats(0, 2)),
    st.tuples(st.just("tell"), st.sampled_from(sorted(Event, key=lambda event: event.value))),
    st.tuples(st.just("transcribed"), st.sampled_from(["", "What is it?", "um"])),
    st.tuples(st.just("scored"), st.floats(0, 1)),
    st.tuples(st.just("answer_ready"), PROBABILITIES),
    st.tuples(st.just("overheard"), READINGS),
)


@given(st.lists(FACTS, max_size=60))
def test_in_any_order_of_events_an_answer_is_confirmed_once_and_ends_before_the_next(
    facts: list[tuple[object, ...]],
) -> None:
    turns = Turns(TurnPolicy())
    seen: list[Action] = []
    for name, *arguments in facts:
        extra = (FRAME_S,) if name == "voice" else ()
        seen += getattr(turns, str(name))(*arguments, *extra)
    answers = [action for action in seen if action in _ANSWER_LIFE]
    assert all(after in _MAY_FOLLOW[before] for before, after in pairwise(answers))


_A = Action
_ANSWER_LIFE = {_A.PREPARE, _A.WITHDRAW, _A.CONFIRM, _A.STOP, _A.ABORT, _A.ANSWER, _A.DUCK, _A.RESUME}
_BEGIN = {_A.PREPARE, _A.ANSWER}
_ENDED_OR = _BEGIN | {_A.STOP, _A.ABORT, _A.DUCK}
_MAY_FOLLOW: dict[Action, set[Action]] = {
    _A.PREPARE: {_A.WITHDRAW, _A.CONFIRM},
    _A.WITHDRAW: _BEGIN,
    _A.CONFIRM: _ENDED_OR,
    _A.ANSWER: _ENDED_OR,
    _A.STOP: _BEGIN,
    _A.ABORT: _BEGIN,
    _A.DUCK: {_A.STOP, _A.ABORT, _A.RESUME} | _BEGIN,  # or it ended while ducked
    _A.RESUME: _ENDED_OR,
}


def test_every_state_can_be_left() -> None:
    assert {state for state, _ in TABLE} == set(State)


def test_the_wait_may_end_between_two_frames_and_only_in_a_closing_silence() -> None:
    scene = Scene().voice(1)
    assert scene.turns.waited(2.0) == ()
    scene.silence(0.1).answer_prepared()
    assert scene.turns.waited(0.44) == ()
    assert scene.turns.waited(0.46) == (Action.CONFIRM,)
