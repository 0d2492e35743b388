"""What the user hears, and when. Pure: the caller passes the time.

Audio leaves at most `send_lead_s` ahead of the moment it is heard, so that little has to be taken back at a
barge-in. The playhead is an estimate: the client plays what it has at real-time speed from the moment it has
it, and stalls when it has nothing.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Audio = NDArray[np.float32]

ECHO_BEFORE_S = 4.0  # an echo comes late, and is read some time after it began
ECHO_AFTER_S = 0.7  # the playhead is an estimate
SEND_LEAD_S = 0.3  # covers the jitter of a usual home network; what is sent cannot be unsaid


@dataclass(frozen=True, slots=True)
class Piece:
    """One stretch of the answer: its text, and the audio that says it."""

    text: str
    audio: Audio  # [samples]; empty when the text has no sound
    words: tuple[tuple[float, int], ...] = ()  # (end in the audio [s], end in the text [characters]), rising


@dataclass(frozen=True, slots=True)
class Release:
    """What may leave the server now: text that begins to sound, and audio."""

    text: str
    audio: Audio


class Playback:
    """The audio of one answer on its way to the user's ear."""

    def __init__(self, sample_rate_hz: int, *, send_lead_s: float = SEND_LEAD_S) -> None:
        self.sample_rate_hz = sample_rate_hz
        self.send_lead_s = send_lead_s
        self.said = ""  # text of all pieces so far
        self.underruns = 0  # times that the ear had to wait for the next piece
        self.acknowledged = False  # the client told what it has played
        self._starved = False  # the ear waits now
        self._waiting: deque[Piece] = deque()  # bounded by the reply task, which waits on `queued_s`
        # What `written` has yet to give of each piece: where it begins [s], its text and its words.
        self._unwritten: list[tuple[float, str, tuple[tuple[float, int], ...]]] = []
        self._offset = 0  # samples of the first waiting piece that have left
        self._words: list[tuple[float, int]] = []  # (end [s], end [characters]) in the whole answer
        self._queued_s = 0.0  # audio in all pieces so far
        self._sent_s = 0.0  # of it, how much has left
        self._played_s = 0.0  # of that, how much has been heard
        self._now_s: float | None = None  # of the last look at the clock
        self._held = False
        self._paused = False  # and the client plays nothing of what it has
        self._cut_off = False  # the client cannot be reached: nothing leaves, and time stands still
        self._complete = False

    def add(self, piece: Piece) -> None:
        """Queue the next piece of the answer."""
        start_s, start = self._queued_s, len(self.said)
        self._unwritten.append((start_s, piece.text, piece.words))
        self._words += [(start_s + end_s, start + end) for end_s, end in piece.words]
        self.said += piece.text
        self._queued_s += len(piece.audio) / self.sample_rate_hz
        if not piece.words:  # text without sound is heard when what stands before it was
            self._words.append((self._queued_s, len(self.said)))
        self._waiting.append(piece)

    def complete(self) -> None:
        """No piece follows."""
        self._complete = True

    def let_go(self) -> None:
        """Nothing more of it leaves: what is waiting is not kept, only which words were heard when."""
        self._waiting.clear()

    def hold(self, now_s: float, *, paused: bool) -> None:
        """Let nothing more out (a duck); `paused`: the client stops at once, else it plays what it has."""
        self._play(now_s)
        self._held, self._paused = True, paused

    def resume(self, now_s: float) -> None:
        """Go on from the same sample."""
        self._play(now_s)
        self._held = self._paused = False

    def cut_off(self, now_s: float) -> None:
        """The line is down for a while: let nothing out; what the client has ends within `send_lead_s`."""
        self._play(now_s)
        self._cut_off = True

    def reconnect(self, now_s: float) -> None:
        """Go on from the same sample, held back if it was."""
        self._play(now_s)
        self._cut_off = False

    def report(self, played_s: float, now_s: float) -> None:
        """The client has played so much: better than what the clock says."""
        self._play(now_s)
        self.acknowledged = True
        self._played_s = min(max(0.0, played_s), self._sent_s)

    def release(self, now_s: float) -> Release:
        """Take what may leave at `now_s` [s, any monotonic clock]."""
        self._play(now_s)
        texts, audios = [], []
        while self._waiting and not (self._held or self._cut_off):
            piece = self._waiting[0]
            room = round((self._played_s + self.send_lead_s - self._sent_s) * self.sample_rate_hz)
            part = piece.audio[self._offset : self._offset + max(0, room)]
            if not len(part) and len(piece.audio):
                break
            if self._offset == 0:
                texts.append(piece.text)
            audios.append(part)
            self._sent_s += len(part) / self.sample_rate_hz
            self._starved = self._starved and not len(part)
            self._offset += len(part)
            if self._offset < len(piece.audio):
                break
            self._waiting.popleft()
            self._offset = 0
        return Release("".join(texts), np.concatenate(audios) if audios else np.zeros(0, np.float32))

    def written(self) -> tuple[str, tuple[tuple[float, int], ...]]:
        """Return the text made since the last call, long before it sounds, with the ends of its words.

        Those are (end in the answer [s], end in the text).
        """
        text, ends_s = "", list[tuple[float, int]]()
        for start_s, piece_text, words in self._unwritten:
            ends_s += [(start_s + end_s, len(text) + end) for end_s, end in words]
            text += piece_text
        self._unwritten.clear()
        return text, tuple(ends_s)

    def due_s(self, now_s: float) -> float | None:
        """Seconds until `release` or `finished` has news; None while nothing is to come by itself."""
        self._play(now_s)
        if self._held or self._cut_off:
            return None
        if self._waiting:
            return max(0.0, self._sent_s - self._played_s - self.send_lead_s / 2)
        return max(0.0, self._sent_s - self._played_s) if self._complete else None

    def queued_s(self, now_s: float) -> float:
        """Seconds of audio that the user has still to hear."""
        self._play(now_s)
        return self._queued_s - self._played_s

    @property
    def length_s(self) -> float:
        """Seconds of audio in all pieces so far."""
        return self._queued_s

    def sent(self) -> bool:
        """True when everything has left the server."""
        return self._complete and not self._waiting

    def finished(self, now_s: float) -> bool:
        """True when everything has been heard."""
        self._play(now_s)
        return self.sent() and self._played_s >= self._sent_s - 1e-6

    def playhead_s(self, now_s: float) -> float:
        """Seconds of the answer that have been heard."""
        self._play(now_s)
        return self._played_s

    def heard(self, played_s: float) -> str:
        """The words of the answer that end within its first `played_s` seconds."""
        ends = [end for end_s, end in self._words if end_s <= played_s + 1e-6]
        return self.said[: max(ends, default=0)]

    def around(self, now_s: float) -> str:
        """The words that a microphone may hear back about now."""
        played_s = self.playhead_s(now_s)
        start, end = (
            max((end for end_s, end in self._words if end_s <= played_s + shift_s), default=0)
            for shift_s in (-ECHO_BEFORE_S, ECHO_AFTER_S)
        )
        return self.said[start:end]

    def _play(self, now_s: float) -> None:
        elapsed_s = 0.0 if self._now_s is None else now_s - self._now_s
        self._now_s = now_s
        if not (self._paused or self._cut_off):
            reached_s = self._played_s + max(0.0, elapsed_s)
            if 0 < self._sent_s < reached_s - 1e-6 and not (self._starved or self._held or self.sent()):
                self._starved = True
                self.underruns += 1
            self._played_s = min(reached_s, self._sent_s)
