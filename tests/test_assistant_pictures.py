"""Pictures in whole conversations in virtual time; what finds their text is scripted but at the end."""

from __future__ import annotations

import asyncio
import base64
import io
import multiprocessing
import os
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from assistant import picture_items, picture_reader
from assistant.answer import Answer
from assistant.charts import parse_chart
from assistant.completion import Completion
from assistant.errors import PictureUnread
from assistant.image_reading import RapidOcr, TextFinder, read_picture
from assistant.mouth import Mouth
from assistant.picture_desk import MAX_WAITING, PictureDesk
from assistant.picture_rows import Found
from assistant.pictures import FAILED, NOTHING
from tests.dialogues import ANSWERS, Room, converse, room
from tests.fakes import WORD_S, InlineReader, InlineWorker
from tests.rendered import BILL_ZH, LAB, PRESCRIPTION, drawn, encoded, photographed
from tests.test_assistant_picture_rows import ROWS, found
from transport.chat_completions import read_chat_request
from transport.fields import Fields
from transport.image_header import read_header
from transport.pictures import Picture
from transport.settings import SessionSettings

QUESTION = "how is my ferritin?"
ANSWER = "All of it is fine, but ferritin is low."
READ_COST_S = 2.0
CELLS = tuple(
    found(text, 60 + 200 * column, 40 + 44 * row)
    for row, cells in enumerate(ROWS)
    for column, text in enumerate(cells)
)


@dataclass
class ScriptedFinder:
    """Finds what it is told, whatever it sees."""

    words: tuple[Found, ...] = CELLS
    error: Exception | None = None
    sizes: list[tuple[int, ...]] = field(default_factory=list)

    def find(self, pixels: NDArray[np.uint8]) -> list[Found]:
        self.sizes.append(pixels.shape)
        if self.error is not None:
            raise self.error
        return list(self.words)


def paper(size: tuple[int, int] = (640, 200)) -> bytes:
    return encoded(Image.new("RGB", size, "white"))


def place(finder: TextFinder, cost_s: float = READ_COST_S, **options: Any) -> Room:
    """A room where pictures take so long to read."""
    here = room(**options)
    here.chat.answers[QUESTION] = ANSWER
    desk = PictureDesk(InlineReader(finder, cost_s), InlineWorker("cutter", 0.02))
    here.engines = replace(here.engines, pictures=desk)
    return here


def show(here: Room, text: str | None = None, item_id: str = "picture_1", data: bytes | None = None) -> None:
    """The user sends a picture."""
    url = "data:image/png;base64," + base64.b64encode(paper() if data is None else data).decode()
    parts: list[dict[str, object]] = [{"type": "input_image", "image_url": url}]
    parts += [] if text is None else [{"type": "input_text", "text": text}]
    item = {"type": "message", "role": "user", "content": parts, "id": item_id}
    here.client.send({"type": "conversation.item.create", "item": item})


def told(here: Room, kind: str) -> list[Any]:
    return here.client.of_type(f"liushui.image.{kind}")


def test_what_is_read_joins_the_dialogue_before_the_question_that_came_while_it_was_read() -> None:
    async def script(here: Room) -> None:
        show(here)
        here.type_in(QUESTION)
        await asyncio.sleep(1.0)
        assert not here.client.of_type("response.created")
        await asyncio.sleep(8.0)

    here = converse(place(ScriptedFinder()), script)
    assert here.statuses() == ["completed"]
    seen, asked = here.heard("user")
    assert "Ferritin 8 ug/L" in seen and asked == QUESTION
    (read,) = told(here, "read")
    assert [line["text"] for line in read["lines"]] == [" ".join(row) for row in ROWS]
    assert (read["item_id"], read["width"], read["height"]) == ("picture_1", 640, 200)
    assert read["lines"][2]["box"] == [60, 128, 504, 148]


def test_a_picture_and_its_question_may_be_one_message() -> None:
    async def script(here: Room) -> None:
        show(here, text=QUESTION)
        here.client.send({"type": "response.create"})
        await asyncio.sleep(8.0)

    here = converse(place(ScriptedFinder()), script)
    (message,) = here.heard("user")
    assert message.startswith("[My picture says:") and message.endswith(QUESTION)


