"""The page's modules that need no page: their own tests, run inside the browser."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import Browser

from tests.page_service import SCRIPTS, ScriptedSession, chromium, page_service, watch

pytestmark = pytest.mark.asyncio(loop_scope="module")
FILES = sorted(path.name for path in SCRIPTS.glob("*.test.js"))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Browser]:
    async with chromium() as opened:
        yield opened


@pytest.mark.parametrize("file", FILES)
async def test_the_tests_of_a_module_pass(browser: Browser, file: str) -> None:
    async with page_service(ScriptedSession()) as (url, _):
        page = await browser.new_page()
        faults = watch(page)
        await page.goto(url)
        run = "async (file) => (await import('/tests/expect.js')).run(file)"
        result = await page.evaluate(run, f"/tests/{file}")
        await page.close()
    assert not result["failed"], "\n".join(f"{sentence}: {error}" for sentence, error in result["failed"])
    assert result["count"] > 0
    assert not faults
