"""How a client's `session` object merges into the settings: what it leaves out stays as it is."""

from __future__ import annotations

from dataclasses import replace
from typing import TypeVar, get_args

from transport.audio_formats import AudioFormat
from transport.errors import InvalidSettingError, RejectedEventError
from transport.fields import Fields
from transport.settings import (
    MAX_OUTPUT_TOKENS,
    Eagerness,
    Modality,
    SessionSettings,
    Transcription,
    TurnDetection,
    TurnDetectionType,
)
from transport.tools import check_choice, read_tool_choice, read_tools

T = TypeVar("T")

# The context window of OpenAI's realtime models: 32k tokens of about 4 characters; more could not matter.
MAX_TEXT_CHARS = 131_072
MAX_NAME_CHARS = 512  # ids, voices, languages: OpenAI's own bound for an event_id
# OpenAI's own, of which its clients name one because they must: here the service's own voice speaks for each.
OPENAI_VOICES = frozenset({
    "alloy", "ash", "ballad", "cedar", "coral", "echo", "fable", "marin", "nova", "onyx", "sage", "shimmer",
    "verse",
})  # fmt: skip

# Known to the API and accepted, so that unmodified clients connect; none of them changes what a reply says.
_WITHOUT_EFFECT = (
    "model",
    "include",
    "parallel_tool_calls",
    "reasoning",
    "tracing",
    "truncation",
)
_SESSION = ("type", "audio", "instructions", "max_output_tokens", "output_modalities", "prompt")
_TOOLS = ("tools", "tool_choice")
_INPUT = ("format", "noise_reduction", "transcription", "turn_detection")
_OUTPUT = ("format", "speed", "voice")
_SERVER_VAD = ("idle_timeout_ms", "prefix_padding_ms", "silence_duration_ms", "threshold")
_TURN_DETECTION = ("type", "create_response", "eagerness", "interrupt_response", *_SERVER_VAD)
_TRANSCRIPTION = ("delay", "keywords", "language", "languages", "model", "prompt")
_FORMATS: tuple[AudioFormat, ...] = tuple(AudioFormat)
_TURN_TYPES: tuple[TurnDetectionType, ...] = get_args(TurnDetectionType)
_EAGERNESS: tuple[Eagerness, ...] = get_args(Eagerness)


def merged(settings: SessionSettings, session: Fields) -> SessionSettings:
    """Return the settings with the client's `session` object merged in.

    Null means unchanged, except that turn_detection and transcription are turned off by it, and that speed
    is the service's own again.
    Raises `RejectedEventError` naming the first field at fault; then nothing has changed.
    """
    session.only(_SESSION + _TOOLS + _WITHOUT_EFFECT)
    session.choice("type", ("realtime",))
    session.unsupported("prompt", "stored prompts are OpenAI's; send the text as instructions")
    session.nested("audio").only(("input", "output"))
    audio_in, audio_out = session.nested("audio", "input"), session.nested("audio", "output")
    audio_in.only(_INPUT)
    audio_out.only(_OUTPUT)
    tools = _or(read_tools(session), settings.tools)
    tool_choice = _or(read_tool_choice(session), settings.tool_choice)
    check_choice(session, tools, tool_choice)
    try:
        return replace(
            settings,
            instructions=_or(session.text("instructions", longest=MAX_TEXT_CHARS), settings.instructions),
            modality=read_modality(session) or settings.modality,
            voice=read_voice(audio_out, settings.voices) or settings.voice,
            speed=audio_out.number("speed") if audio_out.holds("speed") else settings.speed,
            input_format=read_format(audio_in) or settings.input_format,
            output_format=read_format(audio_out) or settings.output_format,
            turn_detection=_read_turn_detection(audio_in, settings.turn_detection),
            transcription=_read_transcription(audio_in, settings),
            max_output_tokens=read_max_output_tokens(session, settings.max_output_tokens),
            tools=tools,
            tool_choice=tool_choice,
        )
    except InvalidSettingError as error:
        raise RejectedEventError(f"session.{error}", param=f"session.{error.field}") from error


