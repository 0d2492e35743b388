"""The commit policy, with recognizers that read words off the audio itself."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from asr.engine import SAMPLE_RATE_HZ, Audio, Hypothesis, Word
from asr.errors import BadAudio, Outdated
from asr.streaming import FULL_S, HEARD_S, HELD_BACK_WORDS, Partial, Utterance
from asr.text import words_of

SCORE = -0.1
WORD_S = 0.5
WORD_SAMPLES = int(WORD_S * SAMPLE_RATE_HZ)
GAP_SAMPLES = 1_600  # of silence at the end of each word


def spoken(text: str) -> Audio:
    """Audio in which word n is WORD_S of the level (n + 1) / 10,000, with a pause at its end."""
    levels = (np.arange(1, 1 + len(text.split())) / 10_000).astype(np.float32)
    audio = np.repeat(levels, WORD_SAMPLES).reshape(-1, WORD_SAMPLES)
    audio[:, -GAP_SAMPLES:] = 0.0
    return audio.reshape(-1)


@dataclass
class ScriptedRecognizer:
    """Knows what was said; hears a word once 0.3 s of it are there. `mishear` may spoil a reading."""

    words: list[str]
    mishear: Callable[[list[str]], list[str]] = lambda words: words
    reliable: bool = True
    longest_s: float = 0.0
    calls: list[tuple[str, str, bool]] = field(default_factory=list)
    while_reading: Callable[[], None] = lambda: None

    def heard(self, audio: Audio) -> list[int]:
        numbers, counts = np.unique(np.round(audio * 10_000).astype(int), return_counts=True)
        enough = counts >= 0.3 * SAMPLE_RATE_HZ
        return [int(number) - 1 for number in numbers[enough] if number > 0]

    def recognize(
        self,
        audio: Audio,
        *,
        prefix: str = "",
        draft: str = "",
        careful: bool = True,
        wanted: Callable[[], bool] = lambda: True,
    ) -> Hypothesis:
        self.calls.append((prefix, draft, careful))
        self.while_reading()
        if not wanted():
            raise Outdated("a later reading says more")
        self.longest_s = max(self.longest_s, len(audio) / SAMPLE_RATE_HZ)
        said = self.mishear([self.words[number] for number in self.heard(audio)])
        text = " ".join([prefix, *said[len(prefix.split()) :]]) if prefix else " ".join(said)
        return Hypothesis(text.rstrip(), SCORE, 0.0, "en", self.reliable)

    def align(self, audio: Audio, text: str) -> tuple[Word, ...]:
        numbers = self.heard(audio)
        starts = [
            float(np.argmax(np.round(audio * 10_000).astype(int) == n + 1)) / SAMPLE_RATE_HZ for n in numbers
        ]
        words = words_of(text)
        return tuple(
            Word(word, start, start + WORD_S) for word, start in zip(words, starts[: len(words)], strict=True)
        )


def monologue(words: int, sentence: int) -> str:
    return " ".join(f"w{n}." if n % sentence == sentence - 1 else f"w{n}" for n in range(words))


def listen(utterance: Utterance, audio: Audio, step_s: float = 0.4) -> list[Partial]:
    partials = []
    for start in range(0, len(audio), int(step_s * SAMPLE_RATE_HZ)):
        utterance.feed(audio[start : start + int(step_s * SAMPLE_RATE_HZ)])
        partials.append(utterance.partial())
    return partials


STANDS, OPEN = "I have had a", " headache for three days and cannot sleep either"
assert len(OPEN.split()) == HELD_BACK_WORDS


def test_what_two_readings_agree_on_is_committed_but_for_the_last_words() -> None:
    utterance = Utterance(ScriptedRecognizer((STANDS + OPEN).split()))
    utterance.feed(spoken(STANDS + OPEN))
    assert utterance.partial() == Partial("", STANDS + OPEN, utterance.fed, SCORE)
    assert utterance.partial() == Partial(STANDS, OPEN, utterance.fed, SCORE)


def test_the_committed_text_is_forced_and_the_rest_is_a_draft() -> None:
    recognizer = ScriptedRecognizer((STANDS + OPEN).split())
    utterance = Utterance(recognizer)
    utterance.feed(spoken(STANDS + OPEN))
    for _ in range(3):
        utterance.partial()
    assert [call[:2] for call in recognizer.calls] == [("", ""), ("", STANDS + OPEN), (STANDS, OPEN)]


@settings(max_examples=10, deadline=None)
@given(st.data())
def test_committed_text_is_never_taken_back_however_readings_change(data: st.DataObject) -> None:
    def mishear(words: list[str]) -> list[str]:
        spoilt = data.draw(st.integers(0, len(words)))
        return words[: len(words) - spoilt] + data.draw(
            st.lists(st.sampled_from(["x", "y."]), min_size=spoilt, max_size=spoilt)
        )

    text = monologue(50, 7)
    utterance = Utterance(ScriptedRecognizer(text.split(), mishear))
    before = ""
    for partial in listen(utterance, spoken(text), step_s=data.draw(st.sampled_from([0.4, 1.0, 3.0]))):
        assert partial.committed.startswith(before)
        before = partial.committed
    assert utterance.final().startswith(before)


def test_an_unreliable_reading_commits_nothing() -> None:
    text = STANDS + OPEN
    utterance = Utterance(ScriptedRecognizer(text.split(), reliable=False))
    utterance.feed(spoken(text))
    assert [utterance.partial().committed for _ in range(3)] == ["", "", ""]


def test_a_partial_that_misses_the_last_voice_is_given_up_and_leaves_no_trace() -> None:
    text = "can I take it twice a day with food"
    recognizer = ScriptedRecognizer(text.split())
    utterance = Utterance(recognizer)
    audio = spoken(text)
    utterance.feed(audio[: 4 * WORD_SAMPLES])
    first = utterance.partial()
    recognizer.while_reading = lambda: utterance.outdate(len(audio) - GAP_SAMPLES)
    with pytest.raises(Outdated):
        utterance.partial()
    utterance.feed(audio[4 * WORD_SAMPLES :])
    assert utterance.partial().committed.startswith(first.committed)
    assert utterance.final(len(audio) - GAP_SAMPLES) == text


def test_a_partial_that_hears_all_the_voice_is_not_given_up_and_is_the_final_text() -> None:
    text = "can I take it"
    recognizer = ScriptedRecognizer(text.split())
    utterance = Utterance(recognizer)
    utterance.feed(spoken(text))
    recognizer.while_reading = lambda: utterance.outdate(utterance.fed - GAP_SAMPLES)
    utterance.partial()
    assert utterance.final(utterance.fed - GAP_SAMPLES) == text
    assert len(recognizer.calls) == 1


def test_an_utterance_goes_on_after_its_final_text() -> None:
    text = "can I take it twice a day with food"
    utterance = Utterance(ScriptedRecognizer(text.split()))
    audio = spoken(text)
    utterance.feed(audio[: 4 * WORD_SAMPLES])
    assert utterance.final() == "can I take it"
    utterance.feed(audio[4 * WORD_SAMPLES :])
    assert utterance.final() == text


def test_a_final_text_after_a_reading_of_all_the_voice_costs_nothing() -> None:
    text = "is it dangerous"
    recognizer = ScriptedRecognizer(text.split())
    utterance = Utterance(recognizer)
    utterance.feed(spoken(text))
    voiced_until = utterance.fed
    utterance.feed(np.zeros(2_000, np.float32))
    assert utterance.final(voiced_until) == utterance.final(voiced_until) == text
    utterance.feed(np.zeros(2_000, np.float32))
    assert utterance.final(voiced_until) == text
    assert len(recognizer.calls) == 1
    assert utterance.final() == text
    assert len(recognizer.calls) == 2


def test_ten_minutes_of_talk_keep_every_word_and_little_audio() -> None:
    text = monologue(1_200, 9)
    recognizer = ScriptedRecognizer(text.split())
    utterance = Utterance(recognizer)
    audio = spoken(text)
    before = ""
    for start in range(0, len(audio), SAMPLE_RATE_HZ):
        utterance.feed(audio[start : start + SAMPLE_RATE_HZ])
        partial = utterance.partial()
        assert partial.committed.startswith(before)
        before = partial.committed
        assert sum(map(len, utterance._chunks)) <= FULL_S * SAMPLE_RATE_HZ
    assert utterance.final() == text
    assert recognizer.longest_s < 20


@pytest.mark.parametrize("sentence", [8, 10_000])
def test_ten_minutes_fed_at_once_are_read_piece_by_piece(sentence: int) -> None:
    text = monologue(1_200, sentence)
    recognizer = ScriptedRecognizer(text.split())
    utterance = Utterance(recognizer)
    utterance.feed(spoken(text))
    assert utterance.final() == text
    assert recognizer.longest_s <= FULL_S
    assert sum(map(len, utterance._chunks)) <= FULL_S * SAMPLE_RATE_HZ


def test_a_minute_of_silence_has_no_text_and_is_not_kept() -> None:
    utterance = Utterance(ScriptedRecognizer([]))
    partials = listen(utterance, np.zeros(60 * SAMPLE_RATE_HZ, np.float32))
    assert {partial.committed + partial.tentative for partial in partials} == {""}
    assert utterance.final() == ""
    assert sum(map(len, utterance._chunks)) <= FULL_S * SAMPLE_RATE_HZ


def test_the_last_seconds_of_audio_stay_for_the_end_of_turn_model() -> None:
    text = monologue(60, 5)
    utterance = Utterance(ScriptedRecognizer(text.split()))
    audio = spoken(text)
    listen(utterance, audio)
    for seconds in (0.0, 1.5, HEARD_S):
        count = int(seconds * SAMPLE_RATE_HZ)
        assert np.array_equal(utterance.audio(seconds), audio[len(audio) - count :])


def test_an_empty_utterance_has_no_text() -> None:
    utterance = Utterance(ScriptedRecognizer([]))
    assert utterance.partial() == Partial("", "", 0, SCORE)
    assert utterance.final() == ""
    assert len(utterance.audio(8.0)) == 0


def test_samples_that_are_no_numbers_are_refused_and_the_utterance_goes_on() -> None:
    text = "still here"
    utterance = Utterance(ScriptedRecognizer(text.split()))
    with pytest.raises(BadAudio, match="sample 0"):
        utterance.feed(np.full(100, np.nan, np.float32))
    utterance.feed(spoken(text))
    assert utterance.final() == text
