"""Pictures in a client's messages, by their first bytes alone."""

from __future__ import annotations

import base64
import io
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openai.types.realtime import ConversationItemCreateEvent, RealtimeConversationItemUserMessage
from PIL import Image

from tests.server_events import SERVER_EVENT
from transport.events import ItemCreated
from transport.image_header import ImageHeader, read_header
from transport.pictures import MAX_PICTURE_BYTES, MAX_PICTURES, MAX_PIXELS
from transport.protocol import RealtimeProtocol
from transport.settings import SessionSettings

KINDS = ("PNG", "JPEG", "WEBP")


def file_of(kind: str = "PNG", size: tuple[int, int] = (30, 20), **options: object) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", size, "white").save(out, kind, **options)
    return out.getvalue()


def url_of(data: bytes, media_type: str = "image/png") -> str:
    return f"data:{media_type};base64,{base64.b64encode(data).decode()}"


def part_of(url: object, **more: object) -> dict[str, object]:
    return {"type": "input_image", "image_url": url, **more}


def sent(*parts: object, role: str = "user") -> tuple[RealtimeProtocol, list[object]]:
    """What a message of these parts asks of the session."""
    wire = RealtimeProtocol("sess_1", "m", SessionSettings())
    item = {"type": "message", "role": role, "content": list(parts)}
    return wire, list(wire.receive(json.dumps({"type": "conversation.item.create", "item": item})))


def error_of(wire: RealtimeProtocol) -> dict[str, str]:
    (text,) = wire.data_to_send()
    error: dict[str, str] = json.loads(text)["error"]
    return error


@given(
    kind=st.sampled_from(KINDS),
    width=st.integers(1, 400),
    height=st.integers(1, 400),
    lossless=st.booleans(),
    progressive=st.booleans(),
)
def test_the_header_tells_the_kind_and_size_of_every_picture_that_pillow_writes(
    kind: str, width: int, height: int, lossless: bool, progressive: bool
) -> None:
    data = file_of(kind, (width, height), lossless=lossless, progressive=progressive, comment=b"\xff\xc0 no")
    assert read_header(data) == ImageHeader(kind.lower(), width, height)  # type: ignore[arg-type]


@given(st.one_of(st.binary(max_size=60), st.sampled_from(KINDS).map(file_of)), st.data())
def test_no_bytes_break_the_header_and_a_file_cut_short_is_no_picture_or_the_same_one(
    data: bytes, draw: st.DataObject
) -> None:
    cut = data[: draw.draw(st.integers(0, len(data)))]
    starts = draw.draw(st.sampled_from((b"", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"RIFF....WEBPVP8X")))
    assert read_header(cut) in (None, read_header(data))
    read_header(starts + data)


@given(st.text(max_size=80) | st.binary(max_size=80).map(url_of) | st.none() | st.integers())
def test_whatever_a_client_sends_as_a_picture_is_taken_or_refused_by_its_name(url: object) -> None:
    wire, commands = sent(part_of(url))
    if not commands:
        assert error_of(wire)["param"] == "item.content[0].image_url"


@pytest.mark.parametrize("kind", KINDS)
def test_a_picture_beside_words_reaches_the_session_whatever_its_data_url_calls_it(kind: str) -> None:
    event = {
        "type": "conversation.item.create",
        "item": {
            "type": "message",
            "role": "user",
            "content": [
                {"type": "input_text", "text": "What is this?"},
                part_of(url_of(file_of(kind), "image/gif"), detail="high"),
            ],
        },
    }
    ConversationItemCreateEvent.model_validate(event)
    wire = RealtimeProtocol("sess_1", "m", SessionSettings())
    (command,) = wire.receive(json.dumps(event))
    assert isinstance(command, ItemCreated)
    assert [(each.header.kind, each.header.width) for each in command.pictures] == [(kind.lower(), 30)]
    assert command.item.text == "What is this?"


def test_the_client_sees_its_picture_as_the_sdk_types_it_without_the_bytes() -> None:
    wire, (command,) = sent(part_of(url_of(file_of()), detail="low"))
    assert isinstance(command, ItemCreated)
    wire.item_added(command.item)
    told = [json.loads(text) for text in wire.data_to_send()]
    for event in told:
        SERVER_EVENT.validate_python(event)
        item = RealtimeConversationItemUserMessage.model_validate(event["item"])
        assert [(part.type, part.detail, part.image_url) for part in item.content] == [
            ("input_image", "low", None)
        ]


