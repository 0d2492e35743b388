"""The curve of false cut-offs against latency, and the figures of listening, from made-up results."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from assistant.microphone import SAMPLE_RATE_HZ
from tests.bench.endings import FALLBACK_S, Place, Point, by_policy, by_silence, by_sound, curve, quickest
from tests.bench.interruptions import Trial, interruption_figures
from tests.bench.listening import Heard
from tests.bench.loudspeaker import Loudspeaker
from tests.bench.noise import MINUTES, SILENCE_S, noise_and_silence
from tests.bench.recordings import Sound, read_sounds
from tests.bench.words import plain_words

END = float("inf")


def place(silence_s: float, completeness: float, text: str = "Is it bad?", over: float = 0.9) -> Place:
    return Place(silence_s, 0.1, completeness, None, text, over)


PLACES = [place(0.5, 0.2, "I took it on, um", 0.01), place(0.3, 0.9), place(END, 0.9), place(END, 0.4)]


def test_a_fixed_silence_cuts_off_what_pauses_longer_and_is_always_as_late() -> None:
    short, long = curve(PLACES, by_silence, np.array([0.4, 0.6]))
    assert short == Point(0.4, 0.5, 400.0, 400.0)
    assert long == Point(0.6, 0.0, 600.0, 600.0)


def test_a_verdict_over_the_threshold_ends_a_turn_when_the_silence_is_noticed() -> None:
    (point,) = curve(PLACES, by_sound, np.array([0.5]))
    assert point.false_cutoffs == 0.5  # the pause that sounds complete
    assert point.latency_ms == pytest.approx(1000 * (0.1 + FALLBACK_S) / 2)


def test_a_more_patient_policy_cuts_off_no_more_and_comes_no_sooner() -> None:
    points = curve(PLACES, by_policy, np.array([0.3, 1.0, 3.0]))
    assert [point.false_cutoffs for point in points] == sorted(
        (p.false_cutoffs for p in points), reverse=True
    )
    assert [point.latency_ms for point in points] == sorted(point.latency_ms for point in points)


def test_the_quickest_setting_is_one_that_cuts_few_turns_off_or_the_fewest() -> None:
    bold, good, patient = Point(1, 0.4, 100, 100), Point(2, 0.05, 300, 300), Point(3, 0.0, 900, 900)
    assert quickest([bold, patient, good]) is good
    assert quickest([bold, Point(4, 0.3, 500, 500)]).setting == 4


def test_a_transcript_that_takes_back_what_stood_is_a_retraction_and_lags_run_to_the_first_that_heard() -> (
    None
):
    heard = Heard(partials=[(0.25, 0.3), (0.5, 0.6)])
    for text, committed in [("a b c", "a b"), ("a b d e", "a b d"), ("a x", "a x")]:
        heard.take(text, committed)
    assert heard.retractions == 1
    assert heard.lags_ms() == pytest.approx([200, 100, 300, 200])


def test_a_chinese_character_counts_as_a_word() -> None:
    assert plain_words("我头疼三天了 OK") == ["我", "头", "疼", "三", "天", "了", "ok"]


def test_a_loudspeaker_plays_what_it_has_and_tells_when_it_fell_silent() -> None:
    speaker = Loudspeaker()
    speaker.audio(0.5, 1.0)
    speaker.audio(0.5, 1.2)
    speaker.hold(1.6)
    speaker.wait(3.0)
    assert speaker.played_s == pytest.approx(0.6)
    assert speaker.stops_s == [1.6]
    assert not speaker.playing
    speaker.resume(3.0)
    speaker.wait(9.0)
    assert speaker.played_s == pytest.approx(1.0)
    assert speaker.stops_s == pytest.approx([1.6, 3.4])
    speaker.audio(1.0, 10.0)
    speaker.clear(10.2)
    speaker.wait(11.0)
    assert speaker.played_s == pytest.approx(1.2)
    assert speaker.stops_s[-1] == 10.2


def test_interruptions_that_were_missed_and_noises_that_were_taken_for_words_are_counted() -> None:
    stopped, missed = Trial(100.0, 100.0, 500.0, None), Trial(120.0, None, None, 30.0)
    figures = interruption_figures([stopped, stopped, missed, stopped], [missed, stopped])
    assert figures["missed_interruptions"] == 0.25
    assert figures["false_interruption_resume_rate"] == 0.5
    assert figures["barge_in_quiet_ms_p50"] == 100.0
    assert figures["barge_in_decided_ms_p95"] == 500.0


def test_noises_are_repeated_with_silence_between_them_for_five_minutes() -> None:
    noise = np.ones(3 * SAMPLE_RATE_HZ, np.float32)
    audio = noise_and_silence([Sound("a", noise, ""), Sound("b", noise, "Yes.")], np.random.default_rng(1))
    assert len(audio) == MINUTES * 60 * SAMPLE_RATE_HZ
    assert np.mean(audio > 0.5) == pytest.approx(3 / (3 + SILENCE_S), abs=0.01)


def test_a_folder_of_sounds_needs_no_speech_in_it(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "hum.wav", np.full(1600, 0.1), 16_000)
    (tmp_path / "transcripts.tsv").write_text("file\ttext\nhum.wav\t\n", encoding="utf-8")
    (sound,) = read_sounds(tmp_path)
    assert (sound.file, sound.text) == ("hum.wav", "")
    assert len(sound.audio) == pytest.approx(2400, abs=10)