def test_a_spoken_question_waits_for_the_picture_too() -> None:
    async def script(here: Room) -> None:
        show(here)
        await here.say(f"{QUESTION} " + "~ " * 40)

    here = converse(place(ScriptedFinder(), cost_s=5.0), script)
    assert here.statuses() == ["completed"]
    assert [QUESTION in text for text in here.heard("user")] == [False, True]
    read_s = next(at for at, event in here.client.received if event["type"] == "liushui.image.read")
    first_s = next(at for at, event in here.client.received if event["type"] == "response.created")
    assert read_s <= first_s < read_s + 0.5


@pytest.mark.parametrize(
    ("finder", "cost_s", "reason"),
    [
        (ScriptedFinder(error=RuntimeError("the engine broke")), 1.0, "the engine broke"),
        (ScriptedFinder(), picture_items.READ_S + 5, "over 20 s"),
    ],
)
def test_a_picture_that_cannot_be_read_is_told_and_the_question_answered(
    finder: ScriptedFinder, cost_s: float, reason: str
) -> None:
    async def script(here: Room) -> None:
        show(here)
        here.type_in(QUESTION)
        await asyncio.sleep(picture_items.READ_S + 8)

    here = converse(place(finder, cost_s), script)
    (failed,) = told(here, "failed")
    assert reason in failed["reason"] and failed["item_id"] == "picture_1"
    assert here.heard("user") == [FAILED, QUESTION]
    assert here.statuses() == ["completed"]


def test_a_file_that_is_cut_off_is_told_and_the_conversation_goes_on() -> None:
    async def script(here: Room) -> None:
        show(here, data=encoded(drawn(LAB))[:5000])
        here.type_in(QUESTION)
        await asyncio.sleep(8)

    here = converse(place(ScriptedFinder()), script)
    (failed,) = told(here, "failed")
    assert "the file is broken" in failed["reason"]
    assert here.heard("user") == [FAILED, QUESTION]
    assert here.statuses() == ["completed"]


def test_the_model_knows_of_a_picture_without_text() -> None:
    async def script(here: Room) -> None:
        show(here)
        await asyncio.sleep(4.0)

    here = converse(place(ScriptedFinder(words=())), script)
    assert told(here, "read")[0]["lines"] == []
    assert here.heard("user") == [NOTHING]


def test_a_picture_that_was_deleted_while_it_was_read_never_was() -> None:
    async def script(here: Room) -> None:
        show(here)
        await asyncio.sleep(0.5)
        here.client.send({"type": "conversation.item.delete", "item_id": "picture_1"})
        here.type_in(QUESTION)
        await asyncio.sleep(8.0)

    here = converse(place(ScriptedFinder()), script)
    assert here.heard("user") == [QUESTION]
    assert not told(here, "show")


def test_the_row_that_an_answer_speaks_of_is_shown_before_its_word_sounds() -> None:
    async def script(here: Room) -> None:
        show(here)
        await asyncio.sleep(3.0)
        here.type_in(QUESTION)
        await asyncio.sleep(8.0)

    here = converse(place(ScriptedFinder()), script)
    (shown,) = told(here, "show")
    at = ANSWER.index("ferritin")
    assert (shown["kind"], shown["at_offset"], shown["alt"]) == ("region", at, "Ferritin 8 ug/L")
    words_ms = 1000 * WORD_S * len(ANSWER[:at].split())  # and there is a pause at the comma
    assert words_ms <= shown["at_ms"] < words_ms + 1000 * WORD_S
    assert shown["region"] == {"item_id": "picture_1", "content_index": 0, "box": [60, 128, 504, 148]}
    first_s = next(at for at, event in here.client.received if event["type"] == "response.output_audio.delta")
    shown_s = next(at for at, event in here.client.received if event["type"] == "liushui.image.show")
    assert shown_s < first_s + shown["at_ms"] / 1000
    (created,) = here.client.of_type("response.created")
    assert shown["response_id"] == created["response"]["id"]  # type: ignore[index]
    head, data = shown["image_url"].split(",")
    assert head == "data:image/jpeg;base64"
    image = Image.open(io.BytesIO(base64.b64decode(data)))
    assert image.width <= 560 and len(data) < 30_000


def test_of_two_pictures_that_have_the_row_the_newer_one_is_shown() -> None:
    async def script(here: Room) -> None:
        show(here, item_id="picture_0")
        show(here)
        await asyncio.sleep(6.0)
        here.type_in(QUESTION)
        await asyncio.sleep(8.0)

    here = converse(place(ScriptedFinder()), script)
    assert [shown["region"]["item_id"] for shown in told(here, "show")] == ["picture_1"]


