"""The paces of users who come back: a small file each, by a name that does not show who it is.

A pace is a rate and how fast the user speaks; no words of theirs are kept. Nothing is kept without a user id.
The names are SHA-256: who has the folder can find an id by trying it.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import tempfile
import time
from contextlib import suppress
from pathlib import Path

from assistant.pace import Pace, Reaction

MOST = 10_000  # users, 200 bytes each
LONGEST_S = 180 * 24 * 3600  # a pace that nobody came back for is forgotten
SUFFIX = ".json"
FOLDER = "pace"  # in the home folder
LARGEST_BYTES = 4096  # of a file that we wrote

log = logging.getLogger(__name__)


class PaceStore:
    """A bounded folder of paces. A file is there whole or not at all; processes may share the folder."""

    def __init__(self, folder: Path) -> None:
        """Forget what is too old. `folder` need not exist."""
        self._folder = folder
        self._prune()

    def load(self, user: str) -> Pace | None:
        """The pace kept for `user`; None when there is none, or none that can be read (a warning)."""
        path = self._path(user)
        try:
            with path.open("rb") as file:
                return _pace_in(file.read(LARGEST_BYTES))
        except FileNotFoundError:
            return None
        except (OSError, ValueError, TypeError, KeyError) as error:
            log.warning("ignored %s, which is no pace that can be read: %s", path, error)
            return None

    def keep(self, user: str, pace: Pace) -> None:
        """Keep `pace` for `user`; a disk that cannot be written is a warning."""
        path = self._path(user)
        try:
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            with tempfile.NamedTemporaryFile("w", dir=self._folder, suffix=".draft", delete=False) as draft:
                json.dump(_fields_of(pace), draft)
            os.replace(draft.name, path)
        except OSError as error:
            log.warning("the pace of a user could not be kept: %s", error)
            return
        self._prune()

    def forget(self, user: str) -> bool:
        """Remove what is kept for `user`; False when there was nothing. Raises OSError."""
        try:
            self._path(user).unlink()
        except FileNotFoundError:
            return False
        return True

    def _path(self, user: str) -> Path:
        return self._folder / (hashlib.sha256(user.encode()).hexdigest()[:32] + SUFFIX)

    def _prune(self) -> None:
        """Remove files last written before LONGEST_S ago, and the oldest above MOST; drafts count too."""
        written: list[tuple[float, Path]] = []
        for path in (*self._folder.glob(f"*{SUFFIX}"), *self._folder.glob("*.draft")):
            with suppress(OSError):  # removed by another process just now
                written.append((path.stat().st_mtime, path))
        newest_first = sorted(written, reverse=True)
        for place, (written_s, path) in enumerate(newest_first):
            if place >= MOST or written_s < time.time() - LONGEST_S:
                with suppress(OSError):  # as above
                    path.unlink()


def _fields_of(pace: Pace) -> dict[str, object]:
    return {
        "asked": pace.asked,
        "learnt": pace.learnt,
        "speeds": pace.speeds,
        "reactions": [reaction.value for reaction in pace.reactions],
    }


def _pace_in(written: bytes) -> Pace:
    """Read a pace. Raises ValueError, TypeError or KeyError."""
    fields = json.loads(written)
    asked = fields["asked"]
    return Pace(
        asked=None if asked is None else float(asked),
        learnt=float(fields["learnt"]),
        speeds=tuple(map(float, fields["speeds"])),
        reactions=tuple(map(Reaction, fields["reactions"])),
        reason="as in an earlier conversation",
    )
