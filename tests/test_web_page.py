"""The page in a real browser, in front of a service whose side of the conversation the test plays."""

from __future__ import annotations

import math
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import axe_playwright_python
import pytest
import pytest_asyncio
from playwright.async_api import Browser, Locator, Page, expect

from tests.page_service import (
    ENOUGH_S,
    MICROPHONE,
    PADDING_MS,
    WORD_MS,
    ScriptedSession,
    chromium,
    page_service,
    tone,
    watch,
)
from transport.connection import CLOSE_RESTART
from transport.events import (
    OutputAudioCleared,
    PlaybackReported,
    ResponseRequested,
    SessionUpdated,
)
from transport.framed import LineLost, LineRestored

pytestmark = pytest.mark.asyncio(loop_scope="module")
expect.set_options(timeout=ENOUGH_S * 1000)

QUESTION = "I have a headache."
ANSWER = "Rest, and drink enough water. See a doctor tomorrow."
WORDS = len(ANSWER.split())
AXE = Path(axe_playwright_python.__file__).parent / "axe.min.js"
PHONE = {"width": 360, "height": 740}
NO_OPUS = "delete globalThis.AudioDecoder;"
NO_MICROPHONE = """navigator.mediaDevices.getUserMedia = async () => {
  throw new DOMException("Requested device not found", "NotFoundError");
};"""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Browser]:
    async with chromium(*MICROPHONE) as opened:
        yield opened


