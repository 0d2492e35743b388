"""What comes out of a client's loudspeaker, and when: a page or a telephone, without its jitter buffer."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class Loudspeaker:
    """Plays one answer. Pure: the caller passes the time [s], which never goes back."""

    played_s: float = 0.0  # of the answer
    stops_s: list[float] = field(default_factory=list)  # when it fell silent, before its end
    _queued_s: float = 0.0  # received and not played
    _held: bool = False
    _now_s: float = 0.0

    @property
    def playing(self) -> bool:
        """True while it sounds."""
        return self._queued_s > 0 and not self._held

    def audio(self, seconds: float, now_s: float) -> None:
        """So much more of the answer arrives."""
        self.wait(now_s)
        self._queued_s += seconds

    def hold(self, now_s: float) -> None:
        """Fall silent, and keep what is left."""
        self.wait(now_s)
        self._fall_silent(now_s)
        self._held = True

    def resume(self, now_s: float) -> None:
        """Go on from the same sample."""
        self.wait(now_s)
        self._held = False

    def clear(self, now_s: float) -> None:
        """Fall silent, and drop what is left."""
        self.wait(now_s)
        self._fall_silent(now_s)
        self._queued_s = 0.0

    def wait(self, now_s: float) -> None:
        """Play on."""
        elapsed_s, before_s, self._now_s = now_s - self._now_s, self._now_s, now_s
        if not self.playing:
            return
        if elapsed_s >= self._queued_s:  # it runs dry
            self.stops_s.append(before_s + self._queued_s)
        played_s = min(elapsed_s, self._queued_s)
        self.played_s += played_s
        self._queued_s -= played_s

    def _fall_silent(self, now_s: float) -> None:
        if self.playing:
            self.stops_s.append(now_s)