def test_in_a_written_answer_the_row_is_shown_by_its_place_in_the_text() -> None:
    async def script(here: Room) -> None:
        show(here)
        await asyncio.sleep(3.0)
        here.type_in(QUESTION)
        await asyncio.sleep(4.0)

    here = converse(place(ScriptedFinder(), settings=SessionSettings(modality="text")), script)
    (shown,) = told(here, "show")
    assert (shown["at_offset"], shown["at_ms"]) == (ANSWER.index("ferritin"), None)


def test_a_line_that_may_be_misread_is_told_as_such_and_neither_believed_nor_shown() -> None:
    async def script(here: Room) -> None:
        show(here)
        await asyncio.sleep(3.0)
        here.type_in(QUESTION)
        await asyncio.sleep(8.0)

    doubtful = tuple(replace(word, confidence=0.5) if word.text == "8" else word for word in CELLS)
    here = converse(place(ScriptedFinder(words=doubtful)), script)
    assert [line["uncertain"] for line in told(here, "read")[0]["lines"]] == [False, False, True]
    assert "Ferritin" not in here.heard("user")[0] and "too unclear" in here.heard("user")[0]
    assert not told(here, "show")


def test_a_chart_is_shown_with_the_numbers_that_the_answer_speaks(monkeypatch: pytest.MonkeyPatch) -> None:
    answer = "It grows, and after ten years it is 16,289 dollars."
    monkeypatch.setitem(ANSWERS, "how much?", answer)
    chart = parse_chart("Savings (dollars) | Start=10000; 10 years=16289")
    begin = Mouth.begin

    def with_chart(self: Mouth, answer: Answer) -> None:
        begin(self, answer)
        self.illustrations.charts = (chart,)

    monkeypatch.setattr(Mouth, "begin", with_chart)

    async def script(here: Room) -> None:
        here.type_in("how much?")
        await asyncio.sleep(8.0)

    here = converse(place(ScriptedFinder()), script)
    (shown,) = told(here, "show")
    assert (shown["kind"], shown["region"], shown["at_offset"]) == ("chart", None, answer.index("16,289"))
    assert shown["alt"] == chart.alt
    assert shown["image_url"].startswith("data:image/svg+xml;base64,")


def test_a_client_that_commits_its_turns_itself_waits_for_the_picture_as_well() -> None:
    async def script(here: Room) -> None:
        show(here)
        await here.say(QUESTION)
        here.client.send({"type": "input_audio_buffer.commit"})
        here.client.send({"type": "response.create"})
        await asyncio.sleep(12.0)

    by_hand = SessionSettings(turn_detection=None)
    here = converse(place(ScriptedFinder(), cost_s=4.0, settings=by_hand), script)
    assert here.statuses() == ["completed"]
    assert "Ferritin" in here.heard("user")[0]


async def test_a_chat_completion_reads_the_pictures_of_its_messages_first() -> None:
    url = "data:image/png;base64," + base64.b64encode(paper()).decode()
    content = [{"type": "text", "text": "how?"}, {"type": "image_url", "image_url": {"url": url}}]
    asked = read_chat_request(Fields({"messages": [{"role": "user", "content": content}]}))
    here = place(ScriptedFinder(), cost_s=0.0)
    said = "".join([each async for each in Completion(here.engines)(asked) if isinstance(each, str)])
    assert "Ferritin 8 ug/L" in said and said.split()[-1] == "how?"
    here = place(ScriptedFinder(error=RuntimeError("broke")), cost_s=0.0)
    with pytest.raises(RuntimeError, match="broke"):
        await anext(Completion(here.engines)(asked))


def picture(data: bytes) -> Picture:
    header = read_header(data)
    assert header is not None
    return Picture(data, header)


async def test_pictures_are_read_one_at_a_time_and_beyond_a_few_that_wait_refused() -> None:
    finder = ScriptedFinder()
    desk = PictureDesk(InlineReader(finder, 0.01), InlineWorker("cutter"))
    reading = [asyncio.create_task(desk.read(picture(paper()))) for _ in range(MAX_WAITING + 1)]
    results = await asyncio.gather(*reading, return_exceptions=True)
    refused = [each for each in results if isinstance(each, BaseException)]
    assert len(refused) == 1 and isinstance(refused[0], PictureUnread)
    assert len(finder.sizes) == MAX_WAITING


