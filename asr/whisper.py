"""Whisper on windows shorter than the 30 s it was trained on.

On a CPU encoder and decoder are `asr.compiled`'s; elsewhere the encoder is CTranslate2's and the decoder
`asr.decoder`'s. The encoder takes any window length and its cost grows with it. With too little silence after
the speech, though, the decoder does not stop and says things twice; such readings are noticed and read again
on a longer one.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from copy import copy
from dataclasses import replace
from itertools import accumulate, chain
from pathlib import Path

import ctranslate2
import numpy as np
import tokenizers
import torch
from torch import Tensor

from asr import compiled
from asr.compiled import CompiledWhisper
from asr.ct2_weights import read_weights
from asr.decoder import Decoder
from asr.engine import SAMPLE_RATE_HZ, Audio, Hypothesis, Word, checked
from asr.errors import BadAudio, ModelNotLoaded, UnknownLanguage
from asr.hot_words import HotWords, hint
from asr.mel import HOP_SAMPLES, log_mel
from asr.search import Reading, read_greedily
from asr.text import is_repetitive, without_repetition, words_of

FULL_WINDOW_S = 30
SECOND_WINDOW_S = 15  # for an unreliable reading, if it fits: as right as on 30 s, in a third of the time
FLOOR_S = (
    8  # shortest window: WER 14.1 % on 1,400 words, 13.8 at 15 s, 13.3 at 30 s; 15.0 with 6 and a margin of 3
)
MARGIN_S = 4  # silence after the speech

SPEECH_TOKENS_PER_S = 7  # five words a second, the fastest speech that people follow
SPARE_TOKENS = 12  # for punctuation, and for words cut at the ends
UNSURE_SCORE = -1.0  # Whisper's own limit
NO_SPEECH = 0.6  # Whisper's own threshold
DOUBTED_SCORE = -0.6  # below, NO_SPEECH is believed
GUESS_SCORE = -1.55  # what Whisper makes up for music and noise scores below, what people say above
AUDIBLE = 0.001  # -60 dBFS: below is a muted microphone
ENCODED_FRAMES_PER_S = 50
# What Whisper is told was said before. Without it, half of all Mandarin is written in traditional characters,
# and without marks: 41.0 % of 273 characters of AISHELL and THCHS are wrong, 26.0 with it.
_OPENINGS = {"zh": "你好，我想问一下。"}
_BLANK = [220]  # a lone space
_SPACES = re.compile(r"\s+")


class WhisperRecognizer:
    """Recognizer on CTranslate2 Whisper weights. Calls may come from any thread; one runs at a time."""

    def __init__(
        self,
        model_dir: Path,
        *,
        device: str = "cpu",
        threads: int = 2,
        language: str | None = "en",
        compute_type: str = "int8",
        hot_words: tuple[str, ...] = (),
    ) -> None:
        """Load the model and run it once, which takes about a second.

        `language` is an ISO 639-1 code, or None to detect it in every call; `hot_words` are names and terms
        to expect; `compute_type` is CTranslate2's. Raises ModelNotLoaded and UnknownLanguage.
        """
        self._thread = _single_core_thread()  # one, for the decoder's cache holds one utterance
        load = self._thread.submit(_load, model_dir, device, threads, compute_type)
        self._aligner, self._decoder, self._tokenizer, special = load.result()
        self._end, self._start, self._no_speech = map(
            self._token, ("endoftext", "startoftranscript", "nocaptions")
        )
        self._languages = special["lang_ids"]
        forbidden = (special["suppress_ids"], special["suppress_ids"] + _BLANK)
        self._masks = list(self._thread.map(self._mask, forbidden))
        if language is not None:
            self._require(language)
        self._language = language
        self._hot_words = HotWords(hot_words)
        self.recognize(np.full(SAMPLE_RATE_HZ, AUDIBLE, np.float32))  # the first call allocates

    @property
    def languages(self) -> tuple[str, ...]:
        """The languages it knows; see Multilingual."""
        return tuple(sorted(map(self._code, self._languages)))

    def in_language(self, language: str | None) -> WhisperRecognizer:
        """The same recognizer, for this language; see Multilingual. Raises UnknownLanguage."""
        if language is not None:
            self._require(language)
        other = copy(self)  # weights and thread are shared
        other._language = language
        return other

    def with_hot_words(self, hot_words: tuple[str, ...]) -> WhisperRecognizer:
        """The same weights, listening for these names and terms."""
        other = copy(self)
        other._hot_words = HotWords(hot_words)
        return other

    def _require(self, language: str) -> None:
        if self._token(language) not in self._languages:
            raise UnknownLanguage(f"Whisper knows no language {language!r}; give a code such as 'en' or 'zh'")

    def recognize(
        self,
        audio: Audio,
        *,
        prefix: str = "",
        draft: str = "",
        careful: bool = True,
        wanted: Callable[[], bool] = lambda: True,
    ) -> Hypothesis:
        """Transcribe `audio`; see Recognizer. Raises BadAudio or Outdated."""
        heard_s = _seconds(audio)
        if np.abs(audio).max(initial=0.0) < AUDIBLE:
            return Hypothesis(prefix, 0.0, 1.0, self._language or "", reliable=True)
        first = self._thread.submit(self._read, audio, prefix, draft, _window_s(heard_s), wanted).result()
        if first.reliable or not careful:
            return first
        window_s = SECOND_WINDOW_S if heard_s + MARGIN_S <= SECOND_WINDOW_S else FULL_WINDOW_S
        second = self._thread.submit(self._read, audio, prefix, "", window_s, wanted).result()
        return replace(second, text=prefix + without_repetition(second.text[len(prefix) :]))

    def align(self, audio: Audio, text: str) -> tuple[Word, ...]:
        """When each word of `text` was said; see Recognizer. Raises BadAudio."""
        heard_s = _seconds(audio)
        words = words_of(text)
        if not words:
            return ()
        spelled = [self._spell(word) for word in words]
        encoded = ctranslate2.StorageView.from_array(self._encode(audio, _window_s(heard_s)).numpy()[None])
        start = [self._start, self._token(self._language or "en"), self._token("transcribe")]
        tokens = list(chain.from_iterable(spelled))
        (aligned,) = self._aligner.align(encoded, start, [tokens], len(audio) // HOP_SAMPLES)
        first_frame = {token: frame for token, frame in reversed(aligned.alignments)}
        starts = accumulate(map(len, spelled), initial=0)
        times_s = [
            first_frame.get(token, heard_s * ENCODED_FRAMES_PER_S) / ENCODED_FRAMES_PER_S for token in starts
        ]
        return tuple(map(Word, words, times_s[:-1], times_s[1:]))

    @torch.inference_mode()
    def _read(
        self, audio: Audio, prefix: str, draft: str, window_s: int, wanted: Callable[[], bool]
    ) -> Hypothesis:
        self._decoder.hear(self._encode(audio, window_s))
        language = self._language or self._detect()
        first = self._decode(len(audio), language, prefix, draft, _OPENINGS.get(language, ""), wanted)
        said = first.text[len(prefix) :]
        if terms := self._hot_words.near(said):
            hinted = self._decode(len(audio), language, prefix, said, hint(terms, language), wanted)
            if self._hot_words.found(hinted.text) > self._hot_words.found(first.text):
                return hinted
        return first

    def _decode(
        self, samples: int, language: str, prefix: str, draft: str, before: str, wanted: Callable[[], bool]
    ) -> Hypothesis:
        """Read what the decoder hears; `before`: what it is told was said before that."""
        told = [self._token("startofprev"), *self._spell(before)] if before else []
        prompt = [*told, self._start, *map(self._token, (language, "transcribe", "notimestamps"))]
        forced = self._spell(prefix)
        self._decoder.length = 0
        reading = read_greedily(
            self._decoder,
            [*prompt, *forced],
            draft=self._spell(draft),
            allow=lambda logits, first: logits + self._masks[first and not prefix],
            end=self._end,
            limit=self._limit(samples, len(prompt) + len(forced)),
            wanted=wanted,
        )
        asked = reading.prompt_hidden[len(told) : len(told) + 1]
        no_speech = float(self._chances(asked)[self._no_speech])
        return self._judge(reading, prefix, no_speech, language)

    def _judge(self, reading: Reading, prefix: str, no_speech: float, language: str) -> Hypothesis:
        said = _SPACES.sub(" ", self._tokenizer.decode(reading.tokens))
        text = prefix + said if prefix else said.strip()
        made_up = reading.score < GUESS_SCORE and not prefix
        if made_up or (no_speech > NO_SPEECH and reading.score < DOUBTED_SCORE):
            return Hypothesis(prefix, reading.score, no_speech, language, reliable=True)
        reliable = reading.finished and reading.score >= UNSURE_SCORE and not is_repetitive(text)
        return Hypothesis(text, reading.score, no_speech, language, reliable)

    def _limit(self, samples: int, prompt_tokens: int) -> int:
        spoken = SPEECH_TOKENS_PER_S * samples // SAMPLE_RATE_HZ + SPARE_TOKENS
        return min(spoken, self._decoder.context - prompt_tokens)

    def _detect(self) -> str:
        """The language of what the decoder hears; forgets the text before."""
        self._decoder.length = 0
        chances = self._chances(self._decoder.append([self._start]))
        self._decoder.length = 0
        best = self._languages[int(chances[self._languages].argmax())]
        return self._code(best)

    def _code(self, language: int) -> str:
        """The ISO 639-1 code of a language's token."""
        return str(self._tokenizer.id_to_token(language)).strip("<|>")

    def _chances(self, hidden: Tensor) -> Tensor:
        return self._decoder.logits(hidden)[0].softmax(dim=-1)  # [vocabulary]

    def _encode(self, audio: Audio, window_s: int) -> Tensor:
        """[frames, size], ENCODED_FRAMES_PER_S of them."""
        features = log_mel(audio, window_s * SAMPLE_RATE_HZ // HOP_SAMPLES)  # [MEL_BANDS, frames]
        if isinstance(self._decoder, CompiledWhisper):
            return self._decoder.encode(features)
        encoded = self._aligner.encode(ctranslate2.StorageView.from_array(features[None]), to_cpu=True)
        return torch.from_numpy(np.array(encoded, np.float32))[0]

    def _spell(self, text: str) -> list[int]:
        # A word's space is part of its first token, also at the start of the text.
        return (
            list(self._tokenizer.encode(" " + text.strip(), add_special_tokens=False).ids)
            if text.strip()
            else []
        )

    def _token(self, name: str) -> int:
        return int(self._tokenizer.token_to_id(f"<|{name}|>") or 0)

    def _mask(self, forbidden: list[int]) -> Tensor:
        """What to add to logits: text and the end only, less `forbidden`. [vocabulary]"""
        mask = torch.zeros(self._decoder.vocabulary)
        mask[self._end + 1 :] = -torch.inf
        mask[forbidden] = -torch.inf
        return mask.to(self._decoder.device)


def _load(
    model_dir: Path, device: str, threads: int, compute_type: str
) -> tuple[ctranslate2.models.Whisper, Decoder | CompiledWhisper, tokenizers.Tokenizer, dict[str, list[int]]]:
    try:
        special = json.loads((model_dir / "config.json").read_text(encoding="utf-8"))
        tokenizer = _load_tokenizer(model_dir / "tokenizer.json")
        aligner = ctranslate2.models.Whisper(
            str(model_dir), device=device, compute_type=compute_type, intra_threads=threads
        )
        library = compiled.quickest()
        decoder: Decoder | CompiledWhisper
        if device == "cpu" and library is not None:
            weights = read_weights(model_dir / "model.bin", "")
            decoder = CompiledWhisper(weights, threads=threads, library=library)
        else:
            weights = read_weights(model_dir / "model.bin", "decoder/")
            decoder = Decoder(weights, torch.device(device))
    except Exception as error:  # tokenizers raises Exception itself
        raise ModelNotLoaded(f"no Whisper model could be loaded from {model_dir}: {error}") from error
    return aligner, decoder, tokenizer, special


def _load_tokenizer(path: Path) -> tokenizers.Tokenizer:
    """Load the tokenizer with the first of its merge rules, which conversion took for a headline and dropped.

    Without it " the" is spelled as two tokens that Whisper has never seen in a row.
    """
    content = json.loads(path.read_text(encoding="utf-8"))
    merges = content["model"]["merges"]
    first = "Ġ t" if isinstance(merges[0], str) else ["Ġ", "t"]
    if first not in merges:
        merges.insert(0, first)
    return tokenizers.Tokenizer.from_str(json.dumps(content))


def _single_core_thread() -> ThreadPoolExecutor:
    """A thread in which torch uses one core, whatever it uses elsewhere; CTranslate2 sets OpenMP there too.

    The decoder's products are so small that sharing them gains little, and waiting for a share costs much:
    beside a process on the second core, a reading takes half as long in this way.
    """
    threads = torch.get_num_threads()
    thread = ThreadPoolExecutor(1, "whisper", initializer=torch.set_num_threads, initargs=(1,))
    thread.submit(torch.get_num_threads).result()  # starts it
    torch.set_num_threads(threads)  # for this thread and later ones; the setting of a running one is its own
    return thread


def _seconds(audio: Audio) -> float:
    heard_s = len(checked(audio)) / SAMPLE_RATE_HZ
    if heard_s > FULL_WINDOW_S:
        raise BadAudio(f"{heard_s:.1f} s of audio in one call; Whisper hears {FULL_WINDOW_S} s at a time")
    return heard_s


def _window_s(heard_s: float) -> int:
    return min(max(FLOOR_S, math.ceil(heard_s) + MARGIN_S), FULL_WINDOW_S)
