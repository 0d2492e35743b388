"""A service whose side of the conversation a test plays, and a browser with the page in front of it."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TypeVar

import numpy as np
import pytest
from playwright.async_api import Browser, ConsoleMessage, Page, Playwright, async_playwright
from starlette.routing import Mount
from starlette.staticfiles import StaticFiles

from tests.bench.shaping import Link, Shaped, shaped
from tests.speaking_session import QUICK
from transport.app import create_app
from transport.audio_formats import Samples
from transport.choices import Choices, VoiceChoice
from transport.commands import Command
from transport.connection import Connection
from transport.domains import Domain
from transport.events import AudioAppended
from transport.keys import ApiKeys
from transport.limits import Limits
from transport.protocol import RealtimeProtocol
from transport.server import serving
from transport.settings import SessionSettings

RATE_HZ = 24_000
WORD_MS = 300
WORD_SAMPLES = WORD_MS * RATE_HZ // 1000
INTO_WORD = WORD_SAMPLES // 3  # samples of a word that begins to sound
PADDING_MS = 60  # that the last packet of Opus may last longer than the answer
ENOUGH_S = 20.0  # for what takes a moment; two slow cores may be busy
CHOICES = Choices(("medical", "finance"), (VoiceChoice("heart", ("en",)),), ("en",))
SCRIPTS = Path(__file__).parent / "web"
CHROMIUM = shutil.which("chromium")
# Nothing of the machine, nothing of the network: a browser that has just been installed, with a microphone.
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--autoplay-policy=user-gesture-required",
)
MICROPHONE = ("--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream")

C = TypeVar("C", bound=Command)


class ScriptedSession:
    """The sessions of a service, one after the other: what they are told, and what a test lets them say."""

    def __init__(self) -> None:
        self.commands: list[Command] = []
        self.sessions = 0
        self.query: dict[str, str] = {}  # of the newest one's URL
        self._connection: Connection | None = None
        self._news = asyncio.Event()

    async def serve(self, connection: Connection) -> None:
        self._connection = connection
        self.sessions += 1
        self.query = dict(connection._websocket.query_params)
        connection.protocol.open()
        await connection.flush()
        async for command in connection:
            self.commands.append(command)
            self._news.set()
        if self._connection is connection:
            self._connection = None
        self._news.set()

    @property
    def wire(self) -> RealtimeProtocol:
        assert self._connection is not None, "nobody is connected"
        return self._connection.protocol

    async def flush(self) -> None:
        assert self._connection is not None, "nobody is connected"
        await self._connection.flush()

    async def close(self, code: int, reason: str) -> None:
        assert self._connection is not None, "nobody is connected"
        await self._connection.close(code, reason)

    async def until(self, true: Callable[[], bool]) -> None:
        """Wait for what the session is told."""
        async with asyncio.timeout(ENOUGH_S):
            while not true():
                self._news.clear()
                await self._news.wait()

    async def told(self, kind: type[C], number: int = 1) -> C:
        """The `number`th command of this kind."""
        await self.until(lambda: len(self.of(kind)) >= number)
        return self.of(kind)[number - 1]

    def of(self, kind: type[C]) -> list[C]:
        return [command for command in self.commands if isinstance(command, kind)]

    def heard_samples(self) -> int:
        return sum(len(command.samples) for command in self.of(AudioAppended))

    async def user_says(self, text: str) -> None:
        """A spoken turn, as far as its words."""
        item = self.wire.speech_started(0)
        self.wire.notice("liushui.transcript.partial", item_id=item, text=text[: len(text) // 2])
        self.wire.speech_stopped(1000)
        self.wire.audio_committed()
        self.wire.transcript_completed(item, text)
        await self.flush()

    async def begin_answer(self, text: str, spoken_words: int | None = None) -> str:
        """Answer aloud, and return its item: all the text, and the sound of it or of so many words.

        One more word begins to sound, so that nobody is at the edge of two.
        """
        wire = self.wire
        words = list(re.finditer(r"\S+\s*", text))
        response = wire.response_started("audio")
        ends = tuple(((i + 1) * WORD_MS, word.end()) for i, word in enumerate(words))
        wire.response_text(text, ends_ms=ends)
        if spoken_words is None:
            wire.response_audio(tone(len(words)))
        else:
            wire.response_audio(tone(spoken_words + 1)[: -WORD_SAMPLES + INTO_WORD])
        marks = {"noticed_ms": 96.0, "transcript_ms": 210.5, "first_token_ms": 260.0, "sent_ms": 480.0}
        wire.notice("liushui.turn.timings", response_id=response, marks=marks)
        await self.flush()
        item = wire.response_item_id
        assert item is not None
        return item

    async def end_answer(self, spoken_words: int = 0) -> None:
        """The sound of the answer's last words, if it still lacks, and its end."""
        if spoken_words:
            self.wire.response_audio(tone(spoken_words)[INTO_WORD:])
        self.wire.response_finished("completed")
        await self.flush()

    async def playback(self, verb: str, response_id: str, item: str) -> None:
        self.wire.notice(f"liushui.playback.{verb}", response_id=response_id, item_id=item)
        await self.flush()

    async def write_answer(self, text: str) -> str:
        self.wire.response_started("text")
        self.wire.response_text(text)
        item = self.wire.response_item_id
        assert item is not None
        self.wire.response_finished("completed")
        await self.flush()
        return item


