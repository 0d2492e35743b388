"""The page's own connection over a real socket that breaks: nothing lost or doubled in either direction."""

from __future__ import annotations

import asyncio
import base64

import numpy as np
from starlette.routing import Mount
from starlette.staticfiles import StaticFiles

from tests.page_service import SCRIPTS, chromium, watch
from tests.speaking_session import Speaker, noise, service
from transport.audio_formats import from_pcm16, to_pcm16


async def test_a_line_that_breaks_twice_costs_no_sample_in_either_direction() -> None:
    speaker, said = Speaker(noise(2.0)), noise(2.0, seed=1)
    tests = Mount("/tests", StaticFiles(directory=SCRIPTS))
    async with service(speaker, further=[tests]) as (url, proxy), chromium() as browser:
        page = await browser.new_page()
        faults = watch(page)
        await page.goto(url.replace("ws:", "http:").removesuffix("v1/realtime"))
        conversation = asyncio.create_task(
            page.evaluate(
                "async (said) => (await import('/tests/line.js')).converse(said)",
                base64.b64encode(to_pcm16(said)).decode(),
            )
        )
        for cut in (1, 2):
            await speaker.until(lambda cut=cut: sum(map(len, speaker.heard)) > cut * len(said) // 4)  # type: ignore[misc]
            proxy.cut()
            await speaker.until(lambda cut=cut: speaker.cuts == cut and speaker.there.is_set())  # type: ignore[misc]
        result = await conversation
        await speaker.until(lambda: sum(map(len, speaker.heard)) == len(said))
        await page.evaluate("connection.close()")
        await speaker.until(lambda: speaker.over)
    assert result["reconnections"] == 2 and result["events"].count("response.done") == 1
    begin = result["heard"][0][0]
    heard = np.zeros(len(speaker.spoken), np.float32)
    for media_time, payload in result["heard"]:
        samples = from_pcm16(base64.b64decode(payload))
        heard[media_time - begin : media_time - begin + len(samples)] += samples
    np.testing.assert_allclose(heard, speaker.spoken, atol=1 / 32768)
    np.testing.assert_allclose(np.concatenate(speaker.heard), said, atol=1 / 32768)
    assert all("WebSocket" in fault for fault in faults)
