"""Speech kept for all conversations: the same samples, within bounds, and only what two of them share."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tts.cache import MOST_ONCE, CachedSynthesizer, SpeechCache, worth_keeping
from tts.engine import Speech
from tts.errors import UnspeakableText

RATE_HZ = 24_000
TEXT = "I'm sorry to hear that."


class CountingVoice:
    """A millisecond of audio a character; remembers what it was asked."""

    sample_rate_hz = RATE_HZ

    def __init__(self) -> None:
        self.asked: list[tuple[str, float]] = []

    def synthesize(self, text: str, *, rate: float = 1.0) -> Speech:
        self.asked.append((text, rate))
        if text == "头痛":
            raise UnspeakableText("not in this script")
        return Speech(np.full(24 * len(text), rate, np.float32), RATE_HZ, ())


def conversations(cache: SpeechCache, voice: CountingVoice) -> Callable[[], CachedSynthesizer]:
    return lambda: CachedSynthesizer(voice, cache)


def test_the_third_conversation_gets_the_very_samples_of_the_second() -> None:
    cache, voice = SpeechCache(), CountingVoice()
    new = conversations(cache, voice)
    _, second, third = (new().synthesize(TEXT) for _ in range(3))
    assert third is second and len(voice.asked) == 2
    with pytest.raises(ValueError, match="read-only"):
        third.audio[0] = 1.0
    statistics = cache.statistics()
    assert (statistics.hits, statistics.misses, statistics.kept) == (1, 2, 1)
    assert statistics.saved_s == round(len(second.audio) / RATE_HZ, 1)


def test_what_one_conversation_asks_for_again_and_again_is_not_kept() -> None:
    cache, voice = SpeechCache(), CountingVoice()
    alone = conversations(cache, voice)()
    for _ in range(5):
        alone.synthesize(TEXT)
    assert len(voice.asked) == 5 and cache.statistics().kept == 0


def test_a_streamed_text_is_kept_part_by_part_once_it_was_heard_to_its_end() -> None:
    class Streaming(CountingVoice):
        def stream(self, text: str, *, rate: float = 1.0) -> Iterator[Speech]:
            for sentence in text.split("|"):
                yield self.synthesize(sentence, rate=rate)

    cache, voice = SpeechCache(), Streaming()
    new = conversations(cache, voice)
    for _ in range(2):
        next(iter(new().stream("one|two")))  # left early
    assert cache.statistics().kept == 0
    list(new().stream("one|two"))
    second, third = list(new().stream("one|two")), list(new().stream("one|two"))
    assert len(third) == 2 and all(one is other for one, other in zip(second, third, strict=True))
    assert len(new().synthesize("one|two").audio) == 24 * 7, "whole, it is another speech"


def test_another_rate_text_or_voice_is_another_speech() -> None:
    cache, voice, other = SpeechCache(), CountingVoice(), CountingVoice()
    for _ in range(2):
        conversations(cache, voice)().synthesize(TEXT)
    third = conversations(cache, voice)()
    third.synthesize(TEXT, rate=0.85)
    third.synthesize(TEXT + " ")
    conversations(cache, other)().synthesize(TEXT)
    assert cache.statistics().hits == 0


def test_an_error_is_passed_on_and_not_kept() -> None:
    cache, voice = SpeechCache(), CountingVoice()
    for _ in range(3):
        with pytest.raises(UnspeakableText):
            conversations(cache, voice)().synthesize("头痛")
    assert len(voice.asked) == 3


@pytest.mark.parametrize("text", ["Take 500 milligrams.", "Your number is ٣.", "word " * 30])
def test_numbers_and_long_texts_are_nobody_elses(text: str) -> None:
    assert not worth_keeping(text)
    cache, voice = SpeechCache(), CountingVoice()
    for _ in range(3):
        conversations(cache, voice)().synthesize(text)
    assert cache.statistics().kept == 0


def test_the_least_recently_used_goes_first() -> None:
    cache, voice = SpeechCache(most_bytes=3 * 24 * 4 * len("phrase a")), CountingVoice()
    texts = [f"phrase {letter}" for letter in "abcd"]
    for text in texts[:3] * 2:
        conversations(cache, voice)().synthesize(text)
    asker = conversations(cache, voice)()
    asker.synthesize(texts[0])  # used again
    for _ in range(2):
        conversations(cache, voice)().synthesize(texts[3])
    before = len(voice.asked)
    for text in (texts[0], texts[2], texts[3]):
        asker.synthesize(text)
    assert len(voice.asked) == before
    asker.synthesize(texts[1])
    assert len(voice.asked) == before + 1


@given(
    st.lists(st.tuples(st.integers(0, 3), st.text("abc ", max_size=12)), max_size=120), st.integers(0, 4000)
)
def test_whoever_asks_for_what_the_bytes_stay_within_the_bound(
    asked: list[tuple[int, str]], most_bytes: int
) -> None:
    cache, voice = SpeechCache(most_bytes=most_bytes), CountingVoice()
    askers = [conversations(cache, voice)() for _ in range(4)]
    for asker, text in asked:
        speech = askers[asker].synthesize(text)
        assert len(speech.audio) == 24 * len(text)
        assert cache.statistics().kept_bytes <= most_bytes
    statistics = cache.statistics()
    assert statistics.hits + statistics.misses == len(asked)


def test_what_was_asked_for_once_is_forgotten_in_time() -> None:
    cache, voice = SpeechCache(), CountingVoice()
    first = conversations(cache, voice)()
    first.synthesize(TEXT)
    for number in range(MOST_ONCE):
        first.synthesize("".join(chr(97 + int(digit)) for digit in str(number)))
    conversations(cache, voice)().synthesize(TEXT)
    assert cache.statistics().kept == 0


def test_threads_may_share_it() -> None:
    cache, voice = SpeechCache(most_bytes=24 * 4 * 30), CountingVoice()
    texts = [chr(97 + index % 26) * (index % 7 + 1) for index in range(60)]

    def converse(seed: int) -> None:
        asker = conversations(cache, voice)()
        for index in np.random.default_rng(seed).integers(0, len(texts), 500):
            speech = asker.synthesize(texts[index])
            assert len(speech.audio) == 24 * len(texts[index])

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(converse, range(8)))
    statistics = cache.statistics()
    assert statistics.hits + statistics.misses == 4000 and statistics.kept_bytes <= 24 * 4 * 30
