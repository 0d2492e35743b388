"""What the page shows beside an answer, and asks about it; pictures, both ways."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, expect

from tests.page_service import ENOUGH_S, MICROPHONE, ScriptedSession, chromium, page_service
from tests.test_web_page import NO_OPUS, last_answer, played, start, visit
from transport.events import (
    FeedbackGiven,
    ItemCreated,
    OutputAudioCleared,
    ResponseRequested,
    SessionUpdated,
)

pytestmark = pytest.mark.asyncio(loop_scope="module")
expect.set_options(timeout=ENOUGH_S * 1000)

PRESCRIPTION = Path(__file__).parent.parent / "samples" / "images" / "prescription.jpg"
ALT = "Growth: 100, 160"
CHART = "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' width='80' height='40'/%3E"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Browser]:
    async with chromium(*MICROPHONE) as opened:
        yield opened


async def test_an_answer_is_rated_and_what_is_kept_is_marked(browser: Browser) -> None:
    session = ScriptedSession()
    async with page_service(session) as (url, _), visit(browser, url, script=NO_OPUS) as page:
        await page.get_by_role("button", name="What is a normal pulse?").click()
        await session.told(ResponseRequested)
        session.wire.notice("liushui.feedback.wanted")
        await session.write_answer("60 to 100.")
        right = last_answer(page).get_by_role("group", name="Was this right?")
        await right.get_by_role("button", name="No").click()
        given = await session.told(FeedbackGiven)
        assert (given.right, given.fluent) == (False, None)
        kept = {"response_id": given.response_id, "right": False, "fluent": None}
        session.wire.notice("liushui.feedback.saved", comment=False, by="client", **kept)
        await session.flush()
        await expect(right.get_by_role("button", name="No")).to_have_attribute("aria-pressed", "true")
        await expect(right.get_by_role("button", name="Yes")).to_have_attribute("aria-pressed", "false")


async def test_a_service_that_keeps_nothing_asks_nothing_and_one_that_records_says_so(
    browser: Browser,
) -> None:
    session = ScriptedSession()
    async with page_service(session) as (url, _), visit(browser, url, script=NO_OPUS) as page:
        await page.get_by_role("button", name="What is a normal pulse?").click()
        await session.told(ResponseRequested)
        session.wire.notice("liushui.recording", days=30)
        await session.write_answer("60 to 100.")
        await expect(page.locator("#notice")).to_contain_text("deleted after 30 days")
        await expect(last_answer(page).locator(".feedback")).to_have_count(0)


async def test_a_red_flag_is_named_beside_its_answer(browser: Browser) -> None:
    session = ScriptedSession()
    async with page_service(session) as (url, _), visit(browser, url, script=NO_OPUS) as page:
        await page.get_by_role("button", name="What is a normal pulse?").click()
        await session.told(ResponseRequested)
        response = session.wire.response_started("text")
        session.wire.response_text("Call emergency services now.")
        session.wire.notice("liushui.safety", response_id=response, kind="red_flag", id="stroke")
        session.wire.response_finished("completed")
        await session.flush()
        await expect(last_answer(page).locator(".caution")).to_have_text("This may be an emergency")


async def test_a_picture_is_sent_and_what_was_read_in_it_is_shown(browser: Browser) -> None:
    session = ScriptedSession()
    async with page_service(session) as (url, _), visit(browser, url, script=NO_OPUS) as page:
        await page.get_by_label("Write a message").fill("How often do I take it?")
        await page.locator("#picture").set_input_files(PRESCRIPTION)
        created = await session.told(ItemCreated)
        assert getattr(created.item, "text", None) == "How often do I take it?"
        assert [picture.data for picture in created.pictures] == [PRESCRIPTION.read_bytes()]
        line = {"text": "Twice a day", "box": [1, 2, 30, 12], "confidence": 0.98, "uncertain": False}
        read = {"item_id": created.item.id, "content_index": 0, "width": 640, "height": 480}
        session.wire.notice("liushui.image.read", lines=[line], **read)
        await session.flush()
        turn = page.locator(".turn.user").last
        await expect(turn.get_by_role("img", name="Your picture")).to_be_visible()
        await turn.get_by_text("What was read").click()
        await expect(turn.locator(".read p")).to_have_text("Twice a day")


async def test_a_picture_alone_waits_for_a_question_about_it(browser: Browser) -> None:
    session = ScriptedSession()
    async with page_service(session) as (url, _), visit(browser, url, script=NO_OPUS) as page:
        await page.locator("#picture").set_input_files(PRESCRIPTION)
        await session.told(ItemCreated)
        await page.get_by_label("Write a message").fill("How often do I take it?")
        await page.get_by_role("button", name="Send", exact=True).click()
        await session.told(ResponseRequested)
        assert [bool(item.pictures) for item in session.of(ItemCreated)] == [True, False]
        assert len(session.of(ResponseRequested)) == 1


async def test_a_message_takes_the_place_of_one_whose_answer_has_not_begun(browser: Browser) -> None:
    session = ScriptedSession()
    async with page_service(session) as (url, _), visit(browser, url, script=NO_OPUS) as page:
        await page.get_by_role("button", name="What is a normal pulse?").click()
        await session.told(ResponseRequested)
        await page.get_by_label("Write a message").fill("And at night?")
        await page.get_by_role("button", name="Send", exact=True).click()
        await session.told(ResponseRequested, 2)
        order = [type(each) for each in session.commands if not isinstance(each, SessionUpdated)]
        asked = [ItemCreated, ResponseRequested]
        assert order == [*asked, OutputAudioCleared, *asked]


async def test_a_chart_is_shown_when_its_word_sounds_and_not_before(browser: Browser) -> None:
    session = ScriptedSession()
    async with page_service(session) as (url, _), visit(browser, url, script=NO_OPUS) as page:
        await start(session, page)
        item = await session.begin_answer("It grows to 160 in ten years, and to more later.", spoken_words=2)
        place = {"response_id": session.wire.response_id, "item_id": item, "region": None}
        shown = {
            "kind": "chart",
            "at_offset": 12,
            "at_ms": 1000,
            "image_url": CHART,
            "alt": "Growth: 100, 160",
        }
        session.wire.notice("liushui.image.show", **place, **shown)
        await session.flush()
        await session.until(lambda: bool(played(session, item)))
        await expect(last_answer(page).locator("figure")).to_have_count(0)
        await session.end_answer(spoken_words=8)
        await expect(last_answer(page).locator("figcaption")).to_have_text(ALT)
        assert played(session, item)[-1] >= 1000 - 200
