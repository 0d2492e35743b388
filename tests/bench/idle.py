"""Connections that do nothing: how many one process holds, and what each of them takes.

The service runs in a process of its own (`python -m tests.bench.idle PORT`), with the real sessions and
scripted engines that take nothing: what is measured is what a connection takes by itself.
"""

from __future__ import annotations

import asyncio
import resource
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from websockets.asyncio.client import ClientConnection, connect
from websockets.protocol import State

from assistant.loaded import Engines
from assistant.own_service import free_port
from assistant.service import application
from assistant.service_config import ServiceConfig
from llm.engine import Tool
from tests.fakes import ScriptedChat
from transport import server
from transport.limits import Limits

AT_A_TIME = 50  # handshakes in progress
WARM_UP = 20  # connections before the first look at memory: what the first one loads is not its own


class SilentModel:
    """A language model that is never asked anything."""

    name = "silent"

    def chat(self, system: str, tools: Sequence[Tool] = ()) -> ScriptedChat:
        return ScriptedChat({})


@dataclass(frozen=True, slots=True)
class Idle:
    """What was held for how long, and what each connection took of the service's memory."""

    held: int
    seconds: float
    kib_each: float
    threads: int  # of the service, with all of them open


async def hold(count: int, seconds: float) -> Idle:
    """Open so many connections to a service of their own, let them be, and count what is left of them."""
    _allow_open_files(2 * count + 100)
    port = free_port()
    process = await asyncio.create_subprocess_exec(sys.executable, "-m", __name__, str(port))
    url = f"ws://127.0.0.1:{port}/v1/realtime"
    try:
        async for _ in connect(url):
            break  # it listens
        first = await _open(url, WARM_UP)
        before_kib = _memory_kib(process.pid)
        clients = first + await _open(url, count - WARM_UP)
        await asyncio.sleep(seconds)
        took_kib = (_memory_kib(process.pid) - before_kib) / (count - WARM_UP)
        held = sum(client.state is State.OPEN for client in clients)
        return Idle(held, seconds, round(took_kib, 1), _threads(process.pid))
    finally:
        process.kill()
        await process.wait()


async def _open(url: str, count: int) -> list[ClientConnection]:
    few = asyncio.Semaphore(AT_A_TIME)

    async def one() -> ClientConnection:
        async with few:
            client = await connect(url, compression=None, ping_interval=None)
            await client.recv()  # it has a session
            return client

    return await asyncio.gather(*(one() for _ in range(count)))


def _memory_kib(pid: int) -> int:
    """What a process has of the machine's memory for itself."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="utf-8").splitlines()
    private = [line for line in lines if line.startswith("Private_")]
    return sum(int(line.split()[1]) for line in private)


def _threads(pid: int) -> int:
    return len(list(Path(f"/proc/{pid}/task").iterdir()))


def _allow_open_files(count: int) -> None:
    """Raise this process's limit, which its children inherit, if it is lower."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(max(soft, count), hard), hard))


def main() -> None:
    """The service under test."""
    engines = Engines(SilentModel(), None, None, ("only the wire is measured",))
    config = ServiceConfig(limits=Limits(max_sessions=1_000_000, idle_s=3600))
    server.run(application(config, engines), "127.0.0.1", int(sys.argv[1]), log_level="warning")


if __name__ == "__main__":
    main()
