"""A chunk is spoken phrase by phrase: all of it at once, or each phrase as soon as it is ready."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from hibari import Hibari

from tts.aligned import AlignedText
from tts.engine import Audio, Speech
from tts.errors import SynthesisFailed, TtsError, UnsupportedRate
from tts.timing import WordSpan, shifted, spoken_words
from tts.trim import fade, speech_span

SLOWEST, FASTEST = 0.5, 2.0  # speaking rates at which the words are still understood
SENTENCE_GAP_S = 0.3  # between sentences of one chunk, at the usual rate; a model's own silence is trimmed
CHINESE_END = re.compile(r"[。！？；…]+[”’」』）》]*")


@dataclass(frozen=True, slots=True)
class Phrase:
    """What a model makes at once, trimmed; empty when nothing in it can be said."""

    audio: Audio
    spans: list[WordSpan]
    goes_on: bool = False  # amid the sentence of the phrase before: no gap between them


class PhrasedVoice(ABC):
    """A voice whose model takes a phrase at a time."""

    sample_rate_hz: int

    @abstractmethod
    def _phrases(self, text: str, rate: float) -> Iterator[Phrase]:
        """Yield the phrases of `text` as they are ready. Raises `UnspeakableText`."""

    def synthesize(self, text: str, *, rate: float = 1.0) -> Speech:
        """Speak `text`; see `tts.engine.Synthesizer`."""
        audios, spans = [np.zeros(0, np.float32)], []
        for phrase in self._sounding(text, rate):
            spans += shifted(phrase.spans, sum(map(len, audios)))
            audios.append(phrase.audio)
        return self._speech(text, Phrase(np.concatenate(audios), spans))

    def stream(self, text: str, *, rate: float = 1.0) -> Iterator[Speech]:
        """Speak `text` part by part; see `tts.engine.StreamingSynthesizer`."""
        for phrase in self._sounding(text, rate):
            yield self._speech(text, phrase)

    def _sounding(self, text: str, rate: float) -> Iterator[Phrase]:
        """Yield the phrases that sound, the gap before each but the first included."""
        if not SLOWEST <= rate <= FASTEST:
            raise UnsupportedRate(f"the speaking rate must be {SLOWEST} to {FASTEST}, not {rate}")
        gap = np.zeros(0, np.float32)
        try:
            for phrase in self._phrases(text, rate):
                if len(phrase.audio):
                    before = gap[:0] if phrase.goes_on else gap
                    audio = np.concatenate((before, phrase.audio))
                    yield replace(phrase, audio=audio, spans=shifted(phrase.spans, len(before)))
                    gap = np.zeros(round(SENTENCE_GAP_S / rate * self.sample_rate_hz), np.float32)
        except TtsError:
            raise
        except Exception as error:  # onnxruntime's exceptions share no other root
            raise SynthesisFailed(f"the voice failed on {text[:80]!r}: {error}") from error

    def _speech(self, text: str, phrase: Phrase) -> Speech:
        words = spoken_words(text, phrase.spans, self.sample_rate_hz, len(phrase.audio))
        return Speech(phrase.audio, self.sample_rate_hz, words)


def trimmed(audio: Audio, spans: list[WordSpan], sample_rate_hz: int) -> Phrase:
    """Return the audible part of a model's output, with its words."""
    start, end = speech_span(audio, sample_rate_hz)
    audio = audio[start:end].copy()
    fade(audio, sample_rate_hz)
    return Phrase(audio, shifted(spans, -start))


def sentences(spoken: AlignedText) -> Iterator[AlignedText]:
    """Yield the sentences of a text, English or Chinese, as the models read them."""
    at = 0
    ends = [match.end() for match in CHINESE_END.finditer(spoken.text)]
    for end in (*ends, len(spoken.text)):
        for sentence in Hibari.split_sentences(spoken.text[at:end]):
            start = spoken.text.index(sentence, at)
            at = start + len(sentence)
            yield spoken.part(start, at)
        at = end