def tone(words: int) -> Samples:
    """As long as that many words; a tone, for one hears what is wrong with it."""
    at = np.arange(words * WORD_MS * RATE_HZ // 1000) / RATE_HZ
    return (0.2 * np.sin(2 * np.pi * 330 * at)).astype(np.float32)


@asynccontextmanager
async def page_service(
    session: ScriptedSession, link: Link = QUICK, keys: Sequence[str] = (), choices: Choices = CHOICES
) -> AsyncIterator[tuple[str, Shaped]]:
    """Serve the page for `session` over `link`; yields its address, and the proxy that is the link."""
    settings = SessionSettings(
        voice=choices.voices[0].name,
        voices=tuple(voice.name for voice in choices.voices),
        languages=choices.languages,
    )
    app = create_app(
        session.serve,
        limits=Limits(),
        model="scripted",
        health=dict,
        default_settings=settings,
        keys=ApiKeys(keys),
        domains=[Domain(name, name.title(), settings) for name in choices.domains],
        choices=choices,
    )
    app.router.routes.append(Mount("/tests", StaticFiles(directory=SCRIPTS)))
    app.router.routes.append(Mount("/vectors", StaticFiles(directory=SCRIPTS.parent / "data")))
    async with serving(app) as url:
        port = int(url.rpartition(":")[2].partition("/")[0])
        proxy = shaped("127.0.0.1", port, link)
        try:
            async with proxy as front:
                yield f"http://127.0.0.1:{front}/", proxy
        finally:
            await app.state.end()  # nobody comes back to these sessions


def need_chromium() -> str:
    """The browser's path; skips the test where there is none, which in CI is a failure."""
    if CHROMIUM is not None:
        return CHROMIUM
    missing = "chromium is missing: the page is not tested (on Debian: apt-get install chromium)"
    if os.environ.get("CI") == "true":
        pytest.fail(missing)
    pytest.skip(missing)


@asynccontextmanager
async def chromium(*flags: str) -> AsyncIterator[Browser]:
    """A browser with an empty profile."""
    path = need_chromium()
    async with async_playwright() as playwright:
        browser = await launched(playwright, path, flags)
        yield browser
        await browser.close()


async def launched(playwright: Playwright, path: str, flags: Sequence[str]) -> Browser:
    # Playwright gives every browser that it launches a profile of its own in a new temporary folder.
    return await playwright.chromium.launch(executable_path=path, headless=True, args=[*FLAGS, *flags])


def watch(page: Page) -> list[str]:
    """Collect what goes wrong inside a page."""
    faults: list[str] = []

    def note(message: ConsoleMessage) -> None:
        if message.type == "error":
            faults.append(message.text)

    page.on("console", note)
    page.on("pageerror", lambda error: faults.append(str(error)))
    return faults
