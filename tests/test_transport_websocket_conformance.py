"""RFC 6455 on the real socket, frame by frame: the cases of the Autobahn suite that a server of text meets.

The numbers in brackets are Autobahn's. A session echoes every message, so that what was understood shows.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import struct
import zlib
from collections.abc import AsyncIterator, Iterable, Iterator
from dataclasses import dataclass

import pytest
import pytest_asyncio

from tests.test_transport_app import slot_is_free
from transport.app import create_app
from transport.connection import Connection
from transport.events import Command
from transport.guards import FRAGMENT_BYTES
from transport.limits import Limits
from transport.server import serving
from transport.settings import SessionSettings

pytestmark = pytest.mark.asyncio(loop_scope="module")

MAX_BYTES = 100_000
CONT, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10
GREETED = b'"type":"session.created"'


@dataclass(frozen=True)
class Frame:
    opcode: int
    payload: bytes
    compressed: bool = False

    @property
    def code(self) -> int | None:
        """Of a close frame."""
        return struct.unpack(">H", self.payload[:2])[0] if self.payload else None


def frame(
    opcode: int,
    payload: bytes = b"",
    *,
    fin: bool = True,
    rsv: int = 0,
    masked: bool = True,
    length: int | None = None,
) -> bytes:
    """One frame by hand. `length`: bytes of its extended length, where that is not the shortest."""
    size = len(payload)
    length = (0 if size < 126 else 2 if size < 1 << 16 else 8) if length is None else length
    short = {0: size, 2: 126, 8: 127}[length]
    extended = size.to_bytes(length, "big") if length else b""
    head = bytes([fin << 7 | rsv << 4 | opcode, masked << 7 | short]) + extended
    if not masked:
        return head + payload
    key = b"\x37\xfa\x21\x3d"
    return head + key + bytes(byte ^ key[index % 4] for index, byte in enumerate(payload))


def close(code: int, reason: bytes = b"") -> bytes:
    return frame(CLOSE, struct.pack(">H", code) + reason)


class Peer:
    """A client that sends what it is told to, right or wrong."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        self._inflate = zlib.decompressobj(wbits=-12)
        self.extensions = ""

    async def handshake(self, offer: str = "") -> None:
        extension = f"Sec-WebSocket-Extensions: {offer}\r\n" if offer else ""
        self._writer.write(
            b"GET /v1/realtime HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n"
            + extension.encode()
            + b"\r\n"
        )
        head = (await self._reader.readuntil(b"\r\n\r\n")).decode()
        assert head.startswith("HTTP/1.1 101"), head
        lines = [line.partition(":") for line in head.lower().splitlines()]
        self.extensions = "".join(value for name, _, value in lines if name == "sec-websocket-extensions")
        assert GREETED in (await self.frame()).payload

    async def send(self, *parts: bytes) -> None:
        """Send each part in a packet of its own."""
        for part in parts:
            self._writer.write(part)
            await self._writer.drain()
            await asyncio.sleep(0)

    async def frame(self) -> Frame:
        """The next frame from the server, which never masks and never fragments."""
        first, second = await self._reader.readexactly(2)
        compressed = bool(first & 0x40)
        assert first & 0xB0 == 0x80 and not second & 0x80
        assert self.extensions or not compressed
        size = second & 0x7F
        if size >= 126:
            size = int.from_bytes(await self._reader.readexactly(2 if size == 126 else 8), "big")
        payload = await self._reader.readexactly(size)
        if compressed:
            payload = self._inflate.decompress(payload + b"\0\0\xff\xff")
        return Frame(first & 0x0F, payload, compressed)

    async def echo(self) -> str:
        """What the server understood of the last message."""
        received = await self.frame()
        assert received.opcode == TEXT, received
        return str(json.loads(received.payload)["error"]["message"])

    async def closed(self) -> Frame:
        """The server's close frame, and then the end of the connection."""
        received = await self.frame()
        assert received.opcode == CLOSE, received
        assert await self._reader.read() == b""
        return received

    def abort(self) -> None:
        self._writer.transport.abort()