@pytest.fixture(autouse=True)
def nothing_is_late(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a machine that is busy with other things, the service drops no audio that comes late."""
    monkeypatch.setattr("transport.outbound.LATEST_S", 60.0)


@asynccontextmanager
async def visit(
    browser: Browser, url: str, *, script: str = NO_OPUS, faults_matter: bool = True, **context: Any
) -> AsyncIterator[Page]:
    """The page, ready; nothing may have gone wrong inside it when the block ends.

    Without Opus, unless another script is named: how fast a busy machine is must not change what is sent.
    """
    opened = await browser.new_context(**{"locale": "en-US", **context})
    page = await opened.new_page()
    await page.add_init_script(script)
    faults = watch(page)
    await page.goto(url)
    await expect(page.locator("body[data-ready]")).to_be_visible()
    yield page
    await opened.close()
    assert not (faults and faults_matter)


def talk(page: Page) -> Locator:
    return page.locator("#talk")


def last_answer(page: Page) -> Locator:
    return page.locator(".turn.assistant").last


async def start(session: ScriptedSession, page: Page) -> None:
    """Press the button and be heard."""
    await talk(page).click()
    await session.until(lambda: session.heard_samples() > 0)


def played(session: ScriptedSession, item: str) -> list[int]:
    return [each.audio_end_ms for each in session.of(PlaybackReported) if each.item_id == item]


def heard_out(session: ScriptedSession, item: str, words: int) -> bool:
    """Whether all of an answer was reported as heard."""
    last_ms = played(session, item)[-1:]
    return bool(last_ms) and words * WORD_MS <= last_ms[0] <= words * WORD_MS + PADDING_MS


async def test_a_spoken_question_is_shown_and_its_answer_is_heard_and_read_word_by_word(
    browser: Browser,
) -> None:
    session = ScriptedSession()
    async with page_service(session) as (url, _), visit(browser, url) as page:
        await start(session, page)
        await expect(page.locator("#state")).to_have_text("Listening")
        await session.user_says(QUESTION)
        await expect(page.locator(".turn.user .words")).to_have_text(QUESTION)
        item = await session.begin_answer(ANSWER, spoken_words=3)
        answer = last_answer(page)
        await expect(answer.locator(".now")).to_have_text("enough")
        await expect(answer.locator(".heard")).to_have_text("Rest, and drink ")
        await expect(answer.locator(".ahead")).to_contain_text("water. See a doctor tomorrow.")
        await expect(page.locator("#state")).to_contain_text("Speaking")
        await session.end_answer(spoken_words=WORDS - 3)
        await session.until(lambda: heard_out(session, item, WORDS))
        await expect(answer.locator(".words")).to_have_text(ANSWER)
        await expect(answer.locator(".ahead, .now, .unheard")).to_have_count(0)
        await expect(page.locator("#state")).to_have_text("Listening")
        assert await page.locator("#announcer p").all_inner_texts() == [QUESTION, ANSWER]
        await answer.locator("summary").click()
        steps = await answer.locator(".waterfall th").all_inner_texts()
        assert steps == ["pause noticed", "words known", "first token", "sent", "here"]
        assert await page.evaluate("import('/web/app.js').then(({talk}) => talk.figures.underruns)") >= 1
    reports = played(session, item)
    assert reports == sorted(reports) and len(reports) > WORDS * WORD_MS / 1000 * 4
    assert session.of(SessionUpdated)[0].settings.modality == "audio"


async def test_an_interruption_silences_the_answer_and_strikes_what_was_not_heard(browser: Browser) -> None:
    session = ScriptedSession()
    async with page_service(session) as (url, _), visit(browser, url) as page:
        await start(session, page)
        item = await session.begin_answer(ANSWER)
        response = session.wire.response_id
        assert response is not None
        await session.until(lambda: played(session, item)[-1:] >= [3 * WORD_MS])
        await session.playback("hold", response, item)
        await expect(page.locator("#state")).to_have_text("Go on, I listen")
        await session.playback("clear", response, item)
        await expect(last_answer(page).locator("s.unheard")).to_contain_text("tomorrow.")
        session.wire.response_finished("cancelled", reason="turn_detected", heard="Rest, and drink ")
        await session.flush()
        answer = last_answer(page)
        await expect(answer.locator(".heard")).to_have_text("Rest, and drink ")
        await expect(answer.locator("s.unheard")).to_contain_text("enough water. See a doctor tomorrow.")
        await expect(answer.locator(".end")).to_have_text("interrupted")
        await session.user_says("Stop it.")
        second = await session.begin_answer("All right.")
        await session.end_answer()
        await session.until(lambda: heard_out(session, second, 2))
        assert (await page.locator("#announcer p").all_text_contents())[0] == "Rest, and drink "


async def test_a_noise_only_holds_the_answer_and_not_a_sample_of_it_is_lost(browser: Browser) -> None:
    session = ScriptedSession()
    async with page_service(session) as (url, _), visit(browser, url) as page:
        await start(session, page)
        item = await session.begin_answer(ANSWER)
        response = session.wire.response_id
        assert response is not None
        await session.until(lambda: played(session, item)[-1:] >= [2 * WORD_MS])
        await session.playback("hold", response, item)
        await expect(page.locator("#state")).to_have_text("Go on, I listen")
        await session.playback("resume", response, item)
        await session.end_answer()
        await session.until(lambda: heard_out(session, item, WORDS))
        await expect(last_answer(page).locator(".unheard")).to_have_count(0)


async def test_with_opus_an_answer_takes_a_tenth_of_the_bytes_and_is_heard_to_its_end(
    browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("transport.outbound.OBSERVE_S", math.inf)  # however slow this machine is just now
    session = ScriptedSession()
    async with page_service(session) as (url, _), visit(browser, url, script="") as page:
        await start(session, page)
        await session.user_says(QUESTION)
        await page.evaluate(
            "import('/web/app.js').then(({talk}) => (talk.connection.inbox.receivedBytes = 0))"
        )
        item = await session.begin_answer(ANSWER)
        await session.end_answer()
        await session.until(lambda: heard_out(session, item, WORDS))
        await expect(last_answer(page).locator(".words")).to_have_text(ANSWER)
        await expect(last_answer(page).locator(".ahead, .now, .unheard")).to_have_count(0)
        received = await page.evaluate(
            "import('/web/app.js').then(({talk}) => talk.connection.inbox.receivedBytes)"
        )
        assert received < len(tone(WORDS)) * 2 / 4  # events and all
        assert session.heard_samples() % 480 == 0


async def test_a_typed_question_breaks_into_an_answer_and_so_does_escape(browser: Browser) -> None:
    session = ScriptedSession()
    async with page_service(session) as (url, _), visit(browser, url) as page:
        await page.get_by_role("button", name="What is a normal pulse?").click()
        await session.told(ResponseRequested)
        await session.begin_answer(ANSWER, spoken_words=2)
        await expect(last_answer(page).locator(".now")).to_have_text("drink")
        await page.get_by_label("Write a message").fill("And ibuprofen?")
        await page.keyboard.press("Enter")
        await session.told(OutputAudioCleared)
        session.wire.response_finished("cancelled", reason="client_cancelled", heard="Rest, and ")
        await session.flush()
        await session.told(ResponseRequested, 2)
        await expect(last_answer(page).locator(".unheard")).to_contain_text("drink enough water.")
        await session.begin_answer(ANSWER, spoken_words=1)
        await expect(page.get_by_role("button", name="Stop", exact=True)).to_be_visible()
        await expect(last_answer(page).locator(".now")).to_have_text("and")
        await page.keyboard.press("Escape")
        await session.told(OutputAudioCleared, 2)


async def test_a_cut_line_is_mended_and_no_sample_is_lost_or_doubled(browser: Browser) -> None:
    session = ScriptedSession()
    async with page_service(session) as (url, proxy), visit(browser, url) as page:
        await start(session, page)
        await session.user_says(QUESTION)
        item = await session.begin_answer(ANSWER, spoken_words=2)
        await expect(last_answer(page).locator(".now")).to_have_text("drink")
        proxy.cut()
        await session.told(LineLost)
        await session.told(LineRestored)
        await session.end_answer(spoken_words=WORDS - 2)
        await session.until(lambda: heard_out(session, item, WORDS))
        await expect(page.locator("#state")).to_have_text("Listening")
        await talk(page).click()
        said = await page.evaluate("import('/web/app.js').then(({talk}) => talk.connection.outbox._said)")
        await session.until(lambda: session.heard_samples() >= said)
        assert session.heard_samples() == said
        assert session.sessions == 1
        await expect(page.locator(".turn")).to_have_count(2)
        mended = "import('/web/app.js').then(({talk}) => talk.connection.reconnections)"
        assert await page.evaluate(mended) == 1


async def test_without_a_network_the_page_says_so_and_what_was_typed_arrives_later(browser: Browser) -> None:
    session = ScriptedSession()
    service = page_service(session)
    async with service as (url, proxy), visit(browser, url, faults_matter=False) as page:
        await page.get_by_label("Write a message").fill(QUESTION)
        await page.keyboard.press("Enter")
        await session.told(ResponseRequested)
        proxy.down = True
        proxy.cut()
        await expect(page.locator("#state")).to_have_text("Connection lost. Coming back…")
        await page.get_by_label("Write a message").fill("Are you there?")
        await page.keyboard.press("Enter")
        proxy.down = False
        await session.told(ResponseRequested, 2)
        assert session.sessions == 1
        await expect(page.locator(".turn.user")).to_have_count(2)


async def test_a_session_that_is_over_is_followed_by_another_one(browser: Browser) -> None:
    session = ScriptedSession()
    async with page_service(session) as (url, _), visit(browser, url) as page:
        await start(session, page)
        await session.user_says(QUESTION)
        await expect(page.locator(".turn.user .words")).to_have_text(QUESTION)
        await session.close(CLOSE_RESTART, "restarting")
        await expect(page.get_by_role("status")).to_contain_text("The conversation has ended")
        await expect(page.locator("#state")).to_have_text("Press, and speak")
        await talk(page).click()
        await session.until(lambda: session.sessions == 2)
        await expect(page.locator(".between")).to_have_text("A new conversation")


async def test_a_service_with_keys_asks_for_one_and_sessions_open_with_a_secret(browser: Browser) -> None:
    session, key = ScriptedSession(), "a-key-of-the-service"
    async with page_service(session, keys=[key]) as (url, _):
        opened = await browser.new_context(locale="en-US")
        page = await opened.new_page()
        await page.goto(url)
        box = page.get_by_label("API key")
        await box.fill("a-key-of-another-one")
        await page.keyboard.press("Enter")
        await expect(page.get_by_role("alert")).to_have_text("That key does not open this service.")
        await box.fill(key)
        await page.keyboard.press("Enter")
        await expect(page.locator("body[data-ready]")).to_be_visible()
        await page.get_by_label("Write a message").fill(QUESTION)
        await page.keyboard.press("Enter")
        await session.told(ResponseRequested)
        assert await page.evaluate("localStorage.getItem('liushui.key')") is None
        await opened.close()


async def test_what_an_answer_rests_on_is_shown_beside_it(browser: Browser) -> None:
    session = ScriptedSession()
    async with page_service(session) as (url, _), visit(browser, url) as page:
        await page.get_by_role("button", name="What is a normal pulse?").click()
        await session.told(ResponseRequested)
        response = session.wire.response_started("text")
        session.wire.response_text("60 to 100.")
        passages = [{"id": "p1", "title": "Heart <rate>", "text": "At rest 60 to 100 a minute."}]
        told: dict[str, object] = {"passages": passages, "disclaimer": "No medical advice."}
        session.wire.notice("liushui.citation", response_id=response, **told)
        session.wire.response_finished("completed")
        await session.flush()
        answer = last_answer(page)
        await answer.get_by_text("Sources (1)").click()
        await expect(answer.locator(".sources li")).to_contain_text("Heart <rate>")
        await expect(answer.locator(".disclaimer")).to_have_text("No medical advice.")


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_axe_finds_nothing_wrong_and_nothing_is_wider_than_a_phone(
    browser: Browser, scheme: str
) -> None:
    session = ScriptedSession()
    look: dict[str, Any] = {"color_scheme": scheme, "viewport": PHONE, "bypass_csp": True}
    async with page_service(session) as (url, _), visit(browser, url, **look) as page:
        await page.add_script_tag(path=AXE)
        await sound(page)
        await start(session, page)
        await session.user_says(QUESTION)
        item = await session.begin_answer(ANSWER, spoken_words=2)
        await expect(last_answer(page).locator(".now")).to_have_text("drink")
        await sound(page)
        response = session.wire.response_id
        assert response is not None
        await session.playback("clear", response, item)
        session.wire.response_finished("cancelled", reason="turn_detected", heard="Rest, and ")
        await session.flush()
        await last_answer(page).locator("summary").click()
        await sound(page)
        await page.get_by_role("button", name="切换到中文").click()
        await page.get_by_role("button", name="设置").click()
        await page.get_by_text("水面之下").click()
        await sound(page)


async def sound(page: Page) -> None:
    """Nothing that axe-core knows, and nothing to scroll sideways for."""
    found = await page.evaluate(
        "axe.run().then(({violations}) => violations.map((it) => [it.id, it.nodes.map((node) => node.html)]))"
    )
    assert not found
    assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")


async def test_the_keyboard_reaches_everything_and_the_stream_stands_still_for_who_wants_it(
    browser: Browser,
) -> None:
    session = ScriptedSession()
    async with page_service(session) as (url, _), visit(browser, url, reduced_motion="reduce") as page:
        reached = []
        for _ in range(9):
            await page.keyboard.press("Tab")
            reached.append(
                await page.evaluate("document.activeElement.id || document.activeElement.textContent")
            )
        assert reached[:3] == ["language-switch", "theme-switch", "settings-open"]
        assert reached[6:9] == ["talk", "attach", "text"]
        await talk(page).focus()
        await page.keyboard.press("Space")
        await session.until(lambda: session.heard_samples() > 0)
        await expect(talk(page)).to_have_attribute("aria-pressed", "true")
        await page.keyboard.press("Space")
        await expect(talk(page)).to_have_attribute("aria-pressed", "false")
        stands_still = """async () => {
          for (let looks = 0; looks < 50; looks++) {
            const before = document.getElementById("river").toDataURL();
            for (let frame = 0; frame < 20; frame++) await new Promise(requestAnimationFrame);
            if (before === document.getElementById("river").toDataURL()) return true; // the voice has faded
          }
          return false;
        }"""
        assert await page.evaluate(stands_still)
