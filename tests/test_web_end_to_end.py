"""The page in a real browser on the whole service, with real models and a voice at the microphone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile
import soxr
from playwright.async_api import expect

from assistant.caller import read_question
from assistant.loaded import Engines
from assistant.persona import SAMPLES
from assistant.service import load_engines, running
from assistant.service_config import ServiceConfig
from assistant.weights import Store
from tests.page_service import MICROPHONE, chromium, need_chromium, watch

QUESTION_RATE_HZ, BROWSER_RATE_HZ = 24_000, 48_000
# Of silence. An answer of so many sentences lasts twice as long as the one in the middle, whenever in it the
# answer begins: on a busy machine that may be late.
BEFORE_S, BETWEEN_S, AFTER_S = 0.5, 7.0, 60.0
PROMPT = "You are a nurse on the telephone. Answer every question at length, in eight long sentences."
ENOUGH_MS = 45_000.0


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> ServiceConfig:
    domain = tmp_path_factory.mktemp("talkative")
    (domain / "prompt.md").write_text(PROMPT, encoding="utf-8")
    return ServiceConfig(port=0, domains=(str(domain),))


@pytest.fixture(scope="module")
def engines(config: ServiceConfig) -> Iterator[Engines]:
    need_chromium()
    loaded = load_engines(config, Store())
    assert loaded.failures == ()
    yield loaded
    loaded.close()


def microphone_of(folder: Path) -> Path:
    """A question, and another one that breaks into the answer."""
    silences = [np.zeros(round(s * BROWSER_RATE_HZ), np.float32) for s in (BEFORE_S, BETWEEN_S, AFTER_S)]
    questions = [read_question(SAMPLES / "wav" / name) for name in ("headache.wav", "headache-followup.wav")]
    said = [soxr.resample(each.audio, QUESTION_RATE_HZ, BROWSER_RATE_HZ) for each in questions]
    file = folder / "microphone.wav"
    whole = np.concatenate((silences[0], said[0], silences[1], said[1], silences[2]))
    soundfile.write(file, whole, BROWSER_RATE_HZ, subtype="PCM_16")
    return file


async def test_one_speaks_hears_reads_breaks_in_and_types(
    engines: Engines, config: ServiceConfig, tmp_path: Path
) -> None:
    voice = f"--use-file-for-fake-audio-capture={microphone_of(tmp_path)}%noloop"
    async with chromium(*MICROPHONE, voice) as browser, running(config, engines) as url:
        page = await browser.new_page(locale="en-US")
        faults = watch(page)
        await page.goto(url.replace("ws:", "http:").removesuffix("v1/realtime"))
        await page.get_by_role("button", name="Talk").click()
        users, answers = page.locator(".turn.user .words"), page.locator(".turn.assistant")
        await expect(users.first).to_contain_text("headache", timeout=ENOUGH_MS)
        await expect(answers.first.locator(".heard").first).not_to_be_empty(timeout=ENOUGH_MS)
        await expect(answers.first.locator("s.unheard")).not_to_be_empty(timeout=ENOUGH_MS)
        await expect(answers.first.locator(".end")).to_have_text("interrupted")
        await expect(answers.nth(1).locator(".heard").first).not_to_be_empty(timeout=ENOUGH_MS)
        await expect(users).to_have_count(2)
        await page.get_by_role("button", name="Stop talking").click()
        await expect(answers.nth(1).locator(".end")).to_have_text("stopped")
        await answers.first.locator("summary").click()
        steps = await answers.first.locator(".waterfall th").all_inner_texts()
        assert {"words known", "first token", "sent", "here"} <= set(steps)
        await page.get_by_role("button", name="Settings").click()
        await page.get_by_label("Text only").check()
        await page.get_by_role("button", name="Close").click()
        await page.get_by_label("Write a message").fill("What is a normal pulse?")
        await page.keyboard.press("Enter")
        await expect(answers.nth(2).locator(".heard")).not_to_be_empty(timeout=ENOUGH_MS)
        await page.close()
    assert not faults
