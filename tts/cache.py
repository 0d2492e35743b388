"""Speech that recurs is made once: what two conversations had to say alike is kept, in memory, within bounds.

Whoever measures how soon a phrase sounds could tell that it was said before, so it matters whose words are
kept. A text is kept when a second conversation asks for it, and only a short one without digits; of a text
that one conversation asked for, however often, only a keyed digest is remembered. What remains to be told
from the time is that some other conversation, nobody knows whose, had the very same short phrase.
"""

from __future__ import annotations

import hashlib
import secrets
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, field
from threading import Lock

from tts.engine import Speech, StreamingSynthesizer, Synthesizer

MOST_BYTES = 64 << 20  # 11 minutes at 24 kHz
MOST_ONCE = 8192  # texts remembered for having been asked for once
LONGEST = 80  # characters: a sentence or the first phrase of one
WORD_BYTES = 200  # of a `SpokenWord`


@dataclass(frozen=True, slots=True)
class CacheStatistics:
    """What a cache did so far."""

    hits: int = 0
    misses: int = 0  # texts that are not worth keeping included
    kept: int = 0  # texts at present
    kept_bytes: int = 0
    saved_s: float = 0.0  # of audio that was not made again


Parts = tuple[Speech, ...]  # of one text, in order
Key = tuple[int, str, float, bool]  # voice, text, speaking rate; whether part by part


@dataclass(eq=False, slots=True)
class SpeechCache:
    """What a service keeps for all conversations, the least recently used going first. Thread-safe."""

    most_bytes: int = MOST_BYTES
    _lock: Lock = field(default_factory=Lock, init=False)  # over all below
    _voices: list[Synthesizer] = field(default_factory=list, init=False)  # a service has a handful
    _kept: OrderedDict[Key, Parts] = field(default_factory=OrderedDict, init=False)
    _once: OrderedDict[bytes, object] = field(default_factory=OrderedDict, init=False)  # digest -> who asked
    _secret: bytes = field(default_factory=lambda: secrets.token_bytes(16), init=False)
    _kept_bytes: int = field(default=0, init=False)
    _hits: int = field(default=0, init=False)
    _misses: int = field(default=0, init=False)
    _saved_s: float = field(default=0.0, init=False)

    def number_of(self, voice: Synthesizer) -> int:
        """What `find` and `offer` know this very voice by."""
        with self._lock:
            for number, known in enumerate(self._voices):
                if known is voice:
                    return number
            self._voices.append(voice)
            return len(self._voices) - 1

    def find(self, key: Key) -> Parts | None:
        """The very speech that was kept; None, when there is none."""
        with self._lock:
            parts = self._kept.get(key)
            if parts is None:
                self._misses += 1
                return None
            self._kept.move_to_end(key)
            self._hits += 1
            self._saved_s += sum(len(part.audio) / part.sample_rate_hz for part in parts)
            return parts

    def offer(self, key: Key, parts: Parts, asker: object) -> None:
        """Keep a speech that was made, if another `asker` asked for it before."""
        size_bytes = _size_bytes(parts)
        if not worth_keeping(key[1]) or size_bytes > self.most_bytes:
            return
        digest = hashlib.blake2b(repr(key).encode(), key=self._secret).digest()
        with self._lock:
            if key in self._kept or self._is_first(digest, asker):
                return
            for part in parts:
                part.audio.flags.writeable = False  # many conversations will play it
            self._kept[key] = parts
            self._kept_bytes += size_bytes
            while self._kept_bytes > self.most_bytes:
                _, oldest = self._kept.popitem(last=False)
                self._kept_bytes -= _size_bytes(oldest)

    def statistics(self) -> CacheStatistics:
        """What happened so far."""
        with self._lock:
            return CacheStatistics(
                self._hits, self._misses, len(self._kept), self._kept_bytes, round(self._saved_s, 1)
            )

    def _is_first(self, digest: bytes, asker: object) -> bool:
        """Note who asked; False when somebody else did before."""
        if self._once.get(digest, asker) is not asker:
            del self._once[digest]
            return False
        self._once[digest] = asker
        if len(self._once) > MOST_ONCE:
            self._once.popitem(last=False)
        return True


class CachedSynthesizer:
    """The voice of one conversation: any `Synthesizer`, asked only for what `cache` has not."""

    def __init__(self, voice: Synthesizer, cache: SpeechCache) -> None:
        self._voice = voice
        self._cache = cache
        self._number = cache.number_of(voice)
        self._asker = object()  # stands for this conversation, and holds nothing of it

    @property
    def sample_rate_hz(self) -> int:
        """See `Synthesizer`."""
        return self._voice.sample_rate_hz

    def synthesize(self, text: str, *, rate: float = 1.0) -> Speech:
        """See `Synthesizer`. The audio may be read-only."""
        key = self._number, text, rate, False
        parts = self._cache.find(key)
        if parts is None:
            parts = (self._voice.synthesize(text, rate=rate),)
            self._cache.offer(key, parts, self._asker)
        return parts[0]

    def stream(self, text: str, *, rate: float = 1.0) -> Iterator[Speech]:
        """See `StreamingSynthesizer`; a voice that cannot gives one part. What is left early is not kept."""
        if not isinstance(self._voice, StreamingSynthesizer):
            yield self.synthesize(text, rate=rate)
            return
        key = self._number, text, rate, True
        kept = self._cache.find(key)
        if kept is not None:
            yield from kept
            return
        made = []
        for part in self._voice.stream(text, rate=rate):
            made.append(part)
            yield part
        self._cache.offer(key, tuple(made), self._asker)


def worth_keeping(text: str) -> bool:
    """Whether a text may be a common phrase: short, and without digits, which are mostly somebody's own."""
    return len(text) <= LONGEST and not any(character.isdigit() for character in text)


def _size_bytes(parts: Parts) -> int:
    return sum(part.audio.nbytes + WORD_BYTES * len(part.words) for part in parts)