async def echo(connection: Connection) -> None:
    """A session that tells its client every message as it was understood."""

    def receive(message: str | bytes) -> list[Command]:
        connection.protocol.error(message if isinstance(message, str) else f"binary {message.hex()}")
        return []

    connection.protocol.receive = receive  # type: ignore[method-assign]
    connection.protocol.open()
    await connection.flush()
    async for _ in connection:
        pass


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def url() -> AsyncIterator[str]:
    limits = Limits(max_message_bytes=MAX_BYTES, max_sessions=100, handshake_s=0.5)
    app = create_app(echo, limits=limits, model="m", health=dict, default_settings=SessionSettings())
    async with serving(app) as address:
        yield address


@contextlib.asynccontextmanager
async def peer(url: str, offer: str = "") -> AsyncIterator[Peer]:
    host, port = url.removeprefix("ws://").split("/")[0].split(":")
    client = Peer(*await asyncio.open_connection(host, int(port)))
    try:
        async with asyncio.timeout(5):
            await client.handshake(offer)
            yield client
    finally:
        client.abort()


def fragmented(text: bytes, size: int) -> Iterator[bytes]:
    """A text in fragments of `size` bytes."""
    for start in range(0, len(text), size):
        last = start + size >= len(text)
        yield frame(TEXT if not start else CONT, text[start : start + size], fin=last)


CHINESE = "κόσμε 流水 🌊"
MEGA = "x" * (MAX_BYTES - 1)
# Of a message: what is sent, packet by packet, and how the server understands it.
UNDERSTOOD: dict[str, tuple[Iterable[bytes], str]] = {
    "an empty text [1.1.1]": ([frame(TEXT)], ""),
    **{f"{size} bytes [1.1]": ([frame(TEXT, b"a" * size)], "a" * size) for size in (125, 126, 127, 128)},
    **{f"{size} bytes [1.1]": ([frame(TEXT, b"a" * size)], "a" * size) for size in (65535, 65536)},
    "as much as is taken": ([frame(TEXT, MEGA.encode())], MEGA),
    "a byte a packet [1.1.8]": ([bytes([byte]) for byte in frame(TEXT, b"a" * 200)], "a" * 200),
    "binary [1.2]": ([frame(BINARY, b"\0\xff")], "binary 00ff"),
    "two bytes of length where none are needed": ([frame(TEXT, b"ab", length=2)], "ab"),
    "eight bytes of length where none are needed": ([frame(TEXT, b"ab", length=8)], "ab"),
    "two fragments [5.3]": (list(fragmented(b"fragment", 4)), "fragment"),
    "fragments of a byte": (list(fragmented(CHINESE.encode(), 1)), CHINESE),
    "fragments in one packet [5.4]": ([b"".join(fragmented(b"fragment", 1))], "fragment"),
    "empty fragments [6.1.2]": (
        [frame(TEXT, fin=False), frame(CONT, fin=False), frame(CONT, fin=True)],
        "",
    ),
    "text after an empty fragment [6.1.3]": (
        [frame(TEXT, fin=False), frame(CONT, b"mid", fin=False), frame(CONT)],
        "mid",
    ),
    "a pong nobody asked for between fragments [5.8]": (
        [frame(TEXT, b"a", fin=False), frame(PONG, b"?"), frame(CONT, b"b")],
        "ab",
    ),
    "a pong nobody asked for [2.7]": ([frame(PONG, b"unasked"), frame(TEXT, b"on")], "on"),
    "all planes of Unicode [6.2]": ([frame(TEXT, CHINESE.encode())], CHINESE),
    "code points split between fragments [6.2.3]": (list(fragmented(CHINESE.encode(), 3)), CHINESE),
    "U+0000 [6.1]": ([frame(TEXT, b"a\0b")], "a\0b"),
    "the first and the last of each length [6.6]": (
        [frame(TEXT, "\u0080\u07ff\u0800\uffff\U00010000\U0010ffff".encode())],
        "\u0080\u07ff\u0800\uffff\U00010000\U0010ffff",
    ),
    "noncharacters [6.22]": ([frame(TEXT, "\ufdd0\ufffe\uffff".encode())], "\ufdd0\ufffe\uffff"),
}


@pytest.mark.parametrize("name", UNDERSTOOD)
async def test_a_message_is_understood_however_it_comes(url: str, name: str) -> None:
    parts, text = UNDERSTOOD[name]
    async with peer(url) as client:
        await client.send(*parts)
        assert await client.echo() == text


