"""What can go wrong between text and speech.

TtsError
├── VoiceUnavailable   the voice could not be loaded: a file is missing, damaged or of another make
├── UnspeakableText    the text is in a script that this voice cannot pronounce
├── UnsupportedRate    the speaking rate is out of the range the voice can do
└── SynthesisFailed    the model failed on this text; the next text may work
"""

from __future__ import annotations


class TtsError(Exception):
    """Anything the voice can say in one line: what was wrong, and what to do."""


class VoiceUnavailable(TtsError):
    """The voice could not be loaded."""


class UnspeakableText(TtsError):
    """The text is in a script that this voice cannot pronounce."""


class UnsupportedRate(TtsError):
    """The speaking rate is out of the range the voice can do."""


class SynthesisFailed(TtsError):
    """The model failed on this text."""
