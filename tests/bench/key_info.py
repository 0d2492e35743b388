"""What matters first: when the key words of an answer are on screen over a narrow link, ours and in order.

A service with the usual engines answers typed questions aloud over a link of RATE_KBPS. Both ways carry the
same frames; in order means first in, first out, with no word and no sound before another and none dropped.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from unittest.mock import patch
from urllib.parse import urlsplit

from assistant.service import load_engines, running
from assistant.service_config import ServiceConfig
from assistant.weights import Store
from tests.bench.consultations import consultations
from tests.bench.shaping import Link, shaped
from transport.degrade import Delivery, Ladder
from transport.framed_client import FramedClient, Heard, Told
from transport.key_words import KeyWords, WordClass
from transport.priority import AudioChunk, ControlEvent, Leaving, OutgoingQueue, Put, TextEvent, TextPiece

RATE_KBPS, RTT_MS = 16, 50
QUESTIONS = 4
DETAIL = " Please explain it in some detail, step by step."  # short answers have little to put in order
PATIENCE_S = 180.0


class InOrder(OutgoingQueue):
    """First in, first out; a phrase's words are one event."""

    def __init__(self) -> None:
        super().__init__()
        self._all: deque[Put] = deque()

    def put(self, item: Put, now_s: float) -> None:
        self._all.append(item)
        self.waiting_bytes += 1

    def next(self, now_s: float, room_bytes: int, transit_s: float = 0.0) -> Leaving | None:
        if not self._all or room_bytes <= 0:
            return None
        item = self._taken()
        if not isinstance(item, TextPiece):
            return item
        pieces = [item]
        while self._all and isinstance(self._all[0], TextPiece):
            following = self._taken()
            assert isinstance(following, TextPiece)
            pieces.append(following)
        return TextEvent(tuple(pieces))

    def clear(self, item_id: str) -> None:
        pass

    def _taken(self) -> ControlEvent | AudioChunk | TextPiece:
        self.waiting_bytes -= 1
        return self._all.popleft()

    def also(self, room_bytes: int) -> None:
        return None


class NoLadder(Ladder):
    """Never degrades."""

    def observe(self, delivery: Delivery, now_s: float) -> None:
        return None


@dataclass(frozen=True, slots=True)
class Shown:
    """When an answer was on screen, in s after it was asked for."""

    key_s: float  # all its key words
    all_s: float


async def shown() -> tuple[list[Shown], list[Shown]]:
    """Ask every question both ways; ours first, then in order."""
    async with over_link(Link(rtt_ms=RTT_MS, rate_kbps=RATE_KBPS, seed=1)) as url:
        questions = long_questions()
        ours = [await _ask(url, question) for question in questions]
        with (
            patch("transport.outbound.OutgoingQueue", InOrder),
            patch("transport.outbound.Ladder", NoLadder),
        ):
            in_order = [await _ask(url, question) for question in questions]
    return ours, in_order


def long_questions() -> list[str]:
    """One of each consultation."""
    return [talk.questions[0] + DETAIL for talk in consultations()][:QUESTIONS]


@asynccontextmanager
async def over_link(link: Link) -> AsyncIterator[str]:
    """Run a service with the usual engines behind a link; yields the URL."""
    config = ServiceConfig()
    engines = load_engines(config, Store())
    try:
        async with running(config, engines) as near:
            address = urlsplit(near)
            assert address.hostname is not None and address.port is not None
            async with shaped(address.hostname, address.port, link) as port:
                yield address._replace(netloc=f"{address.hostname}:{port}").geturl()
    finally:
        engines.close()


async def ask(client: FramedClient, question: str) -> AsyncIterator[Heard | Told]:
    """Ask by typing; yields all that comes until the answer is done."""
    item = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": question}]}
    await client.send({"type": "conversation.item.create", "item": item})
    await client.send({"type": "response.create"})
    async with asyncio.timeout(PATIENCE_S):
        async for each in client:
            yield each
            match each:
                case Told({"type": "response.done"}):
                    return
                case Told({"type": "error"} as event):
                    raise RuntimeError(event["error"]["message"])


async def _ask(url: str, question: str) -> Shown:
    arrived: list[tuple[float, dict[str, Any]]] = []
    async with FramedClient.connect(url) as client:
        asked_s = asyncio.get_running_loop().time()
        async for each in ask(client, question):
            if isinstance(each, Told) and each.event["type"] == "liushui.text":
                arrived += [(each.t_s - asked_s, piece) for piece in each.event["pieces"]]
    return _when_shown(arrived)


def _when_shown(arrived: list[tuple[float, dict[str, Any]]]) -> Shown:
    text = "".join(piece["text"] for _, piece in sorted(arrived, key=lambda each: each[1]["offset"]))
    spans = [(piece["offset"], piece["offset"] + len(piece["text"]), t_s) for t_s, piece in arrived]

    def shown_s(start: int, end: int) -> float:
        return max(t_s for first, last, t_s in spans if first < end and start < last)

    words = KeyWords().tag(text)
    keys = [word for word in words if word.word_class is WordClass.KEY] or words
    return Shown(
        max(shown_s(word.offset, word.offset + len(word.text)) for word in keys),
        max(t_s for *_, t_s in spans),
    )
