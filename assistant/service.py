"""The service: loads the engines once, and gives every connection a session."""

from __future__ import annotations

import logging
import os
from argparse import Namespace
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractContextManager, asynccontextmanager, nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeVar

from starlette.applications import Starlette

from assistant import engines as loading
from assistant.arguments import DEFAULT_DOMAIN, DEFAULT_VOICE, KEYS_VARIABLE
from assistant.completion import Completion
from assistant.engines import EngineConfig
from assistant.errors import ConfigError
from assistant.loaded import Engines, Hearing
from assistant.offer import common_settings, offered, own_voice
from assistant.pace_store import FOLDER, PaceStore
from assistant.persona import Persona, load_personas
from assistant.progress import shown_step
from assistant.reporting import SILENT, Reporting, ReportingConfig, begin_logging, reporting
from assistant.reporting import config_from as reporting_from
from assistant.session import Session
from assistant.speech_files import SpeechFiles
from assistant.transcription import Transcription
from assistant.turn_policy import TurnPolicy
from assistant.turn_report import Setting
from assistant.weights import Store, default_home
from llm import words_zh
from transport import server
from transport.app import create_app
from transport.connection import Connection
from transport.domains import Domain
from transport.errors import InvalidKeyError, InvalidOriginError
from transport.http2 import Certificate
from transport.http_api import HttpApi
from transport.keys import ApiKeys
from transport.limits import Limits
from transport.origins import Origins
from transport.server import serving

log = logging.getLogger(__name__)

CHINESE = ("zh", "auto")  # languages in which an answer may be Chinese

T = TypeVar("T")
Step = Callable[[str], AbstractContextManager[None]]  # shows a step of some seconds


@dataclass(frozen=True, slots=True)
class ServiceConfig:
    """What a service is started with."""

    host: str = "127.0.0.1"
    port: int = 8765  # 0: any free one
    domains: tuple[str, ...] = (
        DEFAULT_DOMAIN,
    )  # folders in samples/, or paths; the first for who chooses none
    voices: tuple[str, ...] = ()  # that clients may choose beside the engines' own
    text_only: bool = False  # load no audio engines
    common_replies: bool = False  # keep replies to questions that were asked twice, on disk
    barge_in_words: int = 1  # that it takes to interrupt an answer
    keys: ApiKeys = field(default_factory=ApiKeys)  # none: the service is open
    origins: Origins = field(default_factory=Origins)  # of web pages that may use it, beside its own
    tls: Certificate | None = None  # None: plain HTTP/1.1
    limits: Limits = field(default_factory=Limits)
    reporting: ReportingConfig = field(default_factory=ReportingConfig)
    engines: EngineConfig = field(default_factory=EngineConfig)

    def __post_init__(self) -> None:
        if not 0 <= self.port <= 65535:
            raise ConfigError(f"port is {self.port}; use 0 (any free one) to 65535")
        if not self.domains:
            raise ConfigError("there is no domain; name at least one")
        if self.barge_in_words < 1:
            raise ConfigError(f"barge-in-words is {self.barge_in_words}; an interruption has at least 1")


def load_engines(config: ServiceConfig, store: Store, step: Step = lambda what: nullcontext()) -> Engines:
    """Load what the config names. Audio engines that fail leave the service in text mode, with the reason."""
    further = {} if config.text_only else loading.further_voices(config.engines, config.voices, store)
    personas = load_personas(config.domains)
    with step("loading the language model"):
        model = loading.load_language_model(config.engines, store)
        if config.common_replies:
            model = loading.with_common_replies(model, personas, store)
    with step("reading the domains"):
        model = loading.with_consultations(model, personas, store)
        for persona in personas:
            model.chat(persona.prompt).close()  # what all begin with is computed, and kept
        if config.engines.language in CHINESE:
            words_zh.load()  # or the first Chinese answer would wait for it
    if config.text_only:
        return Engines(model, None, None, ("the service was started without audio",), personas=personas)
    failures: list[str] = []
    with step("loading the recognizer"):
        hearing = _unless_it_fails(
            "hearing", lambda: _load_hearing(config.engines, store, personas), failures
        )
    with step("loading the voice"):
        loaded = _unless_it_fails(
            "the voice", lambda: loading.load_voice_or_another(config.engines, store), failures
        )
    synthesizer, other_voice = loaded or (None, None)
    further.pop((other_voice or "").partition(" ")[0], None)  # who stepped in is loaded already
    return Engines(
        model,
        hearing,
        synthesizer,
        tuple(failures),
        other_voice=other_voice,
        paces=PaceStore(store.home / FOLDER),
        further_voices=further,
        personas=personas,
    )


def _load_hearing(config: EngineConfig, store: Store, personas: Sequence[Persona]) -> Hearing:
    recognizer = loading.load_recognizer(config, store, personas[0].lexicon)
    return Hearing(
        recognizer,
        lambda: loading.load_voice_detector(store),
        loading.load_end_of_turn(store),
        lexicons={each.name: recognizer.with_hot_words(each.lexicon) for each in personas},
    )


def _unless_it_fails(what: str, load: Callable[[], T], failures: list[str]) -> T | None:
    try:
        return load()
    except Exception as error:  # whatever it is, the conversation can go on in text, and says why
        log.exception("%s could not be loaded", what)
        failures.append(f"{what} could not be loaded: {error}")
        return None


