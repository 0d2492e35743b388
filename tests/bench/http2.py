"""A chat stream and speech asked for at once: on one connection of HTTP/2, and on two of HTTP/1.1.

Real weights, a real socket, TLS in both. Besides the machine as it is, with a delay of the network, which a
relay in between makes: it is what connections cost.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import ssl
import statistics
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import httpx
import trustme

from assistant.loaded import Engines
from assistant.service import load_engines, running
from assistant.service_config import ServiceConfig
from assistant.weights import Store
from tests.bench.machine import this_machine
from tests.http2 import Http2Client
from transport.http2 import Certificate

CHAT = {
    "messages": [{"role": "user", "content": "What helps against a cold? Answer in two sentences."}],
    "max_tokens": 40,
    "stream": True,
}
SPEECH = {
    "input": "Rest well, and drink a lot of water. See a doctor if it lasts.",
    "voice": "heart",
    "response_format": "opus",
}
REQUESTS = (
    ("/v1/chat/completions", {"model": "m", **CHAT}),
    ("/v1/audio/speech", {"model": "m", **SPEECH}),
)


@asynccontextmanager
async def delayed(url: str, one_way_s: float) -> AsyncIterator[str]:
    """A relay in front of the service that takes so long in each direction; yields its URL."""
    host, _, rest = url.removeprefix("wss://").partition(":")
    port = int(rest.partition("/")[0])

    async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        loop = asyncio.get_running_loop()
        while data := await reader.read(65536):
            loop.call_later(one_way_s, writer.write, data)
        loop.call_later(one_way_s, writer.close)

    async def relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there = await asyncio.open_connection(host, port)
        await asyncio.gather(pump(reader, there[1]), pump(there[0], writer))

    server = await asyncio.start_server(relay, "127.0.0.1", 0)
    async with server:
        yield f"wss://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1/realtime"


async def timed(body: AsyncIterator[bytes], start_s: float) -> tuple[float, float]:
    """Seconds to the first byte of a body, and to the last."""
    first_s = 0.0
    async for _ in body:
        first_s = first_s or time.perf_counter() - start_s
    return first_s, time.perf_counter() - start_s


async def by_http1(root: str, context: ssl.SSLContext, *, open_before: bool) -> list[tuple[float, float]]:
    async with httpx.AsyncClient(verify=context, timeout=60) as http:
        if open_before:
            await http.get(f"{root}/v1/models")
        start_s = time.perf_counter()

        async def ask(path: str, asked: dict[str, Any]) -> tuple[float, float]:
            async with http.stream("POST", f"{root}{path}", json=asked) as response:
                response.raise_for_status()
                return await timed(response.aiter_raw(), start_s)

        return await asyncio.gather(*(ask(path, asked) for path, asked in REQUESTS))


async def by_http2(root: str, context: ssl.SSLContext, *, open_before: bool) -> list[tuple[float, float]]:
    """Our own client: httpx opens no second stream before the server's settings are there."""
    start_s = time.perf_counter()
    async with Http2Client.connect(root, context) as http:
        if open_before:
            async for _ in await http.request("GET", "/v1/models"):
                pass
            start_s = time.perf_counter()

        async def ask(path: str, asked: dict[str, Any]) -> tuple[float, float]:
            body, kind = json.dumps(asked).encode(), [("content-type", "application/json")]
            stream = await http.request("POST", path, body, kind)
            assert (await stream.headers)[":status"] == "200"
            return await timed(aiter(stream), start_s)

        return await asyncio.gather(*(ask(path, asked) for path, asked in REQUESTS))


async def both(url: str, context: ssl.SSLContext, *, http2: bool, open_before: bool) -> dict[str, float]:
    """Ask for both at once, where one connection is open before or none is."""
    root = url.replace("wss", "https", 1).removesuffix("/v1/realtime")
    text, audio = await (by_http2 if http2 else by_http1)(root, context, open_before=open_before)
    named = zip(("text_first_s", "text_s", "audio_first_s", "audio_s"), (*text, *audio), strict=True)
    return dict(named)


async def compare(url: str, context: ssl.SSLContext, runs: int, *, open_before: bool) -> list[dict[str, Any]]:
    """Medians of both kinds, measured in turns."""
    taken: dict[bool, list[dict[str, float]]] = {True: [], False: []}
    for _ in range(runs):
        for http2, found in taken.items():
            found.append(await both(url, context, http2=http2, open_before=open_before))
    return [
        {
            "http": "2" if http2 else "1.1",
            "open_before": open_before,
            **{name: round(statistics.median(each[name] for each in found), 4) for name in found[0]},
        }
        for http2, found in taken.items()
    ]


async def measure(engines: Engines, runs: int, round_trips_ms: Sequence[float]) -> list[dict[str, Any]]:
    authority, results = trustme.CA(), []
    issued = authority.issue_cert("127.0.0.1")
    with tempfile.TemporaryDirectory() as folder:
        certificate, key = Path(folder) / "cert.pem", Path(folder) / "key.pem"
        certificate.write_bytes(b"".join(blob.bytes() for blob in issued.cert_chain_pems))
        key.write_bytes(issued.private_key_pem.bytes())
        context = ssl.create_default_context()
        authority.configure_trust(context)
        config = ServiceConfig(port=0, tls=Certificate(certificate, key))
        async with running(config, engines) as url:
            for round_trip_ms in round_trips_ms:
                async with delayed(url, round_trip_ms / 2000) as relayed:
                    await both(relayed, context, http2=True, open_before=False)  # warm-up
                    for open_before in (False, True):
                        found = await compare(relayed, context, runs, open_before=open_before)
                        results += [{"round_trip_ms": round_trip_ms, **each} for each in found]
    return results


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--runs", type=int, default=7)
    arguments.add_argument("--round-trip-ms", type=float, nargs="*", default=[0, 100])
    args = arguments.parse_args()
    engines = load_engines(ServiceConfig(port=0), Store())
    try:
        results = asyncio.run(measure(engines, args.runs, args.round_trip_ms))
    finally:
        engines.close()
    for each in results:
        connections = "one is open" if each["open_before"] else "none is open"
        print(
            f"HTTP/{each['http']:3} round trip {each['round_trip_ms']:3g} ms, {connections:12}: "
            f"text {each['text_first_s']:.3f} to {each['text_s']:.3f} s, "
            f"speech {each['audio_first_s']:.3f} to {each['audio_s']:.3f} s"
        )
    machine = this_machine()
    print(machine)
    print(json.dumps({"machine": asdict(machine), "runs": args.runs, "results": results}))


if __name__ == "__main__":
    main()
