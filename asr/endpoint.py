"""End of turn from the sound alone: smart-turn v3.2 (github.com/pipecat-ai/smart-turn)."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from asr.engine import SAMPLE_RATE_HZ, Audio, checked
from asr.mel import HOP_SAMPLES, log_mel
from asr.onnx import open_model

HEARD_SAMPLES = 8 * SAMPLE_RATE_HZ
VARIANCE_FLOOR = 1e-7  # as in training: silence is not divided by zero


class SmartTurn:
    """Tells a finished turn from a pause. Keeps nothing between calls, which may come from any thread."""

    def __init__(self, model_path: Path, *, threads: int = 1) -> None:
        """Load the model. Raises ModelNotLoaded."""
        self._session = open_model(model_path, threads=threads)

    def completeness(self, audio: Audio) -> float:
        """The probability that the turn in the last 8 s of `audio` (16 kHz) is over. Raises BadAudio.

        The audio ends in some of the silence after the turn.
        """
        features = turn_features(checked(audio))
        (probabilities,) = self._session.run(None, {"input_features": features[None]})  # [1, 1], a sigmoid's
        return float(probabilities[0, 0])


def turn_features(audio: Audio) -> Audio:
    """Log-mel features [80, 800] of the last 8 s, with silence before shorter audio, as in training."""
    heard = np.zeros(HEARD_SAMPLES, np.float32)
    if len(audio):
        heard[-len(audio) :] = audio[-HEARD_SAMPLES:]
    normal = (heard - heard.mean()) / np.sqrt(heard.var() + VARIANCE_FLOOR)
    return log_mel(normal.astype(np.float32), HEARD_SAMPLES // HOP_SAMPLES)