def test_what_was_read_in_the_pictures_stands_before_the_words_and_counts_as_them() -> None:
    wire, (command,) = sent(part_of(url_of(file_of())), {"type": "input_text", "text": "Is it low?"})
    assert isinstance(command, ItemCreated)
    wire.item_added(command.item)
    wire.pictures_seen(command.item.id, "Ferritin 8")
    item = wire.item(command.item.id)
    assert item is not None
    assert (item.words, item.text) == ("Ferritin 8\nIs it low?", "Is it low?")  # type: ignore[union-attr]


@pytest.mark.parametrize("piece", [b"\xff", b"\xff\xe5\x00\x02"])
def test_a_jpeg_that_does_not_come_to_its_size_is_no_picture_however_long_it_is(piece: bytes) -> None:
    jpeg = file_of("JPEG")
    assert read_header(jpeg[:2] + piece * 900 + jpeg[2:]) == ImageHeader("jpeg", 30, 20)
    assert read_header(jpeg[:2] + piece * 1000 + jpeg[2:]) is None


def bomb(width: int, height: int) -> bytes:
    """A PNG of a few bytes that says it is huge."""
    data = bytearray(file_of())
    data[16:24] = width.to_bytes(4) + height.to_bytes(4)
    return bytes(data)


@pytest.mark.parametrize(
    ("url", "code", "says"),
    [
        ("http://example.org/report.png", "invalid_image_url", "nothing is fetched"),
        ("HTTPS://example.org/report.png", "invalid_image_url", "nothing is fetched"),
        ("data:image/png,abc", "invalid_image_url", "data:image/png;base64"),
        ("data:image/png;base64,***", "invalid_image_url", "not base64"),
        ("data:image/png;base64,é", "invalid_image_url", "not base64"),
        (url_of(b"GIF89a" + bytes(40)), "invalid_image", "no PNG, JPEG or WebP"),
        (url_of(b"<svg xmlns='http://www.w3.org/2000/svg'/>"), "invalid_image", "no PNG, JPEG or WebP"),
        (url_of(bomb(60_000, 60_000)), "image_too_large", "60000 x 60000"),
        (url_of(bomb(MAX_PIXELS // 5_000 + 1, 5_000)), "image_too_large", "25 megapixels"),
        (url_of(bomb(20_000, 1)), "image_too_large", "no side over"),
        (url_of(bomb(0, 5)), "invalid_image", "no PNG"),
        (url_of(file_of() + bytes(MAX_PICTURE_BYTES)), "image_too_large", "send at most 8388608"),
        (None, "missing_required_parameter", "missing"),
        (7, "invalid_value", "data URL"),
    ],
)
def test_a_picture_that_cannot_be_taken_is_refused_with_what_to_send(
    url: object, code: str, says: str
) -> None:
    wire, commands = sent(part_of(url))
    error = error_of(wire)
    assert not commands
    assert (error["code"], error["param"]) == (code, "item.content[0].image_url")
    assert says in error["message"]


def test_a_file_at_openai_a_fifth_picture_and_an_assistants_picture_are_refused() -> None:
    good = part_of(url_of(file_of()))
    wire, _ = sent({"type": "input_image", "file_id": "file_1"})
    assert error_of(wire)["param"] == "item.content[0].file_id"
    wire, _ = sent(*[good] * (MAX_PICTURES + 1))
    assert error_of(wire)["code"] == "too_many_images"
    wire, _ = sent(good, role="assistant")
    assert error_of(wire)["code"] == "unsupported_content"
    wire, _ = sent(part_of(url_of(file_of()), detail="best"))
    assert error_of(wire)["param"] == "item.content[0].detail"


def test_a_picture_in_the_input_of_a_response_is_to_be_made_an_item_first() -> None:
    wire = RealtimeProtocol("sess_1", "m", SessionSettings())
    item = {"type": "message", "role": "user", "content": [part_of(url_of(file_of()))]}
    assert not wire.receive(json.dumps({"type": "response.create", "response": {"input": [item]}}))
    assert "holds a picture" in error_of(wire)["message"]
