"""A voice beside the service's own: a conversation may choose it, and it takes memory once one has."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from assistant.workers import Worker
from tts.engine import Speech, Synthesizer, parts


class FurtherVoice:
    """A `StreamingSynthesizer` that is loaded when it is first wanted. All calls run in its own thread.

    What fails to load raises as `load` does, and is tried again by the next call.
    """

    def __init__(self, name: str, sample_rate_hz: int, load: Callable[[], Synthesizer]) -> None:
        self.worker = Worker(f"voice {name}")
        self.sample_rate_hz = sample_rate_hz
        self._load = load
        self._voice: Synthesizer | None = None

    @property
    def is_loaded(self) -> bool:
        """Whether it takes memory."""
        return self._voice is not None

    def loaded(self) -> Synthesizer:
        """Return the voice, loaded if it was not yet."""
        if self._voice is None:
            self._voice = self._load()
        return self._voice

    def synthesize(self, text: str, *, rate: float = 1.0) -> Speech:
        """Speak `text`; see `tts.engine.Synthesizer`."""
        return self.loaded().synthesize(text, rate=rate)

    def stream(self, text: str, *, rate: float = 1.0) -> Iterator[Speech]:
        """Speak `text` part by part, where the voice can; see `tts.engine.StreamingSynthesizer`."""
        yield from parts(self.loaded(), text, rate)
