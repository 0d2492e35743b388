"""The service: loads the engines once, and gives every connection a session."""

from __future__ import annotations

import logging
from argparse import Namespace
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractContextManager, asynccontextmanager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from starlette.applications import Starlette

from assistant import engines as loading
from assistant.completion import Completion
from assistant.engines import EngineConfig
from assistant.loaded import Engines, Hearing
from assistant.offer import common_settings, offered, own_voice
from assistant.pace_store import FOLDER, PaceStore
from assistant.persona import Persona, load_personas
from assistant.progress import shown_step
from assistant.reporting import SILENT, Reporting, begin_logging, reporting
from assistant.service_config import ServiceConfig, config_from
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
from transport.http_api import HttpApi
from transport.server import serving

log = logging.getLogger(__name__)

CHINESE = ("zh", "auto")  # languages in which an answer may be Chinese

T = TypeVar("T")
Step = Callable[[str], AbstractContextManager[None]]  # shows a step of some seconds


def load_engines(config: ServiceConfig, store: Store, step: Step = lambda what: nullcontext()) -> Engines:
    """Load what the config names. Audio engines that fail leave the service in text mode, with the reason."""
    further = {} if config.text_only else loading.further_voices(config.engines, config.voices, store)
    personas = load_personas(config.domains)
    with step("loading the language model"):
        model = loading.load_language_model(config.engines, store)
        if config.common_replies:
            model = loading.with_common_replies(model, personas, store)
    with step("reading the domains"):
        model = loading.with_consultations(config.engines, model, personas, store)
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
