"""The page over HTTP: its headers, what a browser keeps of it, and that an installation brings it along."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from transport.app import create_app
from transport.choices import Choices, VoiceChoice
from transport.keys import ApiKeys
from transport.limits import Limits
from transport.page import WEB
from transport.settings import SessionSettings

ROOT = Path(__file__).resolve().parent.parent
KEY = "a-key-of-the-service"
CHOICES = Choices(("medical",), (VoiceChoice("heart", ("en",)),), ("en",))


def visitor(keys: ApiKeys | None = None) -> httpx.AsyncClient:
    async def serve(_: object) -> None:
        raise AssertionError("nobody converses here")

    app = create_app(
        serve,
        limits=Limits(),
        model="m",
        health=dict,
        default_settings=SessionSettings(),
        keys=keys or ApiKeys(),
        choices=CHOICES,
    )
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://127.0.0.1:8765")


@pytest.mark.parametrize("path", ["/", "/web/app.js", "/web/style.css", "/web/icon.svg"])
async def test_a_browser_runs_the_page_alone_and_asks_each_time_whether_it_changed(path: str) -> None:
    async with visitor() as client:
        first = await client.get(path)
        again = await client.get(path, headers={"If-None-Match": first.headers["etag"]})
    assert (first.status_code, again.status_code) == (200, 304)
    policy = first.headers["content-security-policy"]
    assert "default-src 'none'" in policy and "unsafe" not in policy
    assert first.headers["x-content-type-options"] == "nosniff"
    assert first.headers["cache-control"] == again.headers["cache-control"] == "no-cache"


async def test_the_page_asks_for_no_key_but_what_it_offers_does() -> None:
    async with visitor(ApiKeys([KEY])) as client:
        assert (await client.get("/")).status_code == 200
        assert (await client.get("/v1/liushui")).status_code == 401
        offered = await client.get("/v1/liushui", headers={"Authorization": f"Bearer {KEY}"})
    assert offered.json() == {
        "domains": ["medical"],
        "voices": [{"name": "heart", "languages": ["en"]}],
        "languages": ["en"],
        "paces": [0.8, 1.0, 1.2],
        "audio": True,
    }


@pytest.mark.parametrize("path", ["/web/../app.py", "/web/%2e%2e/app.py", "/web/nothing.js", "/nothing"])
async def test_nothing_but_the_page_is_served(path: str) -> None:
    async with visitor() as client:
        answer = await client.get(path)
    assert answer.status_code == 404 and "message" in answer.json()["error"]


def test_the_page_has_nothing_inline_and_asks_no_other_host() -> None:
    page = (WEB / "index.html").read_text(encoding="utf-8")
    assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\bstyle=|\bon[a-z]+=", page)
    for file in WEB.iterdir():
        addresses = re.findall(r"https?://[^\s\"')]+", file.read_text(encoding="utf-8"))
        assert set(addresses) <= {"http://www.w3.org/2000/svg"}, file.name


def test_an_installation_brings_the_page_along(tmp_path: Path) -> None:
    build = [sys.executable, "setup.py", "-q", "build_py", "--build-lib", str(tmp_path)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True, text=True)
    installed = {path.name for path in (tmp_path / "transport" / "web").iterdir()}
    assert installed == {path.name for path in WEB.iterdir()}
