"""The hibari voice: a 7.9 MB English model, 24 kHz, about a hundred times faster than real time on one core.

The package hibari-tts gives the text front end, the model and its signal processing. The word
timings come from the model's own phoneme durations, a node inside its graph.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from importlib.resources import files

import numpy as np
from hibari import dsp
from hibari.tts import MAX_PHONEMES
from numpy.typing import NDArray

from tts.engine import Audio
from tts.english_reader import EnglishReader
from tts.errors import UnspeakableText, VoiceUnavailable
from tts.graph import session
from tts.phrases import Phrase, PhrasedVoice, sentences, trimmed
from tts.scripts import foreign_share
from tts.text import for_the_ear
from tts.timing import shifted
from tts.tokens import ModelInput, model_inputs

MOSTLY_FOREIGN = 0.5  # share of letters in other scripts above which a text is refused
DURATIONS = "/Clip_output_0"  # node of the model's graph: how long each phoneme lasts, in frames of 25 ms
DURATION_SAMPLES = 2 * dsp.HOP  # one such frame; the spectra have two columns for it
INAUDIBLE = 6.9  # nepers (60 dB) below the loudest frame: not worth a Fourier transform
LAG = round(0.045 * dsp.SR)  # samples by which words sound earlier than that: measured on s, sh, pauses
RING_FRAMES = dsp.N_FFT // dsp.HOP  # how far one frame's window reaches into its neighbours


class HibariSynthesizer(PhrasedVoice):
    """Speaks English; the same text always gives the same samples.

    Letters of other scripts are left out; a text made mostly of them is refused with `UnspeakableText`.
    It may be called from several threads at once. It has no `device`: its int8 kernels run on the CPU.
    """

    sample_rate_hz: int = dsp.SR

    def __init__(self, *, threads: int = 1) -> None:
        """Load the voice and warm it up. `threads`: 1 leaves the other cores to the decoder.

        Raises `VoiceUnavailable`.
        """
        try:
            assets = files("hibari") / "assets"
            self._session = session((assets / "hibari.onnx").read_bytes(), threads, DURATIONS)
            self._ids: dict[str, int] = json.loads((assets / "vocab.json").read_text(encoding="utf-8"))
            self._english = EnglishReader()
            self.synthesize("Warming up, zyxoglarb.")  # in no lexicon: the net for such words is loaded too
        except Exception as error:  # onnxruntime's exceptions share no other root
            raise VoiceUnavailable(f"cannot load the hibari voice ({error}); reinstall hibari-tts") from error

    def _phrases(self, text: str, rate: float) -> Iterator[Phrase]:
        spoken = for_the_ear(text)
        if foreign_share(spoken.text) > MOSTLY_FOREIGN:
            raise UnspeakableText(f"this voice speaks English; choose another voice for {text[:40]!r}")
        for sentence in sentences(spoken):
            for phrase in model_inputs(self._english.tokens(sentence), self._ids, MAX_PHONEMES):
                yield self._render(phrase, rate)

    def _render(self, phrase: ModelInput, rate: float) -> Phrase:
        inputs = {"ids": phrase.ids[None], "speed": np.asarray([rate], np.float32)}
        *spectra, frames = self._session.run(None, inputs)  # 5 x [1, bins, F], f0 [1, F]; [ids]
        audio, cut = _waveform([spectrum[0] for spectrum in spectra])
        spans = phrase.spans(frames.astype(np.int64) * DURATION_SAMPLES)
        return trimmed(audio, shifted(spans, -cut - LAG), self.sample_rate_hz)


def _waveform(spectra: list[NDArray[np.float32]]) -> tuple[Audio, int]:
    """Return the audible part of the model's output as audio, and the samples cut before it."""
    harmonic, theta, noise, free, phi, f0 = spectra  # [bins, F], f0 [F]
    levels = np.maximum(noise.max(axis=0), free.max(axis=0))  # [F], log magnitude
    levels = np.maximum(levels, np.where(f0 > 0, harmonic.max(axis=0), -np.inf))
    audible = np.flatnonzero(levels > levels.max() - INAUDIBLE)
    first, last = max(0, int(audible[0]) - RING_FRAMES), int(audible[-1]) + 1 + RING_FRAMES
    cropped = (part[..., first:last] for part in (harmonic, theta, noise, free, phi, f0))
    audio = dsp.synth(*cropped, np.random.default_rng(0))  # the noise of fricatives, the same every time
    return audio, first * dsp.HOP
