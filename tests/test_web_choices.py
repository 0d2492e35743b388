"""What is picked on the page: pace, domain, voice, languages and theme."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import Browser, expect

from tests.page_service import ENOUGH_S, MICROPHONE, ScriptedSession, chromium, page_service
from tests.test_web_page import start, visit
from transport.choices import Choices, VoiceChoice

pytestmark = pytest.mark.asyncio(loop_scope="module")
expect.set_options(timeout=ENOUGH_S * 1000)

DUET = Choices(
    ("medical",), (VoiceChoice("heart", ("en",)), VoiceChoice("jf_alpha", ("en", "zh"))), ("en", "zh", "auto")
)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Browser]:
    async with chromium(*MICROPHONE) as opened:
        yield opened


async def test_pace_and_domain_are_picked_and_the_one_voice_is_shown(browser: Browser) -> None:
    session = ScriptedSession()
    async with page_service(session) as (url, _), visit(browser, url) as page:
        await start(session, page)
        await page.get_by_role("button", name="Settings").click()
        await expect(page.get_by_label("Voice", exact=True).last).to_be_disabled()
        await page.get_by_label("Pace").select_option(label="slower (0.8×)")
        await session.until(lambda: session.wire.settings.speed == 0.8)
        await page.get_by_label("Pace").select_option(label="follows you")
        await session.until(lambda: session.wire.settings.speed is None)
        await page.get_by_label("Domain").select_option(label="Finance")
        await session.until(lambda: session.sessions == 2)
        assert session.query["domain"] == "finance"
        await page.get_by_role("button", name="Close").click()
        await expect(page.locator("#domain-shown")).to_have_text("Finance")


async def test_a_voice_is_picked_and_what_one_speaks_and_a_voice_that_cannot_is_told_of(
    browser: Browser,
) -> None:
    session = ScriptedSession()
    async with page_service(session, choices=DUET) as (url, _), visit(browser, url) as page:
        await start(session, page)
        await page.get_by_role("button", name="Settings").click()
        voice, language = page.locator("#voice"), page.get_by_label("You speak")
        assert await voice.locator("option").all_inner_texts() == [
            "heart (English)",
            "jf_alpha (English, Chinese)",
        ]
        await language.select_option(label="Chinese")
        await session.until(lambda: session.wire.settings.language == "zh")
        await expect(page.locator("#unspoken")).to_have_text(
            "heart does not speak Chinese: answers in it are shown, not spoken. jf_alpha would speak it."
        )
        await voice.select_option(label="jf_alpha (English, Chinese)")
        await session.until(lambda: session.wire.settings.voice == "jf_alpha")
        await expect(page.locator("#unspoken")).to_be_empty()
        await voice.select_option(label="heart (English)")
        await language.select_option(label="any language")
        await session.until(lambda: session.wire.settings.language == "auto")
        await expect(page.locator("#unspoken")).to_be_empty()
        assert session.wire.settings.voice == "heart"


async def test_language_and_theme_are_remembered(browser: Browser) -> None:
    async with page_service(ScriptedSession()) as (url, _), visit(browser, url) as page:
        await page.get_by_role("button", name="切换到中文").click()
        await page.get_by_role("button", name="配色：跟随系统").click()
        await page.get_by_role("button", name="配色：浅色").click()
        await page.reload()
        await expect(page.locator("#state")).to_have_text("按一下，开口说")
        assert await page.evaluate("document.documentElement.lang") == "zh-CN"
        assert await page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(14, 24, 28)"
