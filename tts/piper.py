"""Piper voices: small VITS models in some forty languages, one speaker each, mostly 22.05 kHz.

Text becomes phonemes by the espeak-ng inside the package piper-tts, which is GPL-3.0-or-later: installed by
those who want it (`liushui[piper]`), and called, never copied. Word timings come from the model's own phoneme
durations.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from threading import Lock

import numpy as np
from numpy.typing import NDArray
from piper import espeakbridge
from piper.phonemize_espeak import ESPEAK_DATA_DIR
from rapidfuzz.distance import Levenshtein

from tts.aligned import AlignedText
from tts.engine import Audio
from tts.errors import UnspeakableText, VoiceUnavailable
from tts.graph import session
from tts.phrases import Phrase, PhrasedVoice, sentences, trimmed
from tts.scripts import is_in, share_in
from tts.text import for_the_ear
from tts.timing import WordSpan

DURATIONS = "/Ceil_output_0"  # node of the graph: how many frames each id lasts
FRAME_SAMPLES = 256
SPEAKABLE = 0.5  # share of letters in the voice's own script below which a text is refused
SCRIPTS = {  # of languages that are not written in Latin letters
    "ar": "ARABIC", "bg": "CYRILLIC", "el": "GREEK", "fa": "ARABIC", "hi": "DEVANAGARI", "ka": "GEORGIAN",
    "kk": "CYRILLIC", "ml": "MALAYALAM", "ne": "DEVANAGARI", "ru": "CYRILLIC", "sr": "CYRILLIC",
    "te": "TELUGU", "uk": "CYRILLIC", "ur": "ARABIC",
}  # fmt: skip
BOS, PAD, EOS = 1, 0, 2
WORD = re.compile(r"[$£€]?\w(?:\S*\w)?%?")
COUNTING = "1 2 3 4 5 6 7"  # what espeak can read in every language
SCALES = (0.15, 0.35, 0.65, 1.0, 1.6, 2.4)  # of all durations; where the speed that comes of them is measured
FLAG = re.compile(r"\([^)]+\)")  # espeak's note that another language follows
UNSOUNDED = set(" ˈˌ,.;:!?")  # of a phrase's phonemes: no part of a word
ESPEAK = Lock()  # it has one voice at a time, for the whole process


class PiperSynthesizer(PhrasedVoice):
    """Speaks the language that its voice was made for; the same text sounds a little different each time.

    Letters of other scripts are left out; a text made mostly of them is refused with `UnspeakableText`.
    It may be called from several threads at once.
    """

    def __init__(self, model: Path, *, threads: int = 1) -> None:
        """Load the voice `model` (.onnx, with `.onnx.json` beside it). Raises `VoiceUnavailable`."""
        try:
            config = json.loads(Path(f"{model}.json").read_text(encoding="utf-8"))
            if (kind := config.get("phoneme_type", "espeak")) != "espeak":
                raise VoiceUnavailable(f"{model} reads {kind}; only voices that read espeak's phonemes do")
            self.sample_rate_hz = int(config["audio"]["sample_rate"])
            self._ids: Mapping[str, list[int]] = config["phoneme_id_map"]
            self._inference: Mapping[str, float] = config["inference"]
            self._speakers: int = config["num_speakers"]
            self._language: str = config["espeak"]["voice"]
            self._script = SCRIPTS.get(self._language.partition("-")[0], "LATIN")
            graph = model.read_bytes()
            timed = DURATIONS.encode() in graph
            self._session = session(graph, threads, DURATIONS if timed else None)
            with ESPEAK:
                espeakbridge.initialize(str(ESPEAK_DATA_DIR))
            self._speeds = self._measured_speeds()
        except VoiceUnavailable:
            raise
        except Exception as error:  # onnxruntime's exceptions share no other root
            raise VoiceUnavailable(f"cannot load the Piper voice {model}: {error}") from error

    def _phrases(self, text: str, rate: float) -> Iterator[Phrase]:
        spoken = for_the_ear(text)
        if share_in(spoken.text, self._script) < SPEAKABLE:
            raise UnspeakableText(f"this voice speaks {self._language}, not {text[:40]!r}")
        foreign = "".join({letter for letter in spoken.text if self._is_foreign(letter)})
        if foreign:
            spoken = spoken.sub(re.compile(f"[{re.escape(foreign)}]"), "")
        for sentence in sentences(spoken):
            if phonemes := self._read(sentence):
                yield self._render(phonemes, rate)

    def _is_foreign(self, letter: str) -> bool:
        return letter.isalpha() and not is_in(letter, self._script)

    def _read(self, sentence: AlignedText) -> list[tuple[str, int, int]]:
        """Return the phonemes of a sentence, each with the shown span of the word that it is of.

        espeak says words otherwise in a sentence than alone and joins some ("fɚðə"), so each phoneme of the
        sentence is given to the word whose own phonemes it stands for in the shortest edit.
        """
        alone = [(word.span(), self._phonemes(word.group())) for word in WORD.finditer(sentence.text)]
        owners = [span for span, phonemes in alone for phoneme in phonemes if phoneme not in UNSOUNDED]
        if not owners:
            return []
        expected = "".join(phoneme for _, word in alone for phoneme in word if phoneme not in UNSOUNDED)
        together = self._phonemes(sentence.text)
        sounded = [i for i, phoneme in enumerate(together) if phoneme not in UNSOUNDED]
        edit = Levenshtein.opcodes(expected, "".join(together[i] for i in sounded))
        read = [(phoneme, 0, 0) for phoneme in together]
        for step in edit:
            for i in range(step.dest_start, step.dest_end):
                owner = owners[min(step.src_start + i - step.dest_start, step.src_end, len(owners) - 1)]
                read[sounded[i]] = (together[sounded[i]], *sentence.shown_span(*owner))
        return read

    def _phonemes(self, text: str) -> str:
        with ESPEAK:
            espeakbridge.set_voice(self._language)
            clauses = espeakbridge.get_phonemes(text)
        said = "".join(f"{FLAG.sub('', phonemes)}{mark} " for phonemes, mark, _ in clauses).rstrip()
        return "".join(phoneme for phoneme in unicodedata.normalize("NFD", said) if phoneme in self._ids)

    def _render(self, phonemes: Sequence[tuple[str, int, int]], rate: float) -> Phrase:
        scale = float(np.interp(-rate, -self._speeds, SCALES))  # interp wants its table to rise
        audio, durations = self._infer([phoneme for phoneme, _, _ in phonemes], scale)
        return trimmed(audio.clip(-1, 1), _spans(phonemes, durations), self.sample_rate_hz)

    def _infer(
        self, phonemes: Sequence[str], scale: float, *, varied: bool = True
    ) -> tuple[Audio, NDArray[np.int64]]:
        """Return audio [samples] and how many of them each id lasts [ids]; `varied`: as a person would."""
        ids = [BOS, PAD, *(id_ for phoneme in phonemes for id_ in (self._ids[phoneme][0], PAD)), EOS]
        tone, length, rhythm = (self._inference[name] for name in ("noise_scale", "length_scale", "noise_w"))
        inputs = {
            "input": np.asarray([ids], np.int64),
            "input_lengths": np.asarray([len(ids)], np.int64),
            "scales": np.asarray([tone, length * scale, rhythm if varied else 0.0], np.float32),
        }
        if self._speakers > 1:
            inputs["sid"] = np.zeros(1, np.int64)
        audio, *frames = self._session.run(None, inputs)  # [1, 1, 1, samples]; [1, 1, ids]
        audio = audio.reshape(-1)
        if frames:
            return audio, frames[0].reshape(-1).astype(np.int64) * FRAME_SAMPLES
        return audio, np.full(len(ids), len(audio) // len(ids))  # an older export

    def _measured_speeds(self) -> NDArray[np.float64]:
        """Return the speaking rate at each of SCALES, falling: every id takes whole frames, at least one.

        So half the scale is far from twice as fast.
        """
        phonemes = self._phonemes(COUNTING)
        lengths = [len(self._infer(phonemes, scale, varied=False)[0]) for scale in SCALES]
        return lengths[SCALES.index(1.0)] / np.asarray(lengths)


def _spans(phonemes: Sequence[tuple[str, int, int]], durations: NDArray[np.int64]) -> list[WordSpan]:
    """Return the words' times from how many samples each id lasts: BOS, pad, phoneme, pad, phoneme, ..."""
    edges = np.concatenate(([0], np.cumsum(durations)))
    spans: list[WordSpan] = []
    for i, (_, text_start, text_end) in enumerate(phonemes):
        if text_start == text_end:
            continue
        start, end = int(edges[2 * i + 2]), int(edges[2 * i + 4])
        if spans and spans[-1].text_start == text_start:
            start = spans.pop().start_sample
        spans.append(WordSpan(text_start, text_end, start, end))
    return spans
