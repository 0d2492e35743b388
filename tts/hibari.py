"""The hibari voice: a 7.9 MB English model, 24 kHz, about a hundred times faster than real time on one core.

The package hibari-tts gives the text front end, the model and its signal processing. The word
timings come from the model's own phoneme durations, a node inside its graph.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib.resources import files

import numpy as np
import onnxruntime as ort
from hibari import Hibari, dsp
from hibari.g2p import G2P, PUNCTS
from hibari.g2p.normalize import normalize
from hibari.tts import MAX_PHONEMES
from numpy.typing import NDArray

from tts.aligned import AlignedText
from tts.engine import Audio, Speech
from tts.errors import SynthesisFailed, UnspeakableText, UnsupportedRate, VoiceUnavailable
from tts.text import for_the_ear, foreign_share
from tts.timing import WordSpan, shifted, spoken_words
from tts.trim import fade, speech_span

SLOWEST, FASTEST = 0.5, 2.0  # speaking rates the model is good for
SENTENCE_GAP_S = 0.3  # between sentences of one chunk; the model's own silence around each, 0.5 s, is trimmed
MOSTLY_FOREIGN = 0.5  # share of letters in other scripts above which a text is refused
DURATIONS = b"/Clip_output_0"  # node of the model's graph: how long each phoneme lasts, in frames of 25 ms
DURATION_SAMPLES = 2 * dsp.HOP  # one such frame; the spectra have two columns for it
INAUDIBLE = 6.9  # nepers (60 dB) below the loudest frame: not worth a Fourier transform
LAG = round(0.045 * dsp.SR)  # samples by which words sound earlier than that: measured on s, sh, pauses
RING_FRAMES = dsp.N_FFT // dsp.HOP  # how far one frame's window reaches into its neighbours
SILENT = PUNCTS | set(" ()")


@dataclass(frozen=True, slots=True)
class _Token:
    """A word or a punctuation mark as the model reads it, and the shown text it stands for."""

    phonemes: str  # with a space where the text had one; "" when it cannot be said
    text_start: int
    text_end: int


class HibariSynthesizer:
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
            self._session = _session((assets / "hibari.onnx").read_bytes(), threads)
            self._ids: dict[str, int] = json.loads((assets / "vocab.json").read_text(encoding="utf-8"))
            self._g2p = G2P()
            self.synthesize("Warming up, zyxoglarb.")  # in no lexicon: the net for such words is loaded too
        except Exception as error:  # onnxruntime's exceptions share no other root
            raise VoiceUnavailable(f"cannot load the hibari voice ({error}); reinstall hibari-tts") from error

    def synthesize(self, text: str, *, rate: float = 1.0) -> Speech:
        """Speak `text`; see `tts.engine.Synthesizer`."""
        if not SLOWEST <= rate <= FASTEST:
            raise UnsupportedRate(f"the speaking rate must be {SLOWEST} to {FASTEST}, not {rate}")
        spoken = for_the_ear(text)
        if foreign_share(spoken.text) > MOSTLY_FOREIGN:
            raise UnspeakableText(f"this voice speaks English; choose another voice for {text[:40]!r}")
        try:
            phrases = [self._render(tokens, rate) for tokens in self._phrases(spoken)]
        except Exception as error:  # as above
            raise SynthesisFailed(f"the voice failed on {text[:80]!r}: {error}") from error
        audio, spans = _in_a_row(phrases)
        return Speech(audio, self.sample_rate_hz, spoken_words(text, spans, self.sample_rate_hz, len(audio)))

    def _phrases(self, spoken: AlignedText) -> Iterator[list[_Token]]:
        """Yield what the model reads at once: a sentence, or as much of a very long one as it takes."""
        at = 0
        for sentence in Hibari.split_sentences(spoken.text):
            start = spoken.text.index(sentence, at)
            at = start + len(sentence)
            yield from _fitting(self._tokens(spoken.part(start, at)))

    def _tokens(self, sentence: AlignedText) -> list[_Token]:
        read = sentence.rewritten(normalize(sentence.text))
        tokens, at = [], 0
        for token in self._g2p.phonemize_tokens(self._g2p.tokenize(read.text)):
            start = read.text.index(token.text[0], at)
            for character in token.text:  # one by one: the tokenizer drops some quotation marks
                at = read.text.index(character, at) + 1
            phonemes = (token.phonemes or "") + (" " if token.whitespace else "")
            tokens.append(_Token(phonemes, *read.shown_span(start, at)))
        return tokens

    def _render(self, tokens: list[_Token], rate: float) -> tuple[Audio, list[WordSpan]]:
        """Return a phrase's trimmed audio and its words; nothing when nothing in it can be said."""
        ids, words = self._model_input(tokens)
        if not words:
            return np.zeros(0, np.float32), []
        inputs = {"ids": np.asarray([ids], np.int64), "speed": np.asarray([rate], np.float32)}
        *spectra, durations = self._session.run(None, inputs)  # 5 x [1, bins, F], f0 [1, F]; [ids]
        edges = np.concatenate(([0], np.cumsum(durations))).astype(np.int64) * DURATION_SAMPLES  # [ids + 1]
        audio, cut = _waveform([spectrum[0] for spectrum in spectra])
        # Where a word after each id starts: amid a space, else at the id's end.  [ids]
        starts = np.where(np.asarray(ids) == self._ids[" "], (edges[:-1] + edges[1:]) // 2, edges[1:])
        spans = [
            WordSpan(token.text_start, token.text_end, int(starts[first - 1]), int(edges[last]))
            for token, first, last in words
        ]
        return audio, shifted(spans, -cut - LAG)

    def _model_input(self, tokens: list[_Token]) -> tuple[list[int], list[tuple[_Token, int, int]]]:
        """Return the model's ids, and each word with the positions `[first, last)` of its phonemes there."""
        ids, words = [0], []
        for token in tokens:
            phonemes = [phoneme for phoneme in token.phonemes if phoneme in self._ids]
            voiced = [len(ids) + i for i, phoneme in enumerate(phonemes) if phoneme not in SILENT]
            if voiced:
                words.append((token, voiced[0], voiced[-1] + 1))
            ids += [self._ids[phoneme] for phoneme in phonemes]
        return [*ids, 0], words


def _session(model: bytes, threads: int) -> ort.InferenceSession:
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3
    return ort.InferenceSession(model + _output(DURATIONS), options, providers=["CPUExecutionProvider"])


def _output(name: bytes) -> bytes:
    """Return a serialised ModelProto{graph{output{name}}}: protobuf merges it with the model before it."""
    for field in (1, 12, 7):  # ValueInfoProto.name, GraphProto.output, ModelProto.graph
        name = bytes([field << 3 | 2, len(name)]) + name
    return name


def _fitting(tokens: list[_Token]) -> Iterator[list[_Token]]:
    """Split where the model's limit asks for it: after the last punctuation that fits, else after a word."""
    while tokens:
        sizes = np.cumsum([len(token.phonemes) for token in tokens])
        end = max(1, int(np.searchsorted(sizes, MAX_PHONEMES, side="right")))
        if end < len(tokens):
            marks = [i + 1 for i in range(end) if tokens[i].phonemes.rstrip().endswith((",", ";", ":", "—"))]
            end = marks[-1] if marks else end
        yield tokens[:end]
        tokens = tokens[end:]


def _waveform(spectra: list[NDArray[np.float32]]) -> tuple[Audio, int]:
    """Return the audible part of the model's output as audio, and the samples cut before it."""
    harmonic, theta, noise, free, phi, f0 = spectra  # [bins, F], f0 [F]
    levels = np.maximum(noise.max(axis=0), free.max(axis=0))  # [F], log magnitude
    levels = np.maximum(levels, np.where(f0 > 0, harmonic.max(axis=0), -np.inf))
    audible = np.flatnonzero(levels > levels.max() - INAUDIBLE)
    first, last = max(0, int(audible[0]) - RING_FRAMES), int(audible[-1]) + 1 + RING_FRAMES
    cropped = (part[..., first:last] for part in (harmonic, theta, noise, free, phi, f0))
    audio = dsp.synth(*cropped, np.random.default_rng(0))  # the noise of fricatives, the same every time
    start, end = speech_span(audio, dsp.SR)
    audio = audio[start:end].copy()
    fade(audio, dsp.SR)
    return audio, first * dsp.HOP + start


def _in_a_row(phrases: Iterable[tuple[Audio, list[WordSpan]]]) -> tuple[Audio, list[WordSpan]]:
    """Return the phrases that sound, one after the other with a gap between."""
    gap = np.zeros(round(SENTENCE_GAP_S * dsp.SR), np.float32)
    audios: list[Audio] = []
    spans: list[WordSpan] = []
    for audio, words in phrases:
        if len(audio):
            audios += [gap, audio] if audios else [audio]
            spans += shifted(words, sum(map(len, audios)) - len(audio))
    return np.concatenate(audios) if audios else np.zeros(0, np.float32), spans
