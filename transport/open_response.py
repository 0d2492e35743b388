"""The response in progress: its ids, what it has said so far, and its shapes on the wire."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from transport.audio_formats import PCM_RATE_HZ, Samples
from transport.calls import FunctionCall
from transport.encoder import AudioEncoder
from transport.items import ContentType, Item, Status
from transport.response import END_STEPS, EndStatus, Life, Step, next_life
from transport.settings import Modality, SessionSettings


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens a response took: `cached_tokens` of the input were already in the KV cache."""

    input_tokens: int
    output_tokens: int
    cached_tokens: int = 0

    def on_wire(self) -> dict[str, object]:
        """Return the API's object; every token here is a text token."""
        return {
            "total_tokens": self.input_tokens + self.output_tokens,
            "input_tokens": self.input_tokens,
            "output_tokens": self.output_tokens,
            "input_token_details": {"text_tokens": self.input_tokens, "cached_tokens": self.cached_tokens},
            "output_token_details": {"text_tokens": self.output_tokens},
        }


class OpenResponse:
    """One response from its start to its end; it keeps the settings it began with.

    Its output is one message, which begins with the first text or audio, and any number of calls.
    """

    def __init__(
        self,
        response_id: str,
        item_id: str,
        modality: Modality,
        settings: SessionSettings,
        conversation_id: str | None = None,
        metadata: Mapping[str, str] | None = None,
    ) -> None:
        """`item_id`: of the message. `conversation_id` None: the response is out of band."""
        self.id = response_id
        self.item_id = item_id
        self.modality = modality
        self.conversation_id = conversation_id
        self._metadata = metadata
        self._output: list[FunctionCall | None] = []  # in order; None: the message
        self._settings = settings
        self._life = next_life(Life.AWAITED, Step.SPEAK if modality == "audio" else Step.WRITE)
        self._encoder = AudioEncoder(settings.output_format)
        self._pieces: list[str] = []  # bounded by the token limit of a reply
        self._samples_sent = 0  # at 24 kHz

    @property
    def audio_ms(self) -> int:
        """Length of the audio so far, rounded up so that a client may truncate at its very end."""
        return math.ceil(self._samples_sent * 1000 / PCM_RATE_HZ)

    @property
    def text(self) -> str:
        """Everything said or written so far."""
        return "".join(self._pieces)

    @property
    def is_silent(self) -> bool:
        """Whether there is no output yet."""
        return not self._output

    @property
    def has_message(self) -> bool:
        """Whether its message has begun."""
        return None in self._output

    @property
    def message_index(self) -> int:
        """Its place among the outputs, once it has begun."""
        return self._output.index(None)

    def begin_message(self) -> None:
        """The message is the next of the outputs."""
        self._output.append(None)

    def add_call(self, call: FunctionCall) -> int:
        """Take a call and return its place among the outputs; raises `LocalProtocolError` after the end."""
        self._life = next_life(self._life, Step.CALL)
        self._output.append(call)
        return len(self._output) - 1

    def add_text(self, delta: str) -> None:
        """Take more of the text; raises `LocalProtocolError` after the end."""
        self._life = next_life(self._life, Step.TEXT)
        self._pieces.append(delta)

    def add_audio(self, samples: Samples) -> str:
        """Take more 24 kHz samples, return the base64 that is ready; raises `LocalProtocolError` in text."""
        self.count_audio(samples)
        return self._encoder.encode(samples)

    def count_audio(self, samples: Samples) -> None:
        """Take more 24 kHz samples that leave as they are; raises `LocalProtocolError` in text."""
        self._life = next_life(self._life, Step.AUDIO)
        self._samples_sent += len(samples)

    def end(self, status: EndStatus) -> str:
        """End the response and return the base64 still in the encoder, which only a completed one plays."""
        self._life = next_life(self._life, END_STEPS[status])
        return self._encoder.finish() if status == "completed" else ""

    def place(self) -> dict[str, object]:
        """Return where every event about the message's one content part says it belongs."""
        place: dict[str, object] = {"response_id": self.id, "item_id": self.item_id}
        return place | {"output_index": self.message_index, "content_index": 0}

    def part(self, text: str) -> dict[str, object]:
        """Return the content part, whose type names on the wire differ from those inside an item."""
        if self.modality == "audio":
            return {"type": "audio", "transcript": text}
        return {"type": "text", "text": text}

    def item(self, status: Status, text: str) -> Item:
        """Return the conversation item this response writes."""
        content: ContentType = "output_audio" if self.modality == "audio" else "output_text"
        return Item(self.item_id, "assistant", content, text, status, self.audio_ms)

    def on_wire(
        self,
        status: str,
        *,
        details: dict[str, object] | None = None,
        message: Item | None = None,
        usage: Usage | None = None,
    ) -> dict[str, object]:
        """Return the API's response object, with its output once the `message`, if there is one, is done."""
        output = (message if call is None else call for call in self._output)
        return {
            "id": self.id,
            "object": "realtime.response",
            "status": status,
            "status_details": details,
            "output": [item.on_wire() for item in output if item is not None],
            "conversation_id": self.conversation_id,
            "output_modalities": [self.modality],
            "max_output_tokens": self._settings.max_output_tokens or "inf",
            "audio": {"output": self._settings.output_on_wire()},
            "usage": usage and usage.on_wire(),
            "metadata": self._metadata and dict(self._metadata),
        }


def status_details(status: EndStatus, reason: str | None) -> dict[str, object] | None:
    """Return why a response ended as it did, in the API's shape; a completed one needs no reason."""
    if status == "completed":
        return None
    if status == "failed":
        return {"type": status, "error": {"type": "server_error", "code": "server_error", "message": reason}}
    return {"type": status, "reason": reason}
