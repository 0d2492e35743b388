"""Voice activity: Silero VAD, and the two-threshold hysteresis that makes speech of its probabilities.

Loudness knows the end of a sound sooner, and overrules it there.
"""

from __future__ import annotations

from collections.abc import Callable
from copy import copy
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

from asr.engine import SAMPLE_RATE_HZ, Audio, checked
from asr.loudness import STEP_SAMPLES, Loudness
from asr.onnx import open_model

FRAME_SAMPLES = 512  # 32 ms, the only size the model takes at 16 kHz
CONTEXT_SAMPLES = 64  # the end of the frame before, which the model wants in front of each frame
STATE_SHAPE = (2, 1, 128)  # the two vectors of its LSTM
# Quiet for so long is no voice, whatever the model says. On 70 recordings of read speech, a pause is noticed
# 95 ms after the end of the sound instead of 137 (median; 90th percentile 182 instead of 405, for breath is
# like voice to the model), and one more gap in 5 s of speech is taken for a pause.
QUIET_SAMPLES = 3 * FRAME_SAMPLES


@dataclass(frozen=True, slots=True)
class Voice:
    """The verdict on one frame."""

    end_sample: int  # samples fed up to the frame's end
    probability: float  # that the frame is voice
    speaking: bool  # voice for long enough to be speech, and not yet silent for long
    voiced_samples: int  # of voice in a row, up to the frame's end; may be the beginning of speech
    silence_samples: int  # since the last voice of speech; 0 while voiced; a possible onset holds the count


class FrameModel(Protocol):
    """Rates frames, in order, and remembers what came before."""

    def probability(self, frame: Audio) -> float:
        """The probability that `frame` [FRAME_SAMPLES] is voice. Mutates the memory."""

    def reset(self) -> None:
        """Forget what came before."""


class SileroVad:
    """Silero VAD (github.com/snakers4/silero-vad) for one stream of audio."""

    def __init__(self, model_path: Path, *, threads: int = 1) -> None:
        """Load the model. Raises ModelNotLoaded."""
        self._session = open_model(model_path, threads=threads)
        self._state = np.zeros(STATE_SHAPE, np.float32)
        self._context = np.zeros(CONTEXT_SAMPLES, np.float32)

    def fork(self) -> SileroVad:
        """A second stream over the same loaded weights, with a memory of its own."""
        stream = copy(self)  # onnxruntime sessions may run in several threads
        stream.reset()
        return stream

    def probability(self, frame: Audio) -> float:
        """The probability that `frame` [FRAME_SAMPLES], the next of the stream, is voice."""
        heard = np.concatenate((self._context, frame))
        inputs = {"input": heard[None], "state": self._state, "sr": _RATE}
        output, self._state = self._session.run(None, inputs)
        self._context = heard[-CONTEXT_SAMPLES:]
        return float(output[0, 0])

    def reset(self) -> None:
        """Start a new stream."""
        self._state = np.zeros(STATE_SHAPE, np.float32)
        self._context = np.zeros(CONTEXT_SAMPLES, np.float32)


class Hysteresis:
    """Turns probabilities into speech: pure, one frame a step.

    A frame is voiced from `onset` up, unvoiced below `offset`, and like the one before it in between.
    Speech begins with `onset_frames` voiced frames in a row and ends with `offset_frames` unvoiced ones.
    """

    def __init__(self, onset: float, offset: float, onset_frames: int, offset_frames: int) -> None:
        """Raise ValueError unless 0 < offset <= onset < 1 and both counts are positive."""
        if not 0.0 < offset <= onset < 1.0:
            raise ValueError(f"expected 0 < offset <= onset < 1, got offset {offset} and onset {onset}")
        if min(onset_frames, offset_frames) < 1:
            raise ValueError(f"expected at least one frame each, got {onset_frames} and {offset_frames}")
        self.speaking = False
        self.silent_frames = 0  # since the last voiced frame of speech, or since the start
        self._onset, self._offset = onset, offset
        self._onset_frames, self._offset_frames = onset_frames, offset_frames
        self.voiced_frames = 0  # in a row, up to now

    def step(self, probability: float) -> None:
        """Take in the next frame."""
        voiced = probability >= (self._offset if self.voiced_frames else self._onset)
        if not voiced:
            # Frames of a false onset were silence after all.
            self.silent_frames += 1 if self.speaking else 1 + self.voiced_frames
            self.voiced_frames = 0
            self.speaking = self.speaking and self.silent_frames < self._offset_frames
            return
        self.voiced_frames += 1
        self.speaking = self.speaking or self.voiced_frames >= self._onset_frames
        if self.speaking:
            self.silent_frames = 0


