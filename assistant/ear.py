"""The listening side of one session: samples in; voice verdicts, words and completeness out.

Session time is counted here, in samples received at 16 kHz.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from asr.engine import SAMPLE_RATE_HZ, Audio, Recognizer
from asr.resample import Resampler
from asr.streaming import TAIL_SAMPLES, Partial, Utterance
from asr.vad import FRAME_SAMPLES, Voice, VoiceDetector
from assistant.barge_in import Reading

# Kept from before the onset is sure: the first consonant, and the detector's own delay.
PREROLL_S = 0.5
PREROLL_SAMPLES = int(PREROLL_S * SAMPLE_RATE_HZ)
SLICE_SAMPLES = int(0.1 * SAMPLE_RATE_HZ)  # at most so much is heard between two looks at other sessions


class Ear:
    """Hears one session. Cheap calls only; what blocks is the utterance's, for a worker to run."""

    def __init__(self, recognizer: Recognizer, detector: VoiceDetector) -> None:
        self.received = 0  # samples of session time
        self.utterance: Utterance | None = None
        self.started = 0  # session sample at which the open utterance's voice began
        self.recognizer = recognizer  # of the utterances that begin from now on
        self._detector = detector
        self._resampler: tuple[int, Resampler] | None = None  # with the rate that it takes
        self._preroll = np.zeros(0, np.float32)  # the last PREROLL_S, while nothing is open
        self._decoded = 0  # session sample at the last partial's start
        self._voice_start = 0  # session sample at which the last voice in a row began
        self._voice_end = 0  # and at its end
        self._voiced_frames = 0  # of the open utterance

    def resample(self, samples: Audio, rate_hz: int) -> Iterator[Audio]:
        """The client's audio as slices at 16 kHz, short enough to give way between them."""
        if self._resampler is None or self._resampler[0] != rate_hz:
            self._resampler = rate_hz, Resampler(rate_hz, SAMPLE_RATE_HZ)
        audio = self._resampler[1](samples)
        for start in range(0, len(audio), SLICE_SAMPLES):
            yield audio[start : start + SLICE_SAMPLES]

    def hear(self, audio: Audio) -> list[Voice]:
        """Take in a slice; the verdicts on the frames that it completes."""
        self.received += len(audio)
        if self.utterance is not None:
            self.utterance.feed(audio)
        else:
            self._preroll = np.concatenate((self._preroll, audio))[-PREROLL_SAMPLES:]
        frames = self._detector.feed(audio)
        self._voiced_frames += sum(frame.voiced_samples > 0 for frame in frames)
        if frames:
            self._voice_end = frames[-1].end_sample - frames[-1].silence_samples
        for frame in frames:
            if frame.voiced_samples:
                self._voice_start = frame.end_sample - frame.voiced_samples
        return frames

    def open(self) -> Utterance:
        """Start an utterance from the voice's onset on, or go on with the open one."""
        if self.utterance is None:
            self.utterance = Utterance(self.recognizer)
            self.utterance.feed(self._preroll)
            self.started = self._voice_start
            self._decoded = self.received
            self._voiced_frames = max(0, self._voice_end - self._voice_start) // FRAME_SAMPLES
        return self.utterance

    def close(self) -> None:
        """The utterance is over; the next one starts at the next onset."""
        self.utterance = None
        self._preroll = self._preroll[:0]

    def ignore(self) -> None:
        """What was heard is no utterance, or not yet: the next one may have begun in it."""
        if self.utterance is not None:
            self._preroll = self.utterance.audio(PREROLL_S)
            self.utterance = None

    def silence_s(self) -> float:
        """Seconds since the last voiced frame, up to what was just received."""
        return (self.received - self._voice_end) / SAMPLE_RATE_HZ

    def voiced_s(self) -> float:
        """Seconds of voice in the open utterance, without its pauses."""
        return self._voiced_frames * FRAME_S

    def voiced_until(self) -> int:
        """How much had been fed to the open utterance at the end of the last voice."""
        return self._fed_at(self._voice_end)

    def _fed_at(self, sample: int) -> int:
        """How much had been fed to the open utterance at a sample of the session."""
        assert self.utterance is not None
        return self.utterance.fed - (self.received - sample)

    def reading(self, partial: Partial) -> Reading:
        """What the open utterance reads as, and whether that is all of its sound."""
        heard_end = self._fed_at(self._detector.sound_end) + TAIL_SAMPLES
        ended = self._detector.quiet_samples >= TAIL_SAMPLES and partial.end_sample >= heard_end
        return Reading(partial.committed + partial.tentative, partial.score, ended)

    def partial_due(self, every_s: float) -> bool:
        """True when the caller should read the open utterance now, which it then does.

        That is when a sound is over that was not read to its end, for it may have been the last one; and
        every `every_s` of sound.
        """
        if self.utterance is None:
            return False
        if self._detector.quiet_samples:
            unread = self._decoded < self._detector.sound_end + TAIL_SAMPLES
            due = unread and self._detector.quiet_samples >= TAIL_SAMPLES
        else:
            due = self.received - self._decoded >= every_s * SAMPLE_RATE_HZ
        if due:
            self._decoded = self.received
        return due

    def milliseconds(self, samples: int | None = None) -> int:
        """Session time of a sample (default: now) in ms."""
        return (self.received if samples is None else samples) * 1000 // SAMPLE_RATE_HZ


FRAME_S = FRAME_SAMPLES / SAMPLE_RATE_HZ