def read_modality(fields: Fields) -> Modality | None:
    """Return the one output modality asked for, or None; audio brings its transcript with it."""
    asked = fields.items("output_modalities")
    if asked is None:
        return None
    if asked == ["audio"]:
        return "audio"
    if asked == ["text"]:
        return "text"
    raise fields.rejected(
        "output_modalities", 'asks for neither ["audio"] nor ["text"]: send one of these two'
    )


def read_max_output_tokens(fields: Fields, current: int | None) -> int | None:
    """Return the limit asked for, None for "inf", or the current one when the client left it out."""
    if fields.value("max_output_tokens") == "inf":
        return None
    limit = fields.integer("max_output_tokens")
    if limit is not None and not 1 <= limit <= MAX_OUTPUT_TOKENS:
        raise fields.rejected("max_output_tokens", f'is {limit}: send 1 to {MAX_OUTPUT_TOKENS}, or "inf"')
    return _or(limit, current)


def read_format(channel: Fields) -> AudioFormat | None:
    """Return the audio format asked for, None when the client left it out."""
    asked = channel.object("format")
    if asked is None:
        return None
    asked.only(("type", "rate"))
    audio_format = AudioFormat(asked.required("type", asked.choice("type", _FORMATS)))
    rate_hz = asked.integer("rate")
    if rate_hz not in (None, audio_format.sample_rate_hz):
        raise asked.rejected(
            "rate", f"is {rate_hz}: {audio_format} is always {audio_format.sample_rate_hz} Hz here"
        )
    return audio_format


def read_voice(channel: Fields, voices: tuple[str, ...]) -> str | None:
    """Return the voice asked for, None when the client left it out; any, where `voices` are not known."""
    if isinstance(channel.value("voice"), dict):
        asked = channel.nested("voice").text("id", longest=MAX_NAME_CHARS)
    else:
        asked = channel.text("voice", longest=MAX_NAME_CHARS)
    if asked is None or not voices or asked in voices:
        return asked
    if asked in OPENAI_VOICES:
        return voices[0]
    raise channel.rejected("voice", f"is {asked!r}: this service speaks as {', '.join(voices)}")


def _read_turn_detection(channel: Fields, current: TurnDetection | None) -> TurnDetection | None:
    if not channel.holds("turn_detection"):
        return current
    asked = channel.object("turn_detection")
    if asked is None:
        return None
    asked.only(_TURN_DETECTION)
    kind = asked.choice("type", _TURN_TYPES)
    if kind is None:
        raise asked.missing("type")
    if kind != "server_vad":
        asked.unsupported("idle_timeout_ms", "only server_vad has it, as at OpenAI")
    before = current if current and current.type == kind else TurnDetection(type=kind)
    return replace(
        before,
        threshold=_or(asked.number("threshold"), before.threshold),
        prefix_padding_ms=_or(asked.integer("prefix_padding_ms"), before.prefix_padding_ms),
        silence_duration_ms=_or(asked.integer("silence_duration_ms"), before.silence_duration_ms),
        eagerness=_or(asked.choice("eagerness", _EAGERNESS), before.eagerness),
        create_response=_or(asked.flag("create_response"), before.create_response),
        interrupt_response=_or(asked.flag("interrupt_response"), before.interrupt_response),
        idle_timeout_ms=(
            asked.integer("idle_timeout_ms") if asked.holds("idle_timeout_ms") else before.idle_timeout_ms
        ),
    )


def _read_transcription(channel: Fields, settings: SessionSettings) -> Transcription | None:
    if not channel.holds("transcription"):
        return settings.transcription
    asked = channel.object("transcription")
    if asked is None:
        return None
    asked.only(_TRANSCRIPTION)
    language = asked.text("language", longest=MAX_NAME_CHARS)
    if language is not None and settings.languages and language not in settings.languages:
        raise asked.rejected(
            "language", f"is {language!r}: this service recognises {', '.join(settings.languages)}"
        )
    return Transcription(model=asked.text("model", longest=MAX_NAME_CHARS), language=language)


def _or(value: T | None, current: T) -> T:
    """Return the value, or the current one when the client sent none."""
    return current if value is None else value