class VoiceDetector:
    """Voice verdicts on a stream of any chunk size. Not thread-safe."""

    def __init__(
        self,
        vad: FrameModel,
        *,
        onset: float = 0.5,  # Silero's own threshold
        offset: float = 0.35,  # and its own distance between the two
        onset_frames: int = 3,  # 96 ms: clicks and key strokes are shorter
        offset_frames: int = 8,  # 256 ms: pauses between words are shorter
        new_loudness: Callable[[], Loudness] = Loudness,
    ) -> None:
        self._vad = vad
        self._new_loudness = new_loudness
        self._thresholds = (onset, offset, onset_frames, offset_frames)
        self._hysteresis = Hysteresis(*self._thresholds)
        self._loudness = self._new_loudness()
        self._rest = np.zeros(0, np.float32)  # samples of a frame that is not whole yet
        self._weighed = 0  # of them, how many the loudness knows
        self._end_sample = 0

    def feed(self, samples: Audio) -> list[Voice]:
        """Take in samples (16 kHz); the verdicts on the frames that they complete. Raises BadAudio."""
        self._rest = np.concatenate((self._rest, checked(samples)))
        verdicts = []
        while len(self._rest) >= FRAME_SAMPLES:
            verdicts.append(self._judge(self._rest[:FRAME_SAMPLES]))
            self._rest = self._rest[FRAME_SAMPLES:]
        self._weigh(self._rest)
        return verdicts

    @property
    def sound_end(self) -> int:
        """Samples fed up to the end of the last sound, a word's or any other."""
        return self._end_sample + self._weighed - self._loudness.quiet_samples

    @property
    def quiet_samples(self) -> int:
        """Samples since then: the first sign of a silence, or a gap between two sounds."""
        return self._loudness.quiet_samples

    def reset(self) -> None:
        """Start a new stream at sample 0."""
        self._vad.reset()
        self._hysteresis = Hysteresis(*self._thresholds)
        self._loudness = self._new_loudness()
        self._rest, self._weighed = self._rest[:0], 0
        self._end_sample = 0

    def _judge(self, frame: Audio) -> Voice:
        probability = self._vad.probability(frame)
        self._weigh(frame)
        self._weighed = 0
        quiet = self._loudness.quiet_samples
        self._hysteresis.step(probability if quiet < QUIET_SAMPLES else 0.0)
        self._end_sample += FRAME_SAMPLES
        silence = self._hysteresis.silent_frames * FRAME_SAMPLES
        if silence:
            silence = max(silence, quiet)
        voiced = self._hysteresis.voiced_frames * FRAME_SAMPLES
        return Voice(self._end_sample, probability, self._hysteresis.speaking, voiced, silence)

    def _weigh(self, samples: Audio) -> None:
        """Tell the loudness what it does not know yet of a frame, or of the part of one."""
        whole = len(samples) // STEP_SAMPLES * STEP_SAMPLES
        if whole > self._weighed:
            self._loudness.feed(samples[self._weighed : whole])
            self._weighed = whole


_RATE = np.array(SAMPLE_RATE_HZ, np.int64)
