"""The pace of one session: what the user says changes it, the client is told, the next session knows it."""

from __future__ import annotations

from dataclasses import replace

from assistant.pace import Pace
from assistant.pace_store import PaceStore
from transport.protocol import RealtimeProtocol
from transport.settings import SessionSettings


class SpeakingPace:
    """Follows the listener of one session."""

    def __init__(self, wire: RealtimeProtocol, store: PaceStore | None) -> None:
        self._wire = wire
        self._store = store if wire.user is not None else None  # nothing is kept of nobody
        self._kept = self._store.load(wire.user) if self._store and wire.user else None
        self._pace = self._kept or Pace()
        self._told = Pace().rate
        self._speed: float | None = None  # the client's, while it is in force
        self._broke_in_s: float | None = None  # into the last answer

    def configure(self, settings: SessionSettings) -> None:
        """Take over the client's speed, if it set another one."""
        if settings.speed is not None and settings.speed != self._speed:
            self._pace = self._pace.set(settings.speed)
        elif settings.speed is None and self._speed is not None:
            self._pace = self._pace.released()
        self._speed = settings.speed
        self._tell()

    def after(self, user_text: str | None, voiced_s: float, *, answering: bool) -> Pace:
        """The pace once `user_text` is said (None: now); see `heard`. The turn may be withdrawn yet."""
        if user_text is None:
            return self._pace
        return self._pace.heard(user_text, voiced_s, answering=answering, broke_in_s=self._broke_in_s)

    def heard(self, user_text: str, voiced_s: float = 0.0, *, answering: bool = False) -> None:
        """The user said so, in `voiced_s` of voice; `answering`: to a question of ours."""
        pace = self.after(user_text, voiced_s, answering=answering)
        if pace.asked != self._pace.asked:  # the user's word is the last one, until the client says another
            self._speed = None
            self._wire.settings = replace(self._wire.settings, speed=None)
        self._pace, self._broke_in_s = pace, None
        self._tell()

    def broke_in(self, heard_s: float) -> None:
        """The user broke into an answer after so much of it; what they say then shows why."""
        self._broke_in_s = heard_s

    def close(self) -> None:
        """The session is over: keep what it learnt of a known user, unless they were forgotten meanwhile."""
        user = self._wire.user
        if self._store is None or user is None or self._pace == (self._kept or Pace()):
            return
        if self._kept is None or self._store.load(user) is not None:
            self._store.keep(user, self._pace)

    def _tell(self) -> None:
        if self._pace.rate != self._told:
            self._told = self._pace.rate
            self._wire.notice(
                "liushui.pace.changed",
                rate=self._pace.rate,
                pause_scale=self._pace.pause_scale,
                reason=self._pace.reason,
            )