VALID = "aκ水🌊".encode()
SURROGATE, BEYOND, OVERLONG = b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xc0\xaf"
# Of a violation: what is sent, and the close code it is answered with.
REFUSED: dict[str, tuple[Iterable[bytes], int]] = {
    "an unmasked frame": ([frame(TEXT, b"ab", masked=False)], 1002),
    **{f"reserved bits {bits} [3]": ([frame(TEXT, b"ab", rsv=bits)], 1002) for bits in range(1, 8)},
    **{f"reserved bits {bits} of a ping [3]": ([frame(PING, rsv=bits)], 1002) for bits in (1, 2, 4)},
    **{f"reserved opcode {code} [4]": ([frame(code, b"ab")], 1002) for code in (3, 4, 5, 6, 7, 11, 13, 15)},
    "a ping of 126 bytes [2.5]": ([frame(PING, bytes(126))], 1002),
    "a pong of 126 bytes": ([frame(PONG, bytes(126))], 1002),
    "a close of 126 bytes [7.3.6]": ([close(1000, bytes(124))], 1002),
    "a fragmented ping [5.1]": ([frame(PING, b"a", fin=False), frame(CONT, b"b")], 1002),
    "a fragmented close": ([frame(CLOSE, fin=False)], 1002),
    "a continuation of nothing [5.9]": ([frame(CONT, b"ab")], 1002),
    "an unfinished continuation of nothing [5.11]": ([frame(CONT, b"ab", fin=False)], 1002),
    "a continuation after the end [5.15]": (
        [*fragmented(b"ab", 1), frame(CONT, b"c")],
        1002,
    ),
    "a text within a text [5.18]": ([frame(TEXT, b"a", fin=False), frame(TEXT, b"b")], 1002),
    "a binary within a text": ([frame(TEXT, b"a", fin=False), frame(BINARY, b"b")], 1002),
    "a length of 2**63 [RFC 5.2]": ([b"\x81\xff" + b"\x80" + bytes(7) + bytes(4)], 1009),
    "a length of 2**62": ([b"\x81\xff" + b"\x40" + bytes(7) + bytes(4)], 1009),
    "a message too long": ([frame(TEXT, b"a" * (MAX_BYTES + 1))], 1009),
    "fragments too long together": (list(fragmented(b"a" * (MAX_BYTES + 1), 10_000)), 1009),
    "a compressed frame, though it was not agreed on": ([frame(TEXT, zlib.compress(b"a"), rsv=4)], 1002),
    **{
        f"invalid UTF-8 at byte {at} [6.3]": (
            [frame(TEXT, VALID[:at] + b"\xff" + VALID[at:])],
            1007,
        )
        for at in range(len(VALID) + 1)
    },
    **{
        f"UTF-8 cut at byte {at} [6.8]": ([frame(TEXT, VALID[:at])], 1007)
        for at in range(len(VALID))
        if at not in (0, 1, 3, 6)
    },
    "half of a surrogate pair [6.11]": ([frame(TEXT, SURROGATE)], 1007),
    "a code point beyond Unicode [6.4]": ([frame(TEXT, BEYOND)], 1007),
    "an overlong code point [6.14]": ([frame(TEXT, OVERLONG)], 1007),
    "invalid UTF-8 in a fragment [6.4.1]": (
        [frame(TEXT, VALID, fin=False), frame(CONT, BEYOND, fin=False), frame(CONT, b"a")],
        1007,
    ),
    "a close of one byte [7.3.2]": ([frame(CLOSE, b"\x03")], 1002),
    "a reason that is not UTF-8 [7.5.1]": (
        [close(1000, b"\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5\xed\xa0")],
        1007,
    ),
    **{
        f"close code {code} [7.9]": ([close(code)], 1002)
        for code in (0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535)
    },
}


@pytest.mark.parametrize("name", REFUSED)
async def test_a_violation_closes_the_connection_with_its_code(url: str, name: str) -> None:
    parts, code = REFUSED[name]
    async with peer(url) as client:
        await client.send(*parts)
        assert (await client.closed()).code == code