def test_a_service_without_the_library_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing() -> TextFinder:
        raise ModuleNotFoundError("No module named 'rapidocr'", name="rapidocr")

    monkeypatch.setattr(picture_reader, "RapidOcr", missing)
    with pytest.raises(PictureUnread, match=r"pip install 'liushui\[images\]'"):
        picture_reader._finder.__wrapped__()


async def test_pictures_are_read_in_a_process_of_low_priority_that_is_begun_again_when_it_dies() -> None:
    reader = picture_reader.ProcessReader()
    try:
        with pytest.raises(PictureUnread, match="the file is broken"):
            await reader.read(picture(encoded(drawn(LAB))[:5000]))
        assert (await reader.read(picture(encoded(drawn(LAB))))).lines[0].text == LAB.lines[0]
        (process,) = multiprocessing.active_children()
        niceness = os.getpriority(os.PRIO_PROCESS, process.pid or 0) - os.getpriority(os.PRIO_PROCESS, 0)
        assert niceness == picture_reader.NICENESS
        reading = asyncio.create_task(reader.read(picture(encoded(drawn(PRESCRIPTION)))))
        await asyncio.sleep(0.1)
        process.kill()
        with pytest.raises(PictureUnread, match="broke down"):
            await reading
        assert (await reader.read(picture(paper()))).lines == ()
    finally:
        reader.close()
    assert not multiprocessing.active_children()


def test_a_photo_taken_sideways_is_read_upright_and_a_large_one_made_smaller_first() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    data = encoded(Image.new("RGB", (4000, 3000), "white"), "JPEG", exif=exif)
    finder = ScriptedFinder()
    header = read_header(data)
    assert header is not None
    read = read_picture(data, header, finder)
    assert finder.sizes == [(1600, 1200, 3)]
    assert (read.width, read.height) == (3000, 4000)
    assert read.lines[0].box[0] == 60 * 3000 // 1200


def test_what_shines_through_a_transparent_screenshot_is_paper() -> None:
    seen: list[NDArray[np.uint8]] = []

    class Eye:
        def find(self, pixels: NDArray[np.uint8]) -> list[Found]:
            seen.append(pixels)
            return []

    for mode in ("RGBA", "LA", "L", "P", "1"):
        data = encoded(Image.new(mode, (30, 20), (0, 0) if mode == "LA" else 0), "PNG")
        header = read_header(data)
        assert header is not None
        read_picture(data, header, Eye())
    assert [pixels.shape for pixels in seen] == [(20, 30, 3)] * 5
    assert [int(pixels[0, 0, 0]) for pixels in seen[:2]] == [255, 255]


@pytest.mark.parametrize("damage", ["cut", "noise", "lie"])
def test_a_broken_file_is_told_as_such(damage: str) -> None:
    data = bytearray(encoded(drawn(LAB)))
    if damage == "cut":
        data = data[:200]
    elif damage == "noise":
        data[60:400] = bytes(340)
    else:
        data[16:20] = (2_000).to_bytes(4)
    header = read_header(bytes(data))
    assert header is not None
    with pytest.raises(PictureUnread, match="broken"):
        read_picture(bytes(data), header, ScriptedFinder())


@pytest.fixture(scope="module")
def ocr() -> RapidOcr:
    return RapidOcr()


@pytest.mark.parametrize("paper", [LAB, PRESCRIPTION, BILL_ZH], ids=lambda paper: paper.name)
def test_a_photographed_paper_is_read_row_by_row(ocr: RapidOcr, paper: Any) -> None:
    try:
        image = photographed(drawn(paper), np.random.default_rng(7))
    except OSError:
        pytest.skip("the system has no font for it")
    data = encoded(image, "JPEG", quality=85)
    header = read_header(data)
    assert header is not None
    read = read_picture(data, header, ocr)
    assert ["".join(line.text.split()) for line in read.lines] == [
        "".join(line.split()) for line in paper.lines
    ]
    assert len(read.facts) == len(read.lines)


def test_blank_paper_has_nothing_to_read(ocr: RapidOcr) -> None:
    data = paper()
    header = read_header(data)
    assert header is not None
    assert read_picture(data, header, ocr).lines == ()
