"""The page's modules that need no page: their own tests, run inside the browser."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.page_service import SCRIPTS, ScriptedSession, chromium, page_service, watch

FILES = sorted(path.name for path in SCRIPTS.glob("*.test.js"))


@pytest.mark.parametrize("file", FILES)
async def test_the_tests_of_a_module_pass(file: str) -> None:
    async with page_service(ScriptedSession()) as (url, _), chromium() as browser:
        page = await browser.new_page()
        faults = watch(page)
        await page.goto(url)
        result = await page.evaluate(
            "async (file) => (await import('/tests/expect.js')).run(file)", f"/tests/{Path(file).name}"
        )
    assert not result["failed"], "\n".join(f"{sentence}: {error}" for sentence, error in result["failed"])
    assert result["count"] > 0
    assert not faults
