"""What a service offers its clients to choose among: who speaks, and what is understood."""

from __future__ import annotations

from asr.engine import Multilingual
from assistant.loaded import ANY_LANGUAGE, Engines
from assistant.service_config import ServiceConfig
from assistant.voices import voice_choice
from transport.choices import Choices, VoiceChoice
from transport.settings import SessionSettings

# The page's own languages. The recognizer knows more, and clients may name them; to those the language model
# answers as well as it can.
PICKED_LANGUAGES = ("en", "zh", ANY_LANGUAGE)


def offered(config: ServiceConfig, engines: Engines) -> Choices:
    """What the page's user may pick; the first of each is the service's own."""
    return Choices(
        domains=tuple(each.name for each in engines.personas_of(config.domains)),
        voices=_voices(config, engines),
        languages=_languages(config, engines),
        audio=engines.hearing is not None and engines.synthesizer is not None,
    )


def common_settings(choices: Choices, engines: Engines) -> SessionSettings:
    """What every session begins with, and may ask for."""
    voices = tuple(voice.name for voice in choices.voices)
    languages = choices.languages
    if engines.hearing is not None and isinstance(engines.hearing.recognizer, Multilingual):
        languages = (*engines.hearing.recognizer.languages, ANY_LANGUAGE)
    if not voices:
        return SessionSettings(languages=languages)
    return SessionSettings(voice=voices[0], voices=voices, languages=languages)


def own_voice(config: ServiceConfig, engines: Engines) -> VoiceChoice:
    """Who speaks unless a client chooses; `other_voice` begins with the name of who had to step in."""
    return voice_choice(engines.other_voice.split()[0] if engines.other_voice else config.engines.voice)


def _voices(config: ServiceConfig, engines: Engines) -> tuple[VoiceChoice, ...]:
    if engines.synthesizer is None:
        return ()
    own = own_voice(config, engines)
    return (own, *(voice for each in config.voices if (voice := voice_choice(each)).name != own.name))


def _languages(config: ServiceConfig, engines: Engines) -> tuple[str, ...]:
    if engines.hearing is None:
        return ()
    own = config.engines.language
    if not isinstance(engines.hearing.recognizer, Multilingual):
        return (own,)
    return tuple(dict.fromkeys((own, *PICKED_LANGUAGES)))
