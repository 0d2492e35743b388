"""From voice to text and back: without a microphone, and on a link that carries no voice."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect

from tests.bench.shaping import Link
from tests.page_service import ENOUGH_S, MICROPHONE, ScriptedSession, chromium, page_service, tone
from tests.test_web_page import ANSWER, NO_MICROPHONE, QUESTION, last_answer, start, talk, visit
from transport.events import ItemCreated, PlaybackReported, ResponseRequested

pytestmark = pytest.mark.asyncio(loop_scope="module")
expect.set_options(timeout=ENOUGH_S * 1000)

MOST_UNDERRUNS = 4  # in ten seconds; the page's own limit


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Browser]:
    async with chromium(*MICROPHONE) as opened:
        yield opened


async def ran_dry(page: Page, times: int) -> None:
    """Wait until the loudspeaker has had to wait so often."""
    await page.evaluate(
        """async (times) => {
          const { talk } = await import("/web/app.js");
          while (talk.figures.underruns < times) await new Promise(requestAnimationFrame);
        }""",
        times,
    )


async def test_without_a_microphone_one_types_and_reads(browser: Browser) -> None:
    session = ScriptedSession()
    async with page_service(session) as (url, _), visit(browser, url, script=NO_MICROPHONE) as page:
        await talk(page).click()
        await expect(page.get_by_role("status")).to_have_text("There is no microphone. Write instead.")
        await expect(talk(page)).to_be_hidden()
        box = page.get_by_label("Write a message")
        await expect(box).to_be_focused()
        await page.keyboard.type(QUESTION)
        await page.keyboard.press("Enter")
        request = await session.told(ResponseRequested)
        assert request is not None
        assert session.wire.settings.modality == "text"
        assert [each.item.text for each in session.of(ItemCreated)] == [QUESTION]
        await session.write_answer(ANSWER)
        await expect(last_answer(page).locator(".words")).to_have_text(ANSWER)
        await expect(page.locator("#announcer")).to_contain_text(ANSWER)
        assert not session.of(PlaybackReported)


async def test_a_link_too_slow_for_a_voice_is_told_of_and_so_is_its_recovery(browser: Browser) -> None:
    session = ScriptedSession()
    async with page_service(session) as (url, _), visit(browser, url) as page:
        await start(session, page)
        for bit_rate, told in ((0, "too slow for a voice"), (16_000, "spoken again")):
            session.wire.notice("liushui.link", bit_rate=bit_rate, reason="measured")
            await session.flush()
            await expect(page.get_by_role("status")).to_contain_text(told)


async def test_an_answer_that_runs_dry_again_and_again_is_read_from_then_on_until_one_chooses_voice(
    browser: Browser,
) -> None:
    session = ScriptedSession()
    async with page_service(session) as (url, _), visit(browser, url) as page:
        await start(session, page)
        await session.begin_answer(ANSWER, spoken_words=1)
        for times in range(1, MOST_UNDERRUNS):
            await ran_dry(page, times)
            session.wire.response_audio(tone(2))
            await session.flush()
        await session.until(lambda: session.wire.settings.modality == "text")
        await expect(page.locator("#notice")).to_contain_text("too slow for a voice. We go on in writing")
        await expect(talk(page)).to_have_attribute("aria-pressed", "false")
        session.wire.response_finished("completed")
        await session.flush()
        await page.get_by_label("Write a message").fill(QUESTION)
        await page.keyboard.press("Enter")
        await session.told(ResponseRequested)
        await session.write_answer(ANSWER)
        await expect(last_answer(page).locator(".words")).to_have_text(ANSWER)
        await page.get_by_role("button", name="Settings").click()
        await page.get_by_label("Voice", exact=True).first.check()
        await session.until(lambda: session.wire.settings.modality == "audio")


async def test_on_a_link_that_carries_no_voice_the_service_turns_to_text_and_the_page_leaves_it_that(
    browser: Browser,
) -> None:
    session, long = ScriptedSession(), " ".join([ANSWER] * 2)
    async with page_service(session) as (url, proxy), visit(browser, url, script="") as page:
        proxy.link = Link(rtt_ms=200, rate_kbps=8, buffer_bytes=4096, seed=1)
        await page.get_by_role("button", name="What is a normal pulse?").click()
        await session.told(ResponseRequested)
        await session.begin_answer(long)
        await expect(page.get_by_role("status")).to_contain_text("Answers come as text until it is better")
        await session.end_answer()
        await expect(last_answer(page).locator(".words")).to_have_text(long)
        await expect(page.locator("#state")).not_to_contain_text("Speaking")
        assert session.wire.settings.modality == "audio"  # it is the service that tries again
