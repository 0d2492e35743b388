"""Pictures that `liushui talk` sends, to a real service whose engines are scripted."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from assistant.errors import PictureUnread
from assistant.persona import SAMPLES
from assistant.picture_files import picture_in
from assistant.sent_pictures import Sent, send_pictures
from assistant.service import application
from assistant.service_config import ServiceConfig
from tests.dialogues import Room
from tests.test_assistant_picture_rows import ROWS
from tests.test_assistant_pictures import ScriptedFinder, paper, place
from transport.client import RealtimeClient
from transport.pictures import MAX_PICTURE_BYTES
from transport.server import serving

REPORT = SAMPLES / "images" / "lab-report.jpg"


async def sent_to(here: Room, *paths: Path) -> list[Sent]:
    app = application(ServiceConfig(), here.engines)
    async with serving(app) as url, RealtimeClient.connect(url) as client:
        return await send_pictures(client, [(path, picture_in(path)) for path in paths])


async def test_what_the_service_read_in_each_picture_is_told_in_the_order_of_the_files(
    tmp_path: Path,
) -> None:
    blank = tmp_path / "blank.png"
    blank.write_bytes(paper())
    sent = await sent_to(place(ScriptedFinder(), cost_s=0.0), REPORT, blank)
    assert [each.path for each in sent] == [REPORT, blank]
    assert [line["text"] for line in sent[0].lines] == [" ".join(row) for row in ROWS]
    assert sent[0].account()[:2] == ["lab-report.jpg:", "  " + " ".join(ROWS[0])]
    assert sent[0].as_dict()["problem"] is None


async def test_a_doubtful_line_is_marked_and_a_picture_without_text_told_as_such() -> None:
    words = tuple(replace(word, confidence=0.5) for word in ScriptedFinder().words)
    (sent,) = await sent_to(place(ScriptedFinder(words), cost_s=0.0), REPORT)
    assert all(line.endswith(" (?)") for line in sent.account()[1:])
    (sent,) = await sent_to(place(ScriptedFinder(words=()), cost_s=0.0), REPORT)
    assert sent.account() == ["lab-report.jpg: no text in it could be read"]


async def test_why_the_service_could_not_read_a_picture_is_told() -> None:
    (sent,) = await sent_to(place(ScriptedFinder(error=RuntimeError("the engine broke"))), REPORT)
    assert sent.problem is not None and "the engine broke" in sent.problem
    assert sent.account() == [f"lab-report.jpg: {sent.problem}"]


def test_a_file_that_is_no_picture_or_too_large_is_named_before_anything_is_sent(tmp_path: Path) -> None:
    with pytest.raises(PictureUnread, match=r"prompt\.md: is no PNG, JPEG or WebP"):
        picture_in(SAMPLES / "medical" / "prompt.md")
    large = tmp_path / "large.png"
    large.write_bytes(paper() + bytes(MAX_PICTURE_BYTES))
    with pytest.raises(PictureUnread, match=r"large\.png: has 8\d+ bytes"):
        picture_in(large)
