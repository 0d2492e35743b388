"""`GET /v1/liushui`: what a client may choose among in this service."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import JSONResponse

PACES = (0.8, 1.0, 1.2)  # values of audio.output.speed that sound different, and none of them wrong


@dataclass(frozen=True, slots=True)
class VoiceChoice:
    """A voice, and the languages that it speaks (ISO 639-1)."""

    name: str
    languages: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Choices:
    """What there is; the first of each is what a client gets that asks for nothing."""

    domains: tuple[str, ...] = ()
    voices: tuple[VoiceChoice, ...] = ()
    languages: tuple[str, ...] = ()  # that are recognised: ISO 639-1, or "auto"
    paces: tuple[float, ...] = PACES
    audio: bool = True  # the service hears and speaks

    def on_wire(self) -> dict[str, object]:
        """Return the JSON object."""
        voices = [{"name": voice.name, "languages": [*voice.languages]} for voice in self.voices]
        return {
            "domains": [*self.domains],
            "voices": voices,
            "languages": [*self.languages],
            "paces": [*self.paces],
            "audio": self.audio,
        }

    async def report(self, _: Request) -> JSONResponse:
        """Answer the request."""
        return JSONResponse(self.on_wire())
