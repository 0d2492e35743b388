"""Transcribes an utterance while it is being spoken: what two hypotheses agree on is committed for good.

The policy is LocalAgreement-2 (Liu et al. 2020, arXiv:2005.11185; for Whisper: Macháček et al. 2023,
arXiv:2307.14743). Audio whose words are committed leaves the window at the end of a sentence, so cost and
memory stay flat however long somebody speaks.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile
from threading import Lock

import numpy as np

from asr.engine import SAMPLE_RATE_HZ, Audio, Recognizer, checked
from asr.text import ends_sentence, plain, spaced, without_repetition, words_of

HELD_BACK_WORDS = 8  # may change yet: WER on 1,115 words 14.7 % with 4, 12.6 with 8 or with all
LONG_S = (
    12.0  # from here on the window is cut after a committed sentence; with its margin a window costs 17 s
)
LONGER_S = 20.0  # from here on after any committed word
FULL_S = 28.0  # no room for more: words are committed unseen by a second hypothesis
TAIL_S = 3.0  # never cut closer to the end of the audio: those words are not settled
HEARD_S = 8.0  # kept for the end-of-turn model
# That a final reading hears after the last sound. On 1,042 words of read speech the WER is the same for 16 to
# 48 ms; what is shorter takes more of the gaps inside words for the end.
TAIL_SAMPLES = SAMPLE_RATE_HZ * 16 // 1000
CUT_SEARCH_S = 0.4  # how far the quietest moment may be from where a word is thought to end
CUT_FRAME_S = 0.02


@dataclass(frozen=True, slots=True)
class Partial:
    """What an utterance reads as so far: the text is `committed + tentative`."""

    committed: str  # only grows, from one partial to the next and to the final text
    tentative: str  # may be another next time
    end_sample: int  # samples of the utterance that this reading heard
    score: float  # mean log-probability of a new token; -inf: it is not to be relied on


class Utterance:
    """The transcription of one open utterance.

    `feed`, `audio` and `fed` may be used beside a running `partial` or `final`; of those two, one at a time.
    """

    def __init__(self, recognizer: Recognizer) -> None:
        self._recognizer = recognizer
        self._lock = Lock()  # over the three below
        self._chunks: list[Audio] = []  # what is still needed of the audio
        self._chunks_start = 0  # its first sample, counted from the utterance's start
        self.fed = 0  # samples since the utterance's start
        self.language = ""  # of the last reading, an ISO 639-1 code
        self._window_start = 0  # sample from which on the next reading hears
        self._gone = ""  # text of the audio before the window
        self._committed = ""  # text of the window that stays
        self._tentative = ""  # text of the window after that
        self._read = 0  # samples that the last reading heard
        self._needed = 0  # samples that a partial must hear to be worth finishing
        self._sure = False  # the last reading was reliable
        self._score = -math.inf  # and how likely it is

    def feed(self, samples: Audio) -> None:
        """Take in audio (16 kHz). Cheap. Raises BadAudio."""
        samples = checked(samples).copy()
        with self._lock:
            self._chunks.append(samples)
            self.fed += len(samples)

    def audio(self, last_s: float) -> Audio:
        """The last `last_s` seconds of the utterance, at most HEARD_S."""
        with self._lock:
            start = max(self._chunks_start, self.fed - int(min(last_s, HEARD_S) * SAMPLE_RATE_HZ))
            return self._since(start)

    def partial(self) -> Partial:
        """Read what was fed so far. Blocks for one reading. Raises Outdated."""
        self._hear(careful=False)
        return Partial(self._gone + self._committed, self._tentative, self._read, self._score)

    def outdate(self, voiced_until: int) -> None:
        """Give up a running partial that will not hear all the voice up to there: a later one will.

        `voiced_until` is a value of `fed`. May be called beside a running `partial`.
        """
        self._needed = voiced_until + TAIL_SAMPLES

    def final(self, voiced_until: int | None = None) -> str:
        """The whole text so far; the utterance may go on afterwards. Blocks for one careful reading.

        `voiced_until` is the value of `fed` at the end of the last voice, if known: when the last reading
        heard all of it, that reading is the answer and costs nothing.
        """
        if not self._sure or voiced_until is None or self._read < min(self.fed, voiced_until + TAIL_SAMPLES):
            self._hear(careful=True)
        return self._gone + self._committed + self._tentative

    def _hear(self, *, careful: bool) -> None:
        audio, end = self._window()
        while len(audio) > FULL_S * SAMPLE_RATE_HZ:
            self._shorten(audio[: int(FULL_S * SAMPLE_RATE_HZ)])
            audio, end = self._window()
        self._take(audio, careful=careful)
        self._read = end
        if len(audio) > LONG_S * SAMPLE_RATE_HZ:
            self._slide(audio)

    def _take(self, audio: Audio, *, careful: bool) -> None:
        """Read the window, and commit to what the last reading said too."""
        prefix, end = self._committed.strip(), self._window_start + len(audio)
        hypothesis = self._recognizer.recognize(
            audio,
            prefix=prefix,
            draft=self._tentative,
            careful=careful,
            wanted=lambda: careful or end >= self._needed,
        )
        rest = hypothesis.text[len(prefix) :] if prefix else spaced(self._gone, hypothesis.text)
        before, now = (
            words_of(self._tentative),
            words_of(rest if hypothesis.reliable else without_repetition(rest)),
        )
        agreed = _agreed(before, now) if self._sure and hypothesis.reliable else 0
        self._committed += "".join(now[:agreed])
        self._tentative = "".join(now[agreed:])
        self._sure = hypothesis.reliable
        self.language = hypothesis.language
        self._score = hypothesis.score if hypothesis.reliable else -math.inf

    def _slide(self, audio: Audio) -> None:
        """Let the audio of committed sentences go."""
        longer = len(audio) > LONGER_S * SAMPLE_RATE_HZ
        words = self._recognizer.align(audio, self._committed)
        settled_s = len(audio) / SAMPLE_RATE_HZ - TAIL_S
        cuts = [
            n
            for n, word in enumerate(words, 1)
            if word.end_s <= settled_s and (longer or ends_sentence(word.text))
        ]
        if cuts:
            self._cut(audio, cuts[-1], words[cuts[-1] - 1].end_s)

    def _shorten(self, audio: Audio) -> None:
        """Commit to the words of `audio`, the window's first FULL_S, but the last; let their audio go."""
        self._take(audio, careful=True)
        text = self._committed + self._tentative
        words = self._recognizer.align(audio, text)
        settled = sum(word.end_s <= FULL_S - TAIL_S for word in words)
        known = len("".join(words_of(text)[:settled]))
        if known > len(self._committed):
            self._committed, self._tentative = text[:known], text[known:]
        if settled:
            self._cut(audio, settled, words[settled - 1].end_s)
        else:  # no words: noise, of which the end may be the start of speech
            self._leave(self._window_start + int((FULL_S - TAIL_S) * SAMPLE_RATE_HZ))

    def _cut(self, audio: Audio, count: int, end_s: float) -> None:
        """Cut the window after its first `count` words, which end about `end_s`."""
        text = "".join(words_of(self._committed)[:count])
        self._gone += text
        self._committed = self._committed[len(text) :]
        self._leave(self._window_start + _quietest(audio, end_s))

    def _leave(self, start: int) -> None:
        """Hear from sample `start` on only."""
        with self._lock:
            self._window_start = start
            kept = min(start, self.fed - int(HEARD_S * SAMPLE_RATE_HZ))
            if kept > self._chunks_start:
                self._chunks, self._chunks_start = [self._since(kept)], kept

    def _window(self) -> tuple[Audio, int]:
        with self._lock:
            return self._since(self._window_start), self.fed

    def _since(self, start: int) -> Audio:
        whole = np.concatenate(self._chunks) if self._chunks else np.zeros(0, np.float32)
        self._chunks = [whole]
        return whole[start - self._chunks_start :]


def _agreed(before: Sequence[str], now: Sequence[str]) -> int:
    """How many words both hypotheses start with, without those held back."""
    same = sum(
        1 for _ in takewhile(lambda pair: plain(pair[0]) == plain(pair[1]), zip(before, now, strict=False))
    )
    return max(0, min(same, len(now) - HELD_BACK_WORDS))


def _quietest(audio: Audio, near_s: float) -> int:
    """The sample at the quietest moment around `near_s`: cut there, no word is cut in two."""
    frame = int(CUT_FRAME_S * SAMPLE_RATE_HZ)
    first = max(0, int((near_s - CUT_SEARCH_S) * SAMPLE_RATE_HZ))
    nearby = audio[first : int((near_s + CUT_SEARCH_S) * SAMPLE_RATE_HZ)]
    frames = nearby[: len(nearby) // frame * frame].reshape(-1, frame)  # [frames, samples]
    return first + int(np.square(frames).mean(axis=1).argmin()) * frame + frame // 2
