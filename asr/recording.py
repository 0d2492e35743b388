"""A recording in any usual format, cut at its pauses into pieces that a recognizer can hear at once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

import av
import numpy as np

from asr.engine import SAMPLE_RATE_HZ, Audio
from asr.errors import NotAudio
from asr.vad import VoiceDetector

BLOCK_S = 0.5  # decoded at a time
PAUSE_S = 0.7  # silence that ends a piece: about a sentence's
MARGIN_S = 0.3  # of sound kept around the voice: its first consonant, and its last
LONGEST_S = 28.0  # of a piece; a recognizer hears at most 30
CUT_FROM_S = 20.0  # a longer one is cut at its quietest moment after this
QUIET_S = 0.1  # over which quietness is measured


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of speech; samples are counted from the start of the recording, at 16 kHz."""

    audio: Audio
    start: int  # of the audio
    voice_start: int
    voice_end: int


def blocks(file: BinaryIO) -> Iterator[Audio]:
    """Decode a file to 16 kHz mono, a block at a time. Raises NotAudio."""
    try:
        with av.open(file, "r", metadata_errors="ignore") as container:
            if not container.streams.audio:
                raise NotAudio("the file holds no audio stream")
            resampler = av.AudioResampler(format="flt", layout="mono", rate=SAMPLE_RATE_HZ)
            waiting: list[Audio] = []
            for frame in container.decode(container.streams.audio[0]):
                waiting += [_samples(each) for each in resampler.resample(frame)]
                if sum(map(len, waiting)) >= BLOCK_S * SAMPLE_RATE_HZ:
                    yield np.concatenate(waiting)
                    waiting.clear()
            waiting += [_samples(each) for each in resampler.resample(None)]
            if waiting:
                yield np.concatenate(waiting)
    except (av.FFmpegError, ValueError) as error:
        raise NotAudio(f"the file cannot be decoded: {error}") from error


def _samples(frame: av.AudioFrame) -> Audio:
    # A damaged file of floats may hold NaN.
    samples: Audio = np.nan_to_num(frame.to_ndarray()[0]).astype(np.float32)
    return samples


class Cutter:
    """Cuts a recording into its pieces of speech; holds no more than one of them."""

    def __init__(self, detector: VoiceDetector) -> None:
        self.fed = 0  # samples
        self._detector = detector
        self._audio = np.zeros(0, np.float32)
        self._start = 0  # sample at which it begins
        self._voice_start: int | None = None  # None: between pieces
        self._voice_end = 0

    def feed(self, audio: Audio) -> list[Piece]:
        """Take in the next block; the pieces that end in it. Raises BadAudio."""
        self._audio = np.concatenate((self._audio, audio))
        self.fed += len(audio)
        found = []
        for frame in self._detector.feed(audio):
            if frame.speaking:
                self._voice_end = frame.end_sample - frame.silence_samples
                if self._voice_start is None:
                    self._voice_start = frame.end_sample - frame.voiced_samples
            if self._voice_start is not None:
                if frame.end_sample - self._voice_end >= _samples_of(PAUSE_S):
                    found.append(self._cut(self._voice_end + _samples_of(MARGIN_S)))
                    self._voice_start = None
                elif frame.end_sample - self._begins() >= _samples_of(LONGEST_S):
                    found.append(self._cut(self._quietest()))
                    self._voice_start = found[-1].voice_end
        self._forget(self._begins() if self._voice_start is not None else self.fed - _samples_of(1.0))
        return found

    def finish(self) -> list[Piece]:
        """The recording is over; the piece that was open."""
        return [] if self._voice_start is None else [self._cut(self.fed)]

    def _begins(self) -> int:
        assert self._voice_start is not None
        return max(self._start, self._voice_start - _samples_of(MARGIN_S))

    def _cut(self, end: int) -> Piece:
        assert self._voice_start is not None
        start = self._begins()
        audio = self._audio[start - self._start : end - self._start].copy()
        piece = Piece(audio, start, self._voice_start, min(end, self._voice_end))
        self._forget(piece.voice_end)
        return piece

    def _forget(self, before: int) -> None:
        if before > self._start:
            self._audio = self._audio[before - self._start :]
            self._start = before

    def _quietest(self) -> int:
        """The sample at the quietest moment near the end of a piece that is too long."""
        size, first = _samples_of(QUIET_S), self._begins() + _samples_of(CUT_FROM_S)
        late = self._audio[first - self._start :]
        frames = late[: len(late) // size * size].reshape(-1, size)  # [frames, samples]
        return first + int(np.square(frames).mean(axis=1).argmin()) * size + size // 2


def _samples_of(seconds: float) -> int:
    return int(seconds * SAMPLE_RATE_HZ)
