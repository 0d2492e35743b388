"""The pictures of a client's messages: read beside the conversation, they join it as words."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence

from assistant.errors import PictureUnread
from assistant.illustrations import Illustrations
from assistant.inbox import Seen
from assistant.picture_desk import PictureDesk
from assistant.pictures import FAILED, ReadPicture
from transport.items import Item
from transport.pictures import Picture
from transport.protocol import RealtimeProtocol

log = logging.getLogger(__name__)

# For all pictures of a message, the wait for their turn included; a question waits no longer. Four take 5 s
# on a quiet machine, and three times as long beside an answer.
READ_S = 20.0


class PictureItems:
    """Those of one conversation."""

    def __init__(
        self,
        wire: RealtimeProtocol,
        desk: PictureDesk,
        illustrations: Illustrations,
        put: Callable[[Seen], Awaitable[None]],
    ) -> None:
        """`put`: into the session's inbox, what was read."""
        self._wire = wire
        self._desk = desk
        self._illustrations = illustrations
        self._put = put

    async def read(self, item: Item, pictures: Sequence[Picture]) -> None:
        """Read a message's pictures, and tell the session."""
        ends_s = asyncio.get_running_loop().time() + READ_S
        await self._put(Seen(item, tuple([await self._read(picture, ends_s) for picture in pictures])))

    def seen(self, item: Item, read: Sequence[ReadPicture | PictureUnread]) -> None:
        """The pictures of a message were read, or could not be: tell the client, and keep their words."""
        for index, picture in enumerate(read):
            place = {"item_id": item.id, "content_index": index}
            if isinstance(picture, PictureUnread):
                self._wire.notice("liushui.image.failed", **place, reason=str(picture))
                continue
            lines = [line.on_wire() for line in picture.lines]
            size = {"width": picture.width, "height": picture.height}
            self._wire.notice("liushui.image.read", **place, **size, lines=lines)
            self._illustrations.add(item.id, index, picture)
        told = [FAILED if isinstance(each, PictureUnread) else each.told() for each in read]
        self._wire.pictures_seen(item.id, "\n".join(told))

    async def _read(self, picture: Picture, ends_s: float) -> ReadPicture | PictureUnread:
        try:
            async with asyncio.timeout_at(ends_s):
                return await self._desk.read(picture)
        except PictureUnread as error:
            return error
        except TimeoutError:
            return PictureUnread(
                f"reading took over {READ_S:g} s: send a smaller picture, or try again later"
            )
        except (
            Exception
        ) as error:  # whatever the engine died of, the conversation goes on without the picture
            log.exception("a picture could not be read")
            return PictureUnread(f"reading failed ({error})")