ACCEPTED_CODES = (1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 3000, 3999, 4000, 4999)


@pytest.mark.parametrize("code", ACCEPTED_CODES)
async def test_a_close_is_answered_with_its_own_code(url: str, code: int) -> None:
    async with peer(url) as client:
        await client.send(close(code, "再见".encode()))
        assert (await client.closed()).code == code


async def test_a_close_without_a_code_is_answered_and_what_follows_it_is_not_read(url: str) -> None:
    async with peer(url) as client:
        await client.send(frame(CLOSE) + frame(TEXT, b"late") + frame(PING))
        assert (await client.closed()).code in (None, 1000)


@pytest.mark.parametrize("payload", [b"", b"ping", bytes(range(256))[131:], bytes(125)])
async def test_a_ping_is_answered_with_its_payload(url: str, payload: bytes) -> None:
    async with peer(url) as client:
        await client.send(frame(PING, payload))
        assert await client.frame() == Frame(PONG, payload)


async def test_pings_are_answered_in_order_and_between_the_fragments_of_a_message(url: str) -> None:
    async with peer(url) as client:
        parts = list(fragmented(b"message", 1))
        await client.send(*(frame(PING, bytes([n])) + part for n, part in enumerate(parts)))
        for n in range(len(parts)):
            assert await client.frame() == Frame(PONG, bytes([n]))
        assert await client.echo() == "message"


@pytest.mark.parametrize(
    "offer",
    [
        "permessage-bzip2",
        "permessage-deflate; unknown=1",
    ],
)
async def test_compression_that_is_not_known_is_declined(url: str, offer: str) -> None:
    async with peer(url, offer) as client:
        assert client.extensions == ""
        await client.send(frame(TEXT, b"plain"))
        assert await client.echo() == "plain"


async def test_events_are_compressed_and_speech_is_not(url: str) -> None:
    async with peer(url, "permessage-deflate; client_max_window_bits") as client:
        assert "permessage-deflate" in client.extensions
        short, long = b"short and " * 20, b"long " * 1000
        for message in (short, long):
            packed = zlib.compressobj(wbits=-12)
            data = packed.compress(message) + packed.flush(zlib.Z_SYNC_FLUSH)
            await client.send(frame(TEXT, data[:-4], rsv=4))
            assert (await client.frame()).compressed is (message is short)


async def test_a_compressed_bomb_is_refused(url: str) -> None:
    async with peer(url, "permessage-deflate; client_max_window_bits") as client:
        packed = zlib.compressobj(wbits=-12)
        data = packed.compress(bytes(100 * MAX_BYTES)) + packed.flush(zlib.Z_SYNC_FLUSH)
        await client.send(frame(TEXT, data[:-4], rsv=4))
        assert (await client.closed()).code == 1009


async def test_empty_fragments_without_end_are_refused(url: str) -> None:
    async with peer(url) as client:
        await client.send(frame(TEXT, fin=False), frame(CONT, fin=False) * (MAX_BYTES // FRAGMENT_BYTES + 1))
        assert (await client.closed()).code == 1009


async def test_many_messages_may_be_fragmented_one_after_the_other(url: str) -> None:
    async with peer(url) as client:
        for _ in range(3):
            await client.send(*fragmented(b"a" * (MAX_BYTES // 2), MAX_BYTES // 4))
            assert len(await client.echo()) == MAX_BYTES // 2
        few = MAX_BYTES // FRAGMENT_BYTES - 1
        for _ in range(3):
            await client.send(frame(TEXT, fin=False), frame(CONT, fin=False) * few, frame(CONT))
            assert await client.echo() == ""


@pytest.mark.parametrize(
    "sent", [b"", b"GET /v1/realtime HTTP/1.1\r\nHost: x\r\nUpgrade: webs", b"\x16\x03\x01"]
)
async def test_a_handshake_that_does_not_come_to_an_end_is_dropped(url: str, sent: bytes) -> None:
    host, port = url.removeprefix("ws://").split("/")[0].split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(sent)
    async with asyncio.timeout(5):
        with contextlib.suppress(ConnectionResetError):
            await reader.read()
    writer.close()


async def test_nobody_is_left(url: str) -> None:
    await slot_is_free(url)
