"""What the same weights take one after the other, as a plain pipeline runs them: the bench's yardstick.

A fixed silence ends the turn; faster-whisper transcribes on its 30 s window; the decoder answers to the end
of the first sentence; the voice speaks it. Nothing overlaps, nothing is guessed ahead. The network, and what
the fixed silence would cut off, are left out: this is the best case of such a pipeline.
"""

from __future__ import annotations

import re
import time
from dataclasses import dataclass

from faster_whisper import WhisperModel

from asr.resample import Resampler
from assistant.caller import Question
from assistant.engines import EngineConfig, load_language_model, load_synthesizer
from assistant.microphone import SAMPLE_RATE_HZ
from assistant.persona import load_persona
from assistant.weights import Store
from llm.engine import LanguageModel, Sampling
from tts.engine import Synthesizer

STOP_S = 0.2  # silence that ends a turn: Pipecat's default VADParams.stop_secs
WHISPER_HZ = 16_000
SENTENCE_END = re.compile(r"[.!?][\"')]*\s*$")


@dataclass(frozen=True, slots=True)
class Sequential:
    """The engines of the baseline."""

    recognizer: WhisperModel
    model: LanguageModel
    synthesizer: Synthesizer
    prompt: str

    def v2v_ms(self, question: Question) -> float:
        """Voice to voice: the stop silence, and every engine's time after it."""
        started_s = time.perf_counter()
        transcript = self._transcribe(question)
        transcribed_s = time.perf_counter() - started_s
        return 1000 * (STOP_S + transcribed_s + self._answer_s(transcript))

    def _transcribe(self, question: Question) -> str:
        spoken = question.audio[: round((question.speech_end_s + STOP_S) * SAMPLE_RATE_HZ)]
        segments, _ = self.recognizer.transcribe(
            Resampler(SAMPLE_RATE_HZ, WHISPER_HZ)(spoken), language="en", beam_size=1
        )
        return " ".join(segment.text.strip() for segment in segments)

    def _answer_s(self, transcript: str) -> float:
        chat = self.model.chat(self.prompt)
        chat.prefill("")  # the system prompt is in every such server's cache
        started_s = time.perf_counter()
        sentence = ""
        for token in chat.reply(transcript, Sampling()):
            sentence += token.text
            if SENTENCE_END.search(sentence):
                break
        self.synthesizer.synthesize(sentence)
        answered_s = time.perf_counter() - started_s
        chat.close()
        return answered_s


def load_sequential(domain: str, threads: int) -> Sequential:
    """Load the default weights into the baseline's engines."""
    config, store = EngineConfig(threads=threads), Store()
    whisper = WhisperModel(
        str(store.path(config.asr)), device="cpu", compute_type="int8", cpu_threads=threads
    )
    return Sequential(
        whisper,
        load_language_model(config, store),
        load_synthesizer(config, store),
        load_persona(domain).prompt,
    )
