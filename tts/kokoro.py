"""Kokoro-82M: English and Mandarin in one sentence, 24 kHz, in the voices of its style tables.

The word timings come from the model's own phoneme durations, a node inside its graph.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from types import ModuleType

import numpy as np

from tts.aligned import AlignedText
from tts.english_reader import EnglishReader
from tts.errors import UnspeakableText, VoiceUnavailable
from tts.graph import session
from tts.phrases import Phrase, PhrasedVoice, sentences, trimmed
from tts.scripts import share_in
from tts.text import for_the_ear
from tts.timing import shifted
from tts.tokens import ModelInput, Token, model_inputs

RATE_HZ = 24_000
DURATIONS = "/encoder/Clip_output_0"  # node of the model's graph: how long each phoneme lasts, in frames
FRAME_SAMPLES = 600  # 25 ms
LAG = round(0.03 * RATE_HZ)  # samples by which words sound earlier than that: measured at onsets and pauses
MAX_PHONEMES = 400  # of 510: where sentences grow that long, the voice begins to hurry
SPEAKABLE = 0.5  # share of letters in the scripts that it reads below which a text is refused
CHINESE = re.compile(r"[\u3000-\u303f\u3400-\u9fff\uf900-\ufaff\uff00-\uffef\U00020000-\U0003ffff“”…]")


class KokoroSynthesizer(PhrasedVoice):
    """Speaks English, and Mandarin where its reader is installed (`liushui[mandarin]`).

    Letters of other scripts are left out; a text made mostly of them is refused with `UnspeakableText`.
    It may be called from several threads at once.
    """

    sample_rate_hz: int = RATE_HZ

    def __init__(self, model: Path, styles: Path, voice: str, *, threads: int = 1) -> None:
        """Load `model` (ONNX), and of the table `styles` (.npz, `vocab.json` beside it) one voice.

        Raises `VoiceUnavailable`.
        """
        try:
            with np.load(styles) as table:
                if voice not in table:
                    raise VoiceUnavailable(f"Kokoro has no voice {voice!r} here; there is {', '.join(table)}")
                self._styles = table[voice][:, 0]  # [phonemes, 256]
            vocabulary = (styles.parent / "vocab.json").read_text(encoding="utf-8")
            self._ids: dict[str, int] = json.loads(vocabulary)["vocab"]
            self._session = session(model.read_bytes(), threads, DURATIONS)
            self._english = EnglishReader()
            self._mandarin = _mandarin()
            self.synthesize("Warming up.")
        except VoiceUnavailable:
            raise
        except Exception as error:  # onnxruntime's exceptions share no other root
            raise VoiceUnavailable(f"cannot load Kokoro's {voice} from {model}: {error}") from error

    def _phrases(self, text: str, rate: float) -> Iterator[Phrase]:
        spoken = for_the_ear(text)
        self._require_speakable(spoken.text)
        for sentence in sentences(spoken):
            for phrase in model_inputs(self._read(sentence), self._ids, MAX_PHONEMES):
                yield self._render(phrase, rate)

    def _require_speakable(self, text: str) -> None:
        if share_in(text, "LATIN", "CJK") < SPEAKABLE:
            raise UnspeakableText(f"this voice speaks English and Mandarin, not {text[:40]!r}")
        if self._mandarin is None and share_in(text, "LATIN") < SPEAKABLE:
            raise UnspeakableText(f"pip install 'liushui[mandarin]' lets this voice speak {text[:40]!r}")

    def _read(self, sentence: AlignedText) -> list[Token]:
        """Return the words of a sentence, each read in the language of its own script."""
        tokens: list[Token] = []
        at = 0
        for chinese, characters in groupby(sentence.text, lambda character: bool(CHINESE.match(character))):
            start, at = at, at + len(list(characters))
            run = sentence.part(start, at)
            if not chinese or self._mandarin is None:
                tokens += self._english.tokens(run)
            else:
                tokens += [Token(" ", *run.shown_span(0, 1)), *self._mandarin.tokens(run)]
        return tokens

    def _render(self, phrase: ModelInput, rate: float) -> Phrase:
        style = self._styles[len(phrase.ids) - 2]  # one for each number of phonemes
        inputs = {"tokens": phrase.ids[None], "style": style[None], "speed": np.asarray([rate], np.float32)}
        audio, frames = self._session.run(None, inputs)  # [samples]; [1, ids]
        spans = phrase.spans(frames[0].astype(np.int64) * FRAME_SAMPLES)
        return trimmed(audio, shifted(spans, -LAG), RATE_HZ)


def _mandarin() -> ModuleType | None:
    try:
        from tts import mandarin
    except ModuleNotFoundError:
        return None
    return mandarin
