"""Something to look at while an answer speaks of it: a place in a picture of the user's, a chart."""

from __future__ import annotations

import base64
import io
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass

from PIL import Image, ImageDraw

from assistant.answer import Answer
from assistant.charts import Chart, draw
from assistant.mentions import Mention, charts_mentioned, rows_mentioned
from assistant.pictures import Box, Line, ReadPicture
from assistant.workers import Worker
from transport.protocol import RealtimeProtocol

KEPT_PICTURES = 8  # of a conversation, the last: 2 MB, and nobody speaks of older ones
MAX_SHOWN = 4  # in an answer: more are not looked at while it is heard
CROP_WIDTH = 560  # pixels of what is shown, at most
CROP_QUALITY = 75  # of JPEG: 8 to 20 kB
MARK = (214, 84, 0)  # stands out on paper, for those who do not see red from green as well
AROUND = 1.2  # heights of a line that are shown above and below it


@dataclass(frozen=True, slots=True)
class Place:
    """A line of a picture of the conversation."""

    item_id: str
    content_index: int
    picture: ReadPicture
    line: Line

    def region(self) -> dict[str, object]:
        """Return the place as `liushui.image.show` names it."""
        return {"item_id": self.item_id, "content_index": self.content_index, "box": list(self.line.box)}


class Illustrations:
    """Those of one conversation. `charts`: of the knowledge that the open answer rests on."""

    def __init__(
        self, wire: RealtimeProtocol, worker: Worker, shown: Callable[[Answer], Awaitable[None]]
    ) -> None:
        """`worker`: cuts pictures; `shown` is told when the wire has something new."""
        self.charts: tuple[Chart, ...] = ()
        self._pictures: OrderedDict[tuple[str, int], ReadPicture] = OrderedDict()
        self._wire = wire
        self._worker = worker
        self._shown = shown

    def add(self, item_id: str, content_index: int, picture: ReadPicture) -> None:
        """The user's picture may be shown from here on."""
        self._pictures[item_id, content_index] = picture
        if len(self._pictures) > KEPT_PICTURES:
            self._pictures.popitem(last=False)

    def remove(self, item_id: str) -> None:
        """The item is out of the conversation."""
        for key in [key for key in self._pictures if key[0] == item_id]:
            del self._pictures[key]

    def follow(self, answer: Answer) -> None:
        """Show what the answer has come to speak of; its response has begun."""
        text = answer.playback.said
        if not self._wire.extended or answer.looked_at == len(text) or not (self._pictures or self.charts):
            return
        answer.looked_at = len(text)
        for mention, what in self._mentioned(text):
            key = what.title if isinstance(what, Chart) else (what.item_id, what.content_index, what.line.box)
            if key not in answer.shown and len(answer.shown) < MAX_SHOWN:
                answer.shown.add(key)
                answer.spawn(self._show(answer, mention, what))

    def _mentioned(self, text: str) -> Iterator[tuple[Mention, Place | Chart]]:
        mentions: list[tuple[Mention, Place | Chart]] = []
        taken: set[int] = set()  # places of the text: of two pictures that have it, the newer one is meant
        for (item_id, index), picture in reversed(self._pictures.items()):
            rows = picture.facts
            found = rows_mentioned(text, [line.text for line in rows])
            new = [mention for mention in found if mention.start not in taken]
            taken.update(mention.start for mention in new)
            mentions += [(each, Place(item_id, index, picture, rows[each.index])) for each in new]
        mentions += [(mention, self.charts[mention.index]) for mention in charts_mentioned(text, self.charts)]
        yield from sorted(mentions, key=lambda each: each[0].start)

    async def _show(self, answer: Answer, mention: Mention, what: Place | Chart) -> None:
        if isinstance(what, Chart):
            kind, alt, region = "chart", what.alt, None
            url = _data_url("image/svg+xml", draw(what).encode())
        else:
            kind, alt, region = "region", what.line.text, what.region()
            url = _data_url("image/jpeg", await self._worker.run(cropped, what.picture, what.line.box))
        sounds_s = answer.playback.sounds_s(mention.start) if answer.modality == "audio" else None
        self._wire.notice(
            "liushui.image.show",
            response_id=answer.response,
            item_id=answer.item,
            kind=kind,
            at_offset=mention.start,
            at_ms=None if sounds_s is None else round(sounds_s * 1000),
            alt=alt,
            region=region,
            image_url=url,
        )
        await self._shown(answer)


def cropped(picture: ReadPicture, box: Box) -> bytes:
    """Return the picture around a line, as a JPEG with the line outlined."""
    image = Image.open(io.BytesIO(picture.preview))
    scale = image.width / picture.width
    left, top, right, bottom = (each * scale for each in box)
    margin = AROUND * (bottom - top)
    view = image.crop(
        (
            round(max(0, left - margin)),
            round(max(0, top - margin)),
            round(min(image.width, right + margin)),
            round(min(image.height, bottom + margin)),
        )
    )
    pen = max(2, round((bottom - top) / 14))
    x, y = left - max(0, left - margin), top - max(0, top - margin)
    outline = (x - pen, y - pen, x + right - left + pen, y + bottom - top + pen)
    ImageDraw.Draw(view).rectangle(outline, outline=MARK, width=pen)
    view.thumbnail((CROP_WIDTH, CROP_WIDTH))
    out = io.BytesIO()
    view.save(out, "JPEG", quality=CROP_QUALITY)
    return out.getvalue()


def _data_url(kind: str, data: bytes) -> str:
    return f"data:{kind};base64,{base64.b64encode(data).decode()}"
