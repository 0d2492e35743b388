"""A service with scripted engines on a real socket, for clients that send anything and leave anyhow."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import replace

from hypothesis import strategies as st
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from assistant.picture_desk import PictureDesk
from assistant.service import application
from assistant.service_config import ServiceConfig
from llm.engine import Sampling, Token, Tool
from llm.errors import OutOfTurn
from tests.dialogues import ANSWERS, room
from tests.fakes import InlineReader, ScriptedChat
from tests.fuzzed_pictures import Eye
from tests.fuzzing import Target, messages
from tests.test_transport_app import slot_is_free
from transport.limits import Limits
from transport.server import serving

ENOUGH_S = 20.0  # for a service that answers within milliseconds
END = "the last thing asked"
WAYS_TO_LEAVE = ("close", "abort", "stay", "garble")


class StrictChat(ScriptedChat):
    """A scripted chat that refuses what the real one refuses, and as it does."""

    def reply(self, user_text: str | None, sampling: Sampling) -> Iterator[Token]:
        if user_text is None and not self.history:
            return iter(())
        return super().reply(user_text, sampling)

    def commit(self, heard: str | None = None) -> None:
        if self._pending is None:
            raise OutOfTurn("there is no pending turn to commit")
        super().commit(heard)

    def truncate(self, heard: str, index: int | None = None) -> None:
        if not self.history or self.history[-1].role != "assistant":
            raise OutOfTurn("there is no answer to truncate")
        super().truncate(heard, index)


class ManyChats:
    """A model whose every chat is its own."""

    name = "scripted"

    def chat(self, system: str, tools: Sequence[Tool] = ()) -> StrictChat:
        return StrictChat(dict(ANSWERS))


clients = st.tuples(st.lists(messages, max_size=12), st.sampled_from(WAYS_TO_LEAVE))


@contextlib.contextmanager
def service_target() -> Iterator[Target]:
    """Run the service; each example is some clients at a time. On leaving, no session may be left."""
    with asyncio.Runner() as runner:
        stack = contextlib.AsyncExitStack()

        async def start() -> str:
            here = room()
            desk = PictureDesk(InlineReader(Eye()))
            stack.callback(desk.close)
            engines = replace(here.engines, model=ManyChats(), pictures=desk)
            config = ServiceConfig(limits=Limits(max_sessions=64))
            return await stack.enter_async_context(serving(application(config, engines)))

        url = runner.run(start())

        def check(together: list[tuple[list[str | bytes], str]]) -> None:
            async def all_of_them() -> None:
                async with asyncio.timeout(ENOUGH_S), asyncio.TaskGroup() as talking:
                    for sent, leave in together:
                        talking.create_task(talk(url, sent, leave))

            runner.run(all_of_them())

        try:
            yield Target(st.lists(clients, min_size=1, max_size=6), check)
            runner.run(slot_is_free(url))
        finally:
            runner.run(stack.aclose())


async def talk(url: str, sent: list[str | bytes], leave: str) -> None:
    """Send it all, and see that the service answers after it, with nothing but events."""
    async with connect(url, subprotocols=[Subprotocol("liushui.v1")], close_timeout=1) as client:
        for message in sent:
            await client.send(message if isinstance(message, bytes) else sendable(message))
        if leave == "garble":  # no frame, or one that was never meant
            client.transport.write(b"".join(map(raw, sent)))
            await asyncio.sleep(0.01)
        if leave in ("abort", "garble"):
            client.transport.abort()
            await client.wait_closed()
            return
        last = {"type": "conversation.item.retrieve", "item_id": "nobody", "event_id": END}
        await client.send(json.dumps(last))
        while True:
            event = json.loads(await client.recv())
            assert isinstance(event["type"], str) and isinstance(event["event_id"], str)
            if event["type"] == "error":
                assert event["error"]["code"] != "session_failed", event
                if event["error"]["event_id"] == END:
                    break
        if leave == "stay":
            with contextlib.suppress(TimeoutError, ConnectionClosed):
                async with asyncio.timeout(0.05):
                    while True:
                        await client.recv()


def raw(message: str | bytes) -> bytes:
    """A message's bytes, in no frame."""
    return message if isinstance(message, bytes) else message.encode(errors="replace")


def sendable(text: str) -> str:
    """The text without halves of surrogate pairs, which no text message can hold."""
    return text.encode(errors="replace").decode()
