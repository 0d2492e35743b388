"""Coqui's models from a folder: VITS, and XTTS, which speaks in the voice of a recording.

They give no word times: each word gets its share of the sound, by its letters.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from threading import Lock
from typing import Any

import soundfile as sf
import torch
from TTS.config import load_config
from TTS.tts.models.vits import Vits
from TTS.tts.models.xtts import Xtts

from tts.aligned import AlignedText
from tts.engine import Audio
from tts.errors import VoiceUnavailable
from tts.phrases import Phrase, PhrasedVoice, sentences, trimmed
from tts.scripts import share_in
from tts.text import for_the_ear
from tts.timing import WordSpan

WORD = re.compile(r"[\u3400-\u9fff]|[$£€]?[^\W\u3400-\u9fff](?:[^\s\u3400-\u9fff]*[^\W\u3400-\u9fff])?")
LETTERS_PER_S = 14.0  # of fluent English; how far a part of a sentence reaches whose end is not yet made
RECORDING = "speaker.wav"  # in an XTTS folder: whose voice it is


def load(source: str, *, device: str = "cpu") -> PhrasedVoice:
    """Load `FOLDER` or, with the recording of a voice to take on, `FOLDER#WAV`. Raises `VoiceUnavailable`."""
    folder, _, recording = source.partition("#")
    try:
        config = load_config(str(Path(folder).expanduser() / "config.json"))
        if config.model == "xtts":
            return XttsSynthesizer(config, Path(folder).expanduser(), recording, device)
        if config.model == "vits":
            return VitsSynthesizer(config, Path(folder).expanduser(), device)
    except Exception as error:  # whatever a model's files are wrong with
        raise VoiceUnavailable(f"cannot load Coqui's {source}: {error}") from error
    raise VoiceUnavailable(f"{folder} holds a {config.model} model; vits and xtts can be spoken with")


class VitsSynthesizer(PhrasedVoice):
    """A VITS model with one speaker. It may be called from several threads; they take turns."""

    def __init__(self, config: Any, folder: Path, device: str) -> None:
        self._model = Vits(config)
        self._model.load_checkpoint(config, str(folder / "model.pth"), eval=True)
        self._model.to(device)
        self._device = device
        self.sample_rate_hz = int(config.audio.sample_rate)
        self._turn = Lock()  # the speaking rate is an attribute of the model

    def _phrases(self, text: str, rate: float) -> Iterator[Phrase]:
        for sentence in sentences(for_the_ear(text)):
            ids = self._model.tokenizer.text_to_ids(sentence.text) if WORD.search(sentence.text) else []
            if ids:
                audio = self._infer(ids, rate)
                yield trimmed(
                    audio, _shares(sentence, 0, len(sentence.text), len(audio)), self.sample_rate_hz
                )

    def _infer(self, ids: list[int], rate: float) -> Audio:
        with self._turn, torch.inference_mode():
            self._model.length_scale = 1.0 / rate
            made = self._model.inference(torch.tensor([ids], device=self._device))[
                "model_outputs"
            ]  # [1, 1, T]
        return _audio(made)


class XttsSynthesizer(PhrasedVoice):
    """An XTTS model; parts of a sentence come as they are ready. Several threads take turns."""

    def __init__(self, config: Any, folder: Path, recording: str, device: str) -> None:
        self._model = Xtts(config)
        self._model.load_checkpoint(config, checkpoint_dir=str(folder), eval=True)
        self._model.to(device)
        self.sample_rate_hz = int(config.audio.output_sample_rate)
        samples, rate_hz = sf.read(recording or folder / RECORDING, dtype="float32", always_2d=True)
        voice = torch.from_numpy(samples.mean(axis=1)[None])  # [1, T]
        self._latents = self._model.get_gpt_cond_latents(voice, rate_hz)
        self._speaker = self._model.get_speaker_embedding(voice, rate_hz)
        self._turn = Lock()  # the model keeps what it is about to say

    def _phrases(self, text: str, rate: float) -> Iterator[Phrase]:
        spoken = for_the_ear(text)
        language = "zh-cn" if share_in(spoken.text, "CJK") > 0.5 else "en"
        for sentence in sentences(spoken):
            if WORD.search(sentence.text):
                yield from self._parts(sentence, language, rate)

    def _parts(self, sentence: AlignedText, language: str, rate: float) -> Iterator[Phrase]:
        with self._turn, torch.inference_mode():
            made = self._model.inference_stream(
                sentence.text, language, self._latents, self._speaker, speed=rate
            )
            at, part, goes_on = 0, next(made, None), False
            while part is not None:
                audio, part = _audio(part), next(made, None)
                letters = round(LETTERS_PER_S * rate * len(audio) / self.sample_rate_hz)
                end = len(sentence.text) if part is None else min(at + letters, len(sentence.text))
                yield Phrase(audio, _shares(sentence, at, end, len(audio)), goes_on)
                at, goes_on = end, True


def _audio(made: torch.Tensor) -> Audio:
    return made.reshape(-1).float().cpu().numpy().clip(-1, 1)


def _shares(sentence: AlignedText, start: int, end: int, n_samples: int) -> list[WordSpan]:
    """Return the words that end in `sentence[start:end]`, each with its share of the samples."""
    each = n_samples / max(1, end - start)
    return [
        WordSpan(
            *sentence.shown_span(*word.span()),
            round(max(0, word.start() - start) * each),
            round((word.end() - start) * each),
        )
        for word in WORD.finditer(sentence.text)
        if start < word.end() <= end
    ]
