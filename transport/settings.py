"""The settings of one session: their defaults, their ranges and their shape on the wire."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from transport.audio_formats import AudioFormat
from transport.errors import InvalidSettingError
from transport.tools import FunctionTool, ToolChoice

Modality = Literal["audio", "text"]
TurnDetectionType = Literal["server_vad", "semantic_vad"]
Eagerness = Literal["low", "medium", "high", "auto"]

MAX_OUTPUT_TOKENS = 4096  # the range OpenAI documents for max_output_tokens


@dataclass(frozen=True, slots=True)
class TurnDetection:
    """When the server takes the turn by itself.

    `silence_duration_ms` None lets the server judge what a pause means; a number is the client's own wish.
    """

    type: TurnDetectionType = "semantic_vad"
    threshold: float = 0.5
    prefix_padding_ms: int = 300
    silence_duration_ms: int | None = None
    eagerness: Eagerness = "auto"
    create_response: bool = True
    interrupt_response: bool = True
    idle_timeout_ms: int | None = (
        None  # silence after an answer that lets the assistant speak up; None: never
    )

    def __post_init__(self) -> None:
        where = "audio.input.turn_detection"
        _within(f"{where}.threshold", self.threshold, 0.0, 1.0)
        _within(f"{where}.prefix_padding_ms", self.prefix_padding_ms, 0, 5_000)
        if self.idle_timeout_ms is not None:
            _within(f"{where}.idle_timeout_ms", self.idle_timeout_ms, 5_000, 30_000)  # OpenAI's range
        # 10 s of silence is no pause any more; who never wants the turn taken sends turn_detection null.
        _within(f"{where}.silence_duration_ms", self.silence_duration_ms or 0, 0, 10_000)

    def on_wire(self) -> dict[str, object]:
        """Return the API's object, which differs between the two types."""
        shared: dict[str, object] = {
            "type": self.type,
            "create_response": self.create_response,
            "interrupt_response": self.interrupt_response,
        }
        if self.type == "semantic_vad":
            return shared | {"eagerness": self.eagerness}
        return shared | {
            "threshold": self.threshold,
            "prefix_padding_ms": self.prefix_padding_ms,
            "silence_duration_ms": self.silence_duration_ms,
            "idle_timeout_ms": self.idle_timeout_ms,
        }


@dataclass(frozen=True, slots=True)
class Transcription:
    """How the user's speech is shown as text; a None field is the server's choice."""

    model: str | None = None
    language: str | None = None

    def on_wire(self) -> dict[str, object]:
        """Return the API's object."""
        return {"model": self.model, "language": self.language}


@dataclass(frozen=True, slots=True)
class SessionSettings:
    """The whole effective settings of a session; raises `InvalidSettingError` when one is out of its range.

    `speed` None lets the server find the listener's pace; a number is the client's own wish.

    `turn_detection` None leaves turns to the client's commits; `transcription` None sends no transcripts of
    the user. `voices` and `languages` are what the client may ask for; empty: nobody minds.
    """

    instructions: str = ""
    modality: Modality = "audio"
    voice: str = "default"
    speed: float | None = None
    input_format: AudioFormat = AudioFormat.PCM
    output_format: AudioFormat = AudioFormat.PCM
    turn_detection: TurnDetection | None = field(default_factory=TurnDetection)
    transcription: Transcription | None = field(default_factory=Transcription)
    max_output_tokens: int | None = None  # None: the model's own limit
    tools: tuple[FunctionTool, ...] = ()
    tool_choice: ToolChoice = field(default_factory=ToolChoice)
    voices: tuple[str, ...] = ()  # of the service, its own first
    languages: tuple[str, ...] = ()  # that it recognises

    def __post_init__(self) -> None:
        if self.speed is not None:
            _within("audio.output.speed", self.speed, 0.25, 1.5)  # OpenAI's range
        if self.max_output_tokens is not None:
            _within("max_output_tokens", self.max_output_tokens, 1, MAX_OUTPUT_TOKENS)

    @property
    def language(self) -> str | None:
        """What the user speaks, by the client's word; None: the service's own choice."""
        return self.transcription.language if self.transcription else None

    def on_wire(self) -> dict[str, object]:
        """Return the API's session object, without the session's own id and model."""
        return {
            "type": "realtime",
            "output_modalities": [self.modality],
            "instructions": self.instructions,
            "max_output_tokens": self.max_output_tokens or "inf",
            "tools": [tool.on_wire() for tool in self.tools],
            "tool_choice": self.tool_choice.on_wire(),
            "audio": {
                "input": {
                    "format": _format_on_wire(self.input_format),
                    "noise_reduction": None,
                    "transcription": self.transcription and self.transcription.on_wire(),
                    "turn_detection": self.turn_detection and self.turn_detection.on_wire(),
                },
                "output": {**self.output_on_wire(), "speed": 1.0 if self.speed is None else self.speed},
            },
        }

    def output_on_wire(self) -> dict[str, object]:
        """Return what a response says of its own audio: format and voice."""
        return {"format": _format_on_wire(self.output_format), "voice": self.voice}


def _format_on_wire(audio_format: AudioFormat) -> dict[str, object]:
    if audio_format is AudioFormat.PCM:
        return {"type": audio_format.value, "rate": audio_format.sample_rate_hz}
    return {"type": audio_format.value}


def _within(field_path: str, value: float, low: float, high: float) -> None:
    if not low <= value <= high:
        raise InvalidSettingError(field_path, f"is {value:g}: send {low:g} to {high:g}")
