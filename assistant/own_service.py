"""A service of one's own: another process, as a user would start it, that ends with the block."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import sys
import urllib.error
import urllib.request
from asyncio.subprocess import DEVNULL, Process
from collections.abc import AsyncIterator, Sequence

from assistant.arguments import KEYS_VARIABLE
from assistant.errors import ServiceStopped

POLL_S = 0.1
FAREWELL_S = 15.0  # answers in progress have 8 s to end, sessions 5 s; what takes longer hangs


@contextlib.asynccontextmanager
async def own_service(options: Sequence[str] = ()) -> AsyncIterator[str]:
    """Run `liushui serve` with these options on a free port; yields the URL of its /v1/realtime.

    It may fetch weights first, with its progress on stderr. Raises ServiceStopped when it does not come up.
    """
    port = free_port()
    command = (sys.executable, "-m", "assistant.cli", "serve", "--port", str(port), *options)
    environment = {name: value for name, value in os.environ.items() if name != KEYS_VARIABLE}  # ours alone
    process = await asyncio.create_subprocess_exec(*command, stdin=DEVNULL, stdout=DEVNULL, env=environment)
    try:
        await _until_healthy(process, port)
        yield f"ws://127.0.0.1:{port}/v1/realtime"
    finally:
        await _end(process)


def free_port() -> int:
    """A TCP port of this machine that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
    return port


async def _until_healthy(process: Process, port: int) -> None:
    while not await asyncio.to_thread(_healthy, port):
        if process.returncode is not None:
            raise ServiceStopped(
                f"the service ended with exit status {process.returncode} before it listened; see its message"
            )
        await asyncio.sleep(POLL_S)


def _healthy(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=POLL_S * 10):
            return True
    except (urllib.error.URLError, OSError):
        return False


async def _end(process: Process) -> None:
    if process.returncode is None:
        process.terminate()
    try:
        async with asyncio.timeout(FAREWELL_S):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()
