"""What can go wrong while listening.

AsrError
├── BadAudio            samples are not finite mono float32
├── ModelNotLoaded      weights are missing, damaged, or unfit for the device
├── NotAudio            a file holds no audio that can be decoded
├── Outdated            a reading was given up, for a later one says more
└── UnknownLanguage     Whisper has no such language
"""

from __future__ import annotations


class AsrError(Exception):
    """Anything this package raises on purpose."""


class BadAudio(AsrError):
    """Samples are not finite mono float32."""


class ModelNotLoaded(AsrError):
    """Weights are missing, damaged, or unfit for the device."""


class NotAudio(AsrError):
    """A file holds no audio that can be decoded."""


class Outdated(AsrError):
    """A reading was given up, for a later one says more."""


class UnknownLanguage(AsrError):
    """Whisper has no such language."""