def application(config: ServiceConfig, engines: Engines, told: Reporting = SILENT) -> Starlette:
    """The ASGI application on these engines, which stay the caller's; `told` is of its conversations."""

    policy = TurnPolicy(barge_in_words=config.barge_in_words)
    personas = engines.personas_of(config.domains)
    choices = offered(config, engines)
    common = common_settings(choices, engines)
    domains = [
        Domain(each.name, each.title, replace(common, instructions=each.prompt), each.lexicon)
        for each in personas
    ]

    async def serve(connection: Connection) -> None:
        domain = connection.protocol.domain
        await Session(connection, engines.of(domain), policy, told.reports.of(domain)).run()

    def health() -> dict[str, object]:
        notes = [engines.other_voice] if engines.other_voice else []
        return {"audio": not engines.failures, "failures": [*engines.failures, *notes]}

    return create_app(
        serve,
        limits=config.limits,
        model=engines.model.name,
        health=health,
        default_settings=domains[0].settings,
        domains=domains,
        keys=config.keys,
        origins=config.origins,
        http_api=_http_api(config.engines, engines, common.voices, told),
        metrics=told.metrics,
        choices=choices,
    )


def _reporting(config: ServiceConfig, engines: Engines) -> AbstractContextManager[Reporting]:
    setting = Setting(
        engines.personas_of(config.domains)[0].name,
        engines.model.name,
        Path(config.engines.asr).name if engines.hearing else None,
        own_voice(config, engines).name if engines.synthesizer else None,
    )
    return reporting(config.reporting, setting, default_home(), engines.busy_s)


def _http_api(config: EngineConfig, engines: Engines, voices: tuple[str, ...], told: Reporting) -> HttpApi:
    """What is computed for single requests over HTTP, on the same engines."""
    hearing = engines.hearing
    names = [engines.model.name]
    names += [Path(config.asr).name] if hearing else []
    names += voices
    return HttpApi(
        models=tuple(names),
        complete=Completion(engines, told.reports),
        speak=SpeechFiles(engines.speaker) if engines.synthesizer else None,
        transcribe=Transcription(hearing) if hearing else None,
        voices=voices,
    )


@asynccontextmanager
async def running(config: ServiceConfig, engines: Engines) -> AsyncIterator[str]:
    """Serve inside this program until the block ends; yields the URL of /v1/realtime."""
    with _reporting(config, engines) as told:
        app = application(config, engines, told)
        async with serving(app, config.host, config.port, config.tls) as url:
            yield url


def run(args: Namespace) -> None:
    """`liushui serve`: until interrupted."""
    config = config_from(args)
    begin_logging(config.reporting)
    engines = load_engines(config, Store(), shown_step)
    for failure in engines.failures:
        print(f"text only: {failure}")
    if engines.other_voice:
        print(f"another voice: {engines.other_voice}")
    if config.reporting.record:
        days = config.reporting.record_days
        print(f"conversations are recorded, for {days} days: see `liushui sessions list`")
    try:
        with _reporting(config, engines) as told:
            at, s = f"{config.host}:{config.port}", "s" if config.tls else ""
            print(
                f"the page: http{s}://{at}/\nclients:  ws{s}://{at}/v1/realtime\nCtrl-C ends it", flush=True
            )
            server.run(
                application(config, engines, told),
                config.host,
                config.port,
                config.tls,
                log_level="warning",
                own_logs=not config.reporting.log_json,
            )
    finally:
        engines.close()


def config_from(args: Namespace) -> ServiceConfig:
    """The configuration that the command line asks for."""
    voices = _several(args, "voices", getattr(args, "voice", DEFAULT_VOICE))
    return ServiceConfig(
        host=getattr(args, "host", "127.0.0.1"),
        port=getattr(args, "port", 0),
        domains=domains_from(args),
        voices=voices[1:],
        text_only=getattr(args, "text_only", False),
        common_replies=getattr(args, "common_replies", False),
        barge_in_words=getattr(args, "barge_in_words", 1),
        keys=_keys_from(args),
        origins=_origins_from(args),
        tls=_tls_from(args),
        limits=Limits(max_sessions_per_key=getattr(args, "sessions_per_key", 8)),
        reporting=reporting_from(args, dict(os.environ)),
        engines=replace(loading.config_from(args), voice=voices[0]),
    )


def domains_from(args: Namespace) -> tuple[str, ...]:
    """The domains that the command line names: several, one, or the default."""
    return _several(args, "domain", DEFAULT_DOMAIN)


def _several(args: Namespace, option: str, default: str) -> tuple[str, ...]:
    """What an option names that may be there more than once, or not."""
    named = getattr(args, option, None) or default
    return (named,) if isinstance(named, str) else tuple(dict.fromkeys(named))


def _keys_from(args: Namespace) -> ApiKeys:
    """The keys in the file that was named, or else in the environment. Raises ConfigError."""
    file: Path | None = getattr(args, "api_key_file", None)
    given = os.environ.get(KEYS_VARIABLE) if file is None else file.read_text(encoding="utf-8")
    try:
        return ApiKeys() if given is None else ApiKeys.read(given)
    except InvalidKeyError as error:
        raise ConfigError(f"{KEYS_VARIABLE if file is None else file}: {error}") from error


def _origins_from(args: Namespace) -> Origins:
    try:
        return Origins(getattr(args, "allow_origin", ()))
    except InvalidOriginError as error:
        raise ConfigError(f"allow-origin: {error}") from error


def _tls_from(args: Namespace) -> Certificate | None:
    certificate, key = getattr(args, "tls_cert", None), getattr(args, "tls_key", None)
    if certificate is None and key is None:
        return None
    if certificate is None or key is None:
        raise ConfigError("TLS needs both --tls-cert and --tls-key")
    for file in (certificate, key):
        if not file.is_file():
            raise ConfigError(f"there is no file {file}")
    return Certificate(certificate, key)
