"""Which weights, threads and device each engine gets, and how it is loaded from them.

The engines' own modules are imported by the loaders: a text-only command pays for no audio library.
"""

from __future__ import annotations

import logging
import os
import re
from argparse import Namespace
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING

from assistant import voices
from assistant.errors import ConfigError
from assistant.further_voice import FurtherVoice
from assistant.progress import shown_progress
from assistant.weights import Store

if TYPE_CHECKING:
    from asr.endpoint import SmartTurn
    from asr.vad import SileroVad, VoiceDetector
    from asr.whisper import WhisperRecognizer
    from assistant.consultation import Consultation
    from assistant.persona import Persona
    from llm.embedding import SentenceEncoder
    from llm.engine import LanguageModel
    from llm.multilingual_embedding import MultilingualEncoder
    from tts.engine import Synthesizer

log = logging.getLogger(__name__)

VOICE_RATE_HZ = 24_000  # of all that is spoken: the wire's own
HUB_PREFIX = "hub:"
MULTILINGUAL = "use-multilingual-v3"  # of every domain: what it has kept is in folders of this name
KEY_VARIABLE = "LIUSHUI_LLM_KEY"  # of the model's server; an option would show in the list of processes


@dataclass(frozen=True, slots=True)
class EngineConfig:
    """What the engines are loaded from and where they run. Raises ConfigError for what cannot be."""

    llm: str = "qwen2.5-0.5b"  # weights' name, a GGUF file or hub folder, a server's URL#MODEL, or hub:...
    asr: str = "whisper-base"  # weights' name, or a folder with a CTranslate2 Whisper
    voice: str = "heart"  # a name of `liushui voices`, a Piper voice's .onnx file, or coqui:FOLDER
    device: str = "cpu"
    threads: int = 2  # of each engine; they take turns more than they run at once
    language: str = "en"  # ISO 639-1, or "auto"

    def __post_init__(self) -> None:
        if self.threads < 1:
            raise ConfigError(f"threads is {self.threads}; an engine needs at least 1")
        if not re.fullmatch(r"cpu|cuda(:\d+)?", self.device):
            raise ConfigError(f"device is {self.device!r}; use cpu, cuda or cuda:N")
        voices.check_name(self.voice)
        if not re.fullmatch(r"auto|[a-z]{2,3}", self.language):
            raise ConfigError(f"language is {self.language!r}; use a code such as en or zh, or auto")


def config_from(args: Namespace) -> EngineConfig:
    """Return what a command line asks for; what the command has no option for stays at its default."""
    given = {
        field.name: getattr(args, field.name) for field in fields(EngineConfig) if hasattr(args, field.name)
    }
    return EngineConfig(**given)


def load_language_model(config: EngineConfig, store: Store) -> LanguageModel:
    """Load the decoder, or a model of another engine: on a server, or by `transformers`.

    Raises WeightsError, ConfigError or LlmError.
    """
    if config.llm.startswith(("http://", "https://")):
        return _remote_model(config.llm)
    if config.llm.startswith(HUB_PREFIX):
        return _hub_model(config)
    return _own_model(config, store)


def _remote_model(url: str) -> LanguageModel:
    from llm.remote import RemoteModel

    base_url, _, name = url.partition("#")
    return RemoteModel(base_url, name, api_key=os.environ.get(KEY_VARIABLE))


def _hub_model(config: EngineConfig) -> LanguageModel:
    try:
        from llm import hub
    except ModuleNotFoundError as error:
        raise ConfigError(f"{config.llm} needs {error.name}: pip install 'liushui[hub]'") from error

    source = os.path.expanduser(config.llm.removeprefix(HUB_PREFIX))
    return hub.load(source, threads=config.threads, device=config.device)


def _own_model(config: EngineConfig, store: Store) -> LanguageModel:
    """Load the decoder; its weights are fetched when missing, and converted to its own layout once."""
    from llm import checkpoint, gguf, local

    source = _located(config.llm, store)
    name = config.llm if store.knows(config.llm) else source.stem
    folder = store.home / "converted" / name
    with shown_progress() as progress:
        told = partial(progress, f"converting {name}, once")
        if checkpoint.is_checkpoint(source):
            checkpoint.convert(source, folder, told)
        else:
            gguf.convert(source / "model.gguf" if source.is_dir() else source, folder, told)
    return local.load(folder, name=name, threads=config.threads, device=config.device)


def with_common_replies(model: LanguageModel, personas: Sequence[Persona], store: Store) -> LanguageModel:
    """Let a model's replies to common questions of these domains be kept. Raises WeightsError.

    What is asked under other instructions is kept with the first domain's.

    Their text is the same for every way to run the same weights; keys and values in another number format are
    left alone.
    """
    from assistant.replies_command import folder_of
    from llm.remembering import RememberingModel
    from llm.replies import CommonReplies, digest

    encoder, first = load_sentence_encoder(store), folder_of(personas[0].name)
    folders = {persona.prompt: folder_of(persona.name) for persona in personas}
    return RememberingModel(
        model,
        lambda system: CommonReplies(
            folders.get(system, first), model=model.name, prompt=digest(system), encoder=encoder
        ),
    )


