"""Speaking alone: how soon an answer sounds, whether it falters, and whether it is understood.

    python -m tests.bench.speaking [--prosody FILE] [--voices NAME ...] [--json]

The decoder writes answers to consultations once; they are then spoken at 8, 20 and 60 tokens a second in
virtual time, in the service's own way, where the voice takes as long as it takes here. The last line printed
is one JSON object:

first_audio_after_phrase_ms_p50  from the first chunk of text to its audio
first_phrase_tokens_p50          tokens in that chunk
tts_realtime_factor              of each voice: seconds of computing over seconds of audio
leading_silence_ms_p50           before the first sound of a chunk
boundary_f1                      of chunk ends against a reader's breaks, by four ways to cut
underruns_per_minute             silences for want of audio, at each pace
mid_phrase_gap_rate              chunks with such a silence before them, inside a phrase, over all chunks
word_timing_error_ms_p50         between the ends of words by the voice and by Whisper's alignment
intelligibility_wer, _whole      words misheard by Whisper: spoken in chunks, and the whole text at once
wasted_synthesis_fraction        of the audio made before an interruption at any moment, what was not heard
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from statistics import mean

import numpy as np
from faster_whisper import WhisperModel

from asr.engine import SAMPLE_RATE_HZ as HEARD_HZ
from asr.engine import Recognizer
from asr.resample import resampled
from assistant import voices
from assistant.engines import EngineConfig, load_recognizer, load_synthesizer
from assistant.speech_end import first_voiced_s
from assistant.weights import Store
from llm import local
from llm.engine import Sampling, Token
from llm.local import LocalModel
from tests.bench import phrasing
from tests.bench.consultations import consultations
from tests.bench.figures import percentile
from tests.bench.listening import WEIGHTS, transcribe
from tests.bench.machine import this_machine
from tests.bench.spoken_answers import SpokenAnswer, speak
from tests.bench.words import plain_words, word_errors
from tts.engine import Audio, Synthesizer

PACES = (8, 20, 60)  # tokens a second: a busy machine, a small one, a quick one
USUAL = 20
ANSWERS_EACH = 4  # of a consultation
MOST_TOKENS = 120
SENTENCE = (
    "The usual dose is one tablet in the morning, and a second one in the evening if the pain is worse."
)
VOICES = ("heart", "joe", "jf_alpha")  # one of each engine
MOMENT_S = 0.5  # between interruptions


def main(argv: Sequence[str] | None = None) -> None:
    """Measure and print."""
    args = _parser().parse_args(argv)
    machine, store, config = this_machine(), Store(), EngineConfig()
    model = local.load(store.home / "converted" / config.llm, name=config.llm, threads=config.threads)
    answers = written(model)
    found = phrasing.figures(model, args.prosody)
    voice = load_synthesizer(config, store)
    spoken = {pace: [speak(tokens, pace, voice) for tokens in answers] for pace in PACES}
    report = {
        **promptness(spoken[USUAL]),
        "tts_realtime_factor": {name: realtime_factor(name, config, store) for name in args.voices},
        "boundary_f1": found,
        **faltering(spoken),
        "word_timing_error_ms_p50": timing_error_ms(spoken[USUAL], load_recognizer(config, store)),
        **intelligibility(answers, spoken[USUAL], voice, config, store),
        "wasted_synthesis_fraction": wasted(spoken[USUAL]),
        "answers": len(answers),
        "machine": asdict(machine),
    }
    if not args.json:
        print("\n".join(f"{name:34}{value}" for name, value in report.items()))
    print(json.dumps(report))


def written(model: LocalModel) -> list[list[Token]]:
    """What the decoder answers in each consultation."""
    answers = []
    for talk in consultations():
        for question in talk.questions[:ANSWERS_EACH]:
            chat = model.chat(talk.system)
            answers.append(list(chat.reply(question, Sampling(max_tokens=MOST_TOKENS))))
            chat.close()
    return answers


def promptness(spoken: Sequence[SpokenAnswer]) -> dict[str, float]:
    """How soon answers begin to sound."""
    pieces = [(piece.audio, answer.sample_rate_hz) for answer in spoken for piece in answer.pieces]
    return {
        "first_audio_after_phrase_ms_p50": percentile(
            [(answer.made_s[0] - answer.first_phrase_s) * 1000 for answer in spoken], 50
        ),
        "first_phrase_tokens_p50": percentile([answer.first_phrase_tokens for answer in spoken], 50),
        "leading_silence_ms_p50": percentile([first_voiced_s(*piece) * 1000 for piece in pieces], 50),
    }


def realtime_factor(name: str, config: EngineConfig, store: Store) -> float:
    """Seconds of computing for a second of a sentence."""
    voice = voices.load(name, store, threads=config.threads)
    voice.synthesize(SENTENCE)  # warm-up
    started_s = time.perf_counter()
    speech = voice.synthesize(SENTENCE)
    return round((time.perf_counter() - started_s) * speech.sample_rate_hz / len(speech.audio), 4)


def faltering(spoken: dict[int, list[SpokenAnswer]]) -> dict[str, dict[int, float]]:
    """How often the audio runs out at each pace, and how often that is inside a phrase."""
    underruns, inside = {}, {}
    for pace, answers in spoken.items():
        gaps = [gap for answer in answers for gap in answer.gaps]
        minutes = sum(answer.heard_s for answer in answers) / 60
        underruns[pace] = round(len(gaps) / minutes, 2)
        inside[pace] = round(
            sum(within for _, within in gaps) / sum(len(answer.pieces) for answer in answers), 4
        )
    return {"underruns_per_minute": underruns, "mid_phrase_gap_rate": inside}


def timing_error_ms(spoken: Sequence[SpokenAnswer], recognizer: Recognizer) -> float:
    """Median distance between the ends of words, of chunks whose words both see alike."""
    errors_ms: list[float] = []
    for answer in spoken:
        for piece in answer.pieces:
            ours = [end_s for end_s, _ in piece.words]
            audio = resampled(piece.audio, answer.sample_rate_hz, HEARD_HZ)
            theirs = recognizer.align(audio, piece.text.strip())
            if len(ours) == len(theirs):
                errors_ms += [abs(a - b.end_s) * 1000 for a, b in zip(ours, theirs, strict=True)]
    return percentile(errors_ms, 50)


def intelligibility(
    answers: Sequence[Sequence[Token]],
    spoken: Sequence[SpokenAnswer],
    voice: Synthesizer,
    config: EngineConfig,
    store: Store,
) -> dict[str, float]:
    """Errors over words: in chunks as the service speaks, and in one go."""
    model = WhisperModel(
        str(store.path(WEIGHTS)), device="cpu", compute_type="int8", cpu_threads=config.threads
    )
    texts = ["".join(token.text for token in tokens) for tokens in answers]
    whole = [voice.synthesize(text).audio for text in texts]
    return {
        "intelligibility_wer": _wer(model, texts, [answer.audio for answer in spoken]),
        "intelligibility_wer_whole": _wer(model, texts, whole),
    }


def _wer(model: WhisperModel, texts: Sequence[str], audios: Sequence[Audio]) -> float:
    said = [plain_words(text) for text in texts]
    errors = sum(
        word_errors(words, plain_words(transcribe(model, audio, "en")))
        for words, audio in zip(said, audios, strict=True)
    )
    return round(errors / sum(map(len, said)), 4)


def wasted(spoken: Sequence[SpokenAnswer]) -> float:
    """The mean over moments at which the user might break in."""
    return round(
        mean(
            answer.wasted(float(at_s))
            for answer in spoken
            for at_s in np.arange(
                answer.starts_s[0] + MOMENT_S, answer.starts_s[0] + answer.heard_s, MOMENT_S
            )
        ),
        3,
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "tests.bench.speaking", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--prosody",
        type=Path,
        default=phrasing.ENGLISH,
        metavar="FILE",
        help="of the Helsinki Prosody Corpus",
    )
    parser.add_argument("--voices", nargs="*", default=VOICES, help="whose speed is measured")
    parser.add_argument("--json", action="store_true", help="print nothing but the JSON line")
    return parser


if __name__ == "__main__":
    main()
