"""What a service is started with: its configuration, and what a command line makes of it."""

from __future__ import annotations

import os
from argparse import Namespace
from dataclasses import dataclass, field, replace
from pathlib import Path

from assistant import engines as loading
from assistant.arguments import DEFAULT_DOMAIN, DEFAULT_VOICE, KEYS_VARIABLE
from assistant.engines import EngineConfig
from assistant.errors import ConfigError
from assistant.reporting import ReportingConfig
from assistant.reporting import config_from as reporting_from
from transport.errors import InvalidKeyError, InvalidOriginError
from transport.http2 import Certificate
from transport.keys import ApiKeys
from transport.limits import Limits
from transport.origins import Origins


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
