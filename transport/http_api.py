"""The paths under /v1 beside the sessions, for what the service computes."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from transport.chat_completions import ChatCompletions, Complete
from transport.domains import Domains
from transport.errors import RefusedError
from transport.limits import Limits
from transport.models import Models
from transport.rest import Endpoint, endpoint
from transport.speech import Speak, Speech
from transport.transcriptions import Transcribe, Transcriptions


@dataclass(frozen=True, slots=True)
class HttpApi:
    """What is computed for requests over HTTP; None: the service cannot."""

    models: tuple[str, ...]  # the language model's name first
    complete: Complete
    speak: Speak | None
    transcribe: Transcribe | None
    voices: tuple[str, ...] = ()  # names that may be asked for, the service's own first

    def routes(self, limits: Limits, domains: Domains) -> list[Route]:
        """The paths; each kind of computation has its own queue."""
        models = Models(self.models)
        completions = ChatCompletions(self.complete, self.models[0], limits, domains)
        speak = Speech(self.speak, limits, self.voices).create if self.speak else _absent("voice")
        transcribe = (
            Transcriptions(self.transcribe, limits).create if self.transcribe else _absent("recognizer")
        )
        return [
            Route("/v1/models", endpoint(models.list)),
            Route("/v1/models/{model:path}", endpoint(models.retrieve)),
            _post("/v1/chat/completions", completions.create),
            _post("/v1/audio/speech", speak),
            _post("/v1/audio/transcriptions", transcribe),
        ]


def _post(path: str, respond: Endpoint) -> Route:
    return Route(path, endpoint(respond), methods=["POST"])


def _absent(engine: str) -> Endpoint:
    async def refuse(_: Request) -> Response:
        raise RefusedError(503, f"the service runs without a {engine}", code="engine_unavailable")

    return refuse
