"""Pictures that `liushui talk` sends before its first question, and what the service read in them."""

from __future__ import annotations

import asyncio
import base64
import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from assistant.picture_items import READ_S
from transport.client import RealtimeClient
from transport.pictures import Picture

SILENCE_S = READ_S + 10  # the service reads no longer; the rest is the picture's way there


@dataclass(frozen=True, slots=True)
class Sent:
    """A picture that was sent."""

    path: Path
    lines: tuple[Mapping[str, Any], ...] = ()  # as `liushui.image.read` has them
    problem: str | None = None  # why it was not read

    def as_dict(self) -> dict[str, object]:
        """For the JSON line."""
        return {"file": str(self.path), "lines": list(self.lines), "problem": self.problem}

    def account(self) -> list[str]:
        """For the terminal."""
        if self.problem is not None:
            return [f"{self.path.name}: {self.problem}"]
        if not self.lines:
            return [f"{self.path.name}: no text in it could be read"]
        read = (f"  {line['text']}{' (?)' if line['uncertain'] else ''}" for line in self.lines)
        return [f"{self.path.name}:", *read]


async def send_pictures(client: RealtimeClient, pictures: Sequence[tuple[Path, Picture]]) -> list[Sent]:
    """Send each as a message of its own, and wait until all are read. Raises ConnectionLostError."""
    waiting = {f"picture_{number}": path for number, (path, _) in enumerate(pictures, start=1)}
    for item_id, (_, picture) in zip(waiting, pictures, strict=True):
        await client.send(message_of(picture, item_id))
    told = dict[str, Sent]()
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(SILENCE_S):
            while len(told) < len(waiting):
                told |= await _next(client, waiting)
    silent = "the service told nothing of it"
    return [told.get(item_id) or Sent(path, problem=silent) for item_id, path in waiting.items()]


async def _next(client: RealtimeClient, waiting: Mapping[str, Path]) -> dict[str, Sent]:
    """Return what the next event tells of one of these."""
    async for received in client:
        event = received.event
        match event["type"]:
            case "liushui.image.read" if (item_id := event["item_id"]) in waiting:
                return {item_id: Sent(waiting[item_id], tuple(event["lines"]))}
            case "liushui.image.failed" if (item_id := event["item_id"]) in waiting:
                return {item_id: Sent(waiting[item_id], problem=event["reason"])}
            case "error" if (item_id := event["error"].get("event_id")) in waiting:
                return {item_id: Sent(waiting[item_id], problem=event["error"]["message"])}
    return {item_id: Sent(path, problem="the service went away") for item_id, path in waiting.items()}


def message_of(picture: Picture, item_id: str) -> dict[str, object]:
    """Return the event that puts the picture into the conversation."""
    url = f"data:image/{picture.header.kind};base64,{base64.b64encode(picture.data).decode()}"
    content = [{"type": "input_image", "image_url": url}]
    item = {"type": "message", "role": "user", "id": item_id, "content": content}
    return {"type": "conversation.item.create", "event_id": item_id, "item": item}