def load_sentence_encoder(store: Store) -> SentenceEncoder:
    """Load what compares questions, its weights fetched when missing. Raises WeightsError."""
    from llm.embedding import SentenceEncoder

    return SentenceEncoder(_located("minilm-l6", store))


def with_consultations(
    config: EngineConfig, model: LanguageModel, personas: Sequence[Persona], store: Store
) -> LanguageModel:
    """Let a model advise in these domains, as far as they have something to look up. Raises WeightsError."""
    from assistant.advised import AdvisedModel
    from llm.threads import computing_with

    with computing_with(config.threads):  # the first time, for a minute; the models before left this at 1
        consultations = {
            persona.prompt: load_consultation(persona, store)
            for persona in personas
            if persona.entries or persona.safety.flags
        }
    return AdvisedModel(model, consultations) if consultations else model


def load_consultation(persona: Persona, store: Store) -> Consultation:
    """Make a domain's knowledge ready for questions; the encoder's weights are fetched when missing.

    Raises WeightsError.
    """
    from assistant.consultation import Consultation
    from assistant.kept_classifiers import FOLDER, KeptClassifiers
    from assistant.kept_vectors import FOLDER as VECTORS
    from assistant.kept_vectors import KeptVectors

    encoder = load_multilingual_encoder(store)
    return Consultation(
        persona,
        encoder,
        KeptClassifiers(store.home / FOLDER / MULTILINGUAL),
        KeptVectors(encoder, store.home / VECTORS / MULTILINGUAL),
    )


def load_multilingual_encoder(store: Store) -> MultilingualEncoder:
    """Load what compares knowledge with questions; all domains share it. Raises WeightsError."""
    return _multilingual(_located(MULTILINGUAL, store))


@cache
def _multilingual(folder: Path) -> MultilingualEncoder:
    from llm.multilingual_embedding import MultilingualEncoder

    return MultilingualEncoder(folder)


def load_recognizer(config: EngineConfig, store: Store, hot_words: tuple[str, ...] = ()) -> WhisperRecognizer:
    """Load speech recognition, its weights fetched when missing. Raises WeightsError or AsrError.

    `hot_words`: names and terms to expect.
    """
    from asr.whisper import WhisperRecognizer

    language = None if config.language == "auto" else config.language
    folder = _located(config.asr, store)
    return WhisperRecognizer(
        folder, device=config.device, threads=config.threads, language=language, hot_words=hot_words
    )


def load_voice_detector(store: Store) -> VoiceDetector:
    """Make one conversation's voice detector; all of them share the loaded weights."""
    from asr.vad import VoiceDetector

    return VoiceDetector(_silero(_located("silero-vad", store) / "model.onnx").fork())


@cache
def _silero(model: Path) -> SileroVad:
    from asr.vad import SileroVad

    return SileroVad(model)


def load_end_of_turn(store: Store) -> SmartTurn:
    """Load the end-of-turn model. It runs beside the recognizer, so one thread is its share."""
    from asr.endpoint import SmartTurn

    return SmartTurn(_located("smart-turn-v3.2", store) / "model.onnx")


def load_synthesizer(config: EngineConfig, store: Store) -> Synthesizer:
    """Load the voice, its weights fetched when missing. Raises WeightsError, ConfigError or TtsError."""
    voice = voices.load(config.voice, store, threads=config.threads, device=config.device)
    if voice.sample_rate_hz == VOICE_RATE_HZ:
        return voice
    from tts.resampled import Resampled

    return Resampled(voice, VOICE_RATE_HZ)


def further_voices(config: EngineConfig, names: Sequence[str], store: Store) -> dict[str, FurtherVoice]:
    """Prepare voices that may speak beside the config's own, by the names that clients use.

    Raises WeightsError and ConfigError, also when two would have one name.
    """
    found: dict[str, FurtherVoice] = {}
    for voice in names:
        voices.prepare(voice, store)
        name = voices.voice_choice(voice).name
        if name in found or name == voices.voice_choice(config.voice).name:
            raise ConfigError(f"two voices have the name {name!r}; clients could not tell them apart")
        load = partial(load_synthesizer, replace(config, voice=voice), store)
        found[name] = FurtherVoice(name, VOICE_RATE_HZ, load)
    return found


def load_voice_or_another(config: EngineConfig, store: Store) -> tuple[Synthesizer, str | None]:
    """Load the voice, or when it fails the next that loads, with which and why: "heart speaks: ...".

    Raises what the voice asked for failed with, when no other loads either.
    """
    try:
        return load_synthesizer(config, store), None
    except Exception as error:  # whatever it is, a conversation in another voice is better than none
        log.exception("the voice %s could not be loaded", config.voice)
        for name in voices.others(config.voice, store):
            try:
                synthesizer = load_synthesizer(replace(config, voice=name), store)
            except Exception:  # as above
                log.exception("nor the voice %s", name)
            else:
                return synthesizer, f"{name} speaks instead of {config.voice}: {error}"
        raise


def _located(name: str, store: Store) -> Path:
    """Return the folder of the weights `name`, fetched when missing, or the path that it is."""
    if not store.knows(name):
        path = Path(name).expanduser()
        if not path.exists():
            raise ConfigError(f"{name!r} is neither a path nor weights of `liushui weights list`")
        return path
    with shown_progress() as progress:
        return store.path(name, progress)
